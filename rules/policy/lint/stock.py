"""Inventories and budgets: something takes of them, something confirms it, and there is enough for one."""

from collections.abc import Iterator

from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from schemas.catalogue import Campaign, Offer
from schemas.stock import CONFIRMING, Budget, Inventory


def confirmed(subject: Subject) -> Iterator[Finding]:
    """Without an outcome that takes it for good, every reservation expires and is given out again."""
    policy = subject.policy
    if not subject.sound("outcomes"):
        return
    kinds = {each.kind for each in policy.outcomes.values()}
    for path, held in _all(subject):
        kind = CONFIRMING[held.confirm]
        if kind not in kinds:
            message = f"nothing is ever used up: `{held.confirm}` is an outcome of the class `{kind}`, and none has it"
            hint = f"declare an outcome with `class: {kind}`"
            yield subject.error((*path, "confirm"), "never-confirmed", message, hint)


def taken(subject: Subject) -> Iterator[Finding]:
    """A budget that no offer takes anything of."""
    offers = {each.id: each for each in subject.policy.offers}
    if not subject.sound("offers", "campaigns"):
        return
    for at, campaign in enumerate(subject.policy.campaigns):
        made = _made(campaign, offers)
        if campaign.budget is not None and made and not any(each.cost for each in made):
            message = f"the budget of `{campaign.id}` has no effect: none of its offers has a `cost`"
            yield subject.warning(("campaigns", at, "budget"), "no-effect", message, "say what making them costs")


def enough(subject: Subject) -> Iterator[Finding]:
    """What cannot be made once."""
    offers = {each.id: each for each in subject.policy.offers}
    for at, offer in enumerate(subject.policy.offers):
        if offer.inventory is not None and not offer.inventory.units:
            message = f"`{offer.id}` is never made: its inventory is 0"
            yield subject.warning(("offers", at, "inventory"), "sold-out", message)
    for at, campaign in enumerate(subject.policy.campaigns):
        for offer in _made(campaign, offers):
            if campaign.budget is not None and offer.cost > campaign.budget.amount:
                message = f"`{offer.id}` is never made in `{campaign.id}`: it costs {offer.cost:g}"
                message += f", more than the budget of {campaign.budget.amount:g}"
                yield subject.warning(("campaigns", at, "budget"), "sold-out", message)


def _all(subject: Subject) -> Iterator[tuple[Path, Inventory | Budget]]:
    for at, offer in enumerate(subject.policy.offers):
        if offer.inventory is not None:
            yield ("offers", at, "inventory"), offer.inventory
    for at, campaign in enumerate(subject.policy.campaigns):
        if campaign.budget is not None:
            yield ("campaigns", at, "budget"), campaign.budget


def _made(campaign: Campaign, offers: dict[str, Offer]) -> list[Offer]:
    names = dict.fromkeys(name for program in campaign.programs for cell in program.cells for name in cell.offers)
    return [offers[name] for name in names if name in offers]


CHECKS: tuple[Check, ...] = (confirmed, taken, enough)
