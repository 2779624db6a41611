"""Offers that never win a slot, since a better one is always there.

Promises no false alarm: the better one is always on, for everybody, in all places of the other, and nothing of the
contact policy can refuse it; and no propensity, boost or lever makes up for its score. So it says something only of
simple policies, and of mandatory offers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rules.bounds import LEAST_LIKELY, within
from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from schemas.catalogue import Campaign, Cell, Conditions, Offer, Program
from schemas.policy import Policy


@dataclass(frozen=True, slots=True)
class Rival:
    """An offer that is always there."""

    offer: Offer
    places: set[tuple[str, str]]
    least: float
    """The least score that it may have."""


def outdone(subject: Subject) -> Iterator[Finding]:
    policy = subject.policy
    if not subject.sound("offers", "campaigns", "rules", "contact_policy", "arbitration"):
        return
    always = [Rival(each, _plain(each), _least(each, policy)) for each in policy.offers if _always_there(each, policy)]
    for at, offer in enumerate(policy.offers if always else ()):
        most, places = _most(offer, policy), {(each.channel, each.placement) for each in offer.treatments}
        rivals = (each for each in always if each.offer is not offer and places <= each.places)
        better = next((each.offer for each in rivals if _outdoes(each, offer, most)), None)
        if better is not None:
            path: Path = ("offers", at, "id")
            message = f"`{offer.id}` never wins where one slot is asked for: `{better.id}` is always there, and better"
            yield subject.warning(path, "never-wins", message, "say whom each of them is for")


def _always_there(offer: Offer, policy: Policy) -> bool:
    contact = policy.contact_policy
    refusing = (contact.do_not_contact, contact.black_lists, contact.consents, contact.requirements)
    silent = (contact.quiet_hours, contact.priorities, contact.suppressions, contact.cool_downs)
    if any(refusing) or any(silent) or (contact.caps and offer.kind != "mandatory"):
        return False
    return offer.always and not offer.bundle and _free(offer) and any(_for_everybody(offer, policy))


def _for_everybody(offer: Offer, policy: Policy) -> Iterator[bool]:
    for campaign in policy.campaigns:
        for program in campaign.programs:
            cells = program.cells
            if all(offer.id in cell.offers and _free(cell) for cell in cells):
                yield _free(campaign) and _free(program)


def _free(level: Campaign | Program | Cell | Offer) -> bool:
    """Without conditions and dates."""
    dated = not isinstance(level, Cell) and (level.starts or level.ends)
    return not dated and not any(getattr(level, field) for field in Conditions.model_fields)


def _plain(offer: Offer) -> set[tuple[str, str]]:
    """The places where it can always be made."""
    return {(t.channel, t.placement) for t in offer.treatments if not any("{" in x for x in t.content.values())}


def _outdoes(rival: Rival, offer: Offer, most: float) -> bool:
    if offer.kind == "mandatory":
        return False
    return rival.offer.kind == "mandatory" or rival.least > most


def _least(offer: Offer, policy: Policy) -> float:
    """The least score that the offer may have."""
    arbitration = policy.arbitration
    likely: float = LEAST_LIKELY**arbitration.propensity_exponent
    score = likely * (offer.value if arbitration.value else 1)
    score *= _context(offer, policy, least=True) if arbitration.context else 1
    return score * (_lever(offer, policy, least=True) if arbitration.levers else 1)


def _most(offer: Offer, policy: Policy) -> float:
    arbitration = policy.arbitration
    score = (offer.value if arbitration.value else 1) * (
        _context(offer, policy, least=False) if arbitration.context else 1
    )
    return score * (_lever(offer, policy, least=False) if arbitration.levers else 1)


def _context(offer: Offer, policy: Policy, least: bool) -> float:
    """With the boosts of all rules that push it, or of all that hold it back."""
    boosts = [rule.boost - 1 for rule in policy.rules if offer.id in rule.propose]
    factor = 1 + sum(each for each in boosts if (each < 0) == least)
    return within(factor)


def _lever(offer: Offer, policy: Policy, least: bool) -> float:
    """In the program where it counts least or most."""
    found = [
        1 + (_issue(policy, campaign) + campaign.lever + program.lever + offer.lever) / 100
        for campaign in policy.campaigns
        for program in campaign.programs
        if any(offer.id in cell.offers for cell in program.cells)
    ]
    factor = (min if least else max)(found, default=1.0)
    return within(factor)


def _issue(policy: Policy, campaign: Campaign) -> float:
    return policy.issues[campaign.issue].lever if campaign.issue in policy.issues else 0.0


CHECKS: tuple[Check, ...] = (outdone,)
