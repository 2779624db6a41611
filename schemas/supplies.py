"""The supplies of a policy: each inventory and each budget under one name, `offer:<id>` or `campaign:<id>`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from schemas.catalogue import Campaign, Offer
from schemas.policy import Policy
from schemas.stock import CONFIRMING, MICRO, Budget, Inventory, Taking, micro

OF_OFFER, OF_CAMPAIGN = "offer:", "campaign:"


@dataclass(frozen=True, slots=True)
class Supply:
    id: str
    total: int
    """Units, or millionths of the currency."""
    least: int
    """What one treatment takes of it at the least, and…"""
    most: int
    """…at the most."""


def supplies_of(policy: Policy) -> dict[str, Supply]:
    """By name. One that nothing takes of is none."""
    offers = {each.id: each for each in policy.offers}
    amounts: dict[str, set[int]] = {}
    for campaign in policy.campaigns:
        for name in {name for program in campaign.programs for cell in program.cells for name in cell.offers}:
            if name in offers:
                for supply, taking in takes_of(campaign, offers[name], offers).items():
                    amounts.setdefault(supply, set()).add(taking["amount"])
    totals = dict(_totals(policy))
    return {name: Supply(name, totals[name], min(found), max(found)) for name, found in sorted(amounts.items())}


def takes_of(campaign: Campaign, offer: Offer, offers: Mapping[str, Offer]) -> dict[str, Taking]:
    """What a treatment of the offer in the campaign takes, by supply: one of its inventory and of that of each part
    of a bundle; its cost, of the budget."""
    made = (offer, *(offers[part] for part in offer.bundle if part in offers))
    found = {f"{OF_OFFER}{each.id}": _taking(1, each.inventory) for each in made if each.inventory is not None}
    if campaign.budget is not None and micro(offer.cost):
        found[f"{OF_CAMPAIGN}{campaign.id}"] = _taking(micro(offer.cost), campaign.budget)
    return found


def counted(supply: str, amount: float) -> int:
    """An authored amount as it is counted."""
    return micro(amount) if supply.startswith(OF_CAMPAIGN) else int(amount)


def amount_of(supply: str, counted: int) -> float:
    """What is counted, as it is authored."""
    return counted / MICRO if supply.startswith(OF_CAMPAIGN) else counted


def shown(supply: str, amount: int) -> str:
    """Of a budget in the currency."""
    return f"{amount / MICRO:,.15g}" if supply.startswith(OF_CAMPAIGN) else f"{amount:,}"


def _totals(policy: Policy) -> Iterable[tuple[str, int]]:
    yield from _inventories(policy)
    for each in policy.campaigns:
        if each.budget is not None:
            yield f"{OF_CAMPAIGN}{each.id}", micro(each.budget.amount)


def _inventories(policy: Policy) -> Iterator[tuple[str, int]]:
    return ((f"{OF_OFFER}{each.id}", each.inventory.units) for each in policy.offers if each.inventory is not None)


def _taking(amount: int, held: Inventory | Budget) -> Taking:
    return Taking(amount=amount, confirm=CONFIRMING[held.confirm], hold_ms=held.hold)
