"""Days on which campaigns, programs and offers are live: in order, and some of them on all levels."""

from collections.abc import Iterator
from datetime import date

from rules.policy.conditions import inheriting
from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from schemas.catalogue import Campaign, Dated, Offer, Program
from schemas.policy import Policy

Level = tuple[Path, Dated]


def ordered(subject: Subject) -> Iterator[Finding]:
    for path, dated in levels(subject.policy):
        if dated.starts and dated.ends and dated.ends < dated.starts:
            message = f"`{_id(dated)}` ends on {dated.ends}, before it starts on {dated.starts}"
            yield subject.error((*path, "ends"), "dates", message)


def never_together(subject: Subject) -> Iterator[Finding]:
    """An offer, program and campaign that are never live on the same day."""
    policy = subject.policy
    offers = {each.id: (at, each) for at, each in enumerate(policy.offers)}
    for c, campaign in enumerate(policy.campaigns):
        for p, program in enumerate(campaign.programs):
            above: list[Level] = [(("campaigns", c), campaign), (("campaigns", c, "programs", p), program)]
            yield from _apart(subject, above)
            for name in dict.fromkeys(offer for cell in program.cells for offer in cell.offers):
                if name in offers:
                    at, offer = offers[name]
                    for upper in above:
                        yield from _apart(subject, [upper, (("offers", at), offer)])


def _apart(subject: Subject, pair: list[Level]) -> Iterator[Finding]:
    """Of two that are in order each, where one ends before the other starts."""
    (_, upper), (path, lower) = pair
    if any(each.starts and each.ends and each.ends < each.starts for each in (upper, lower)):
        return
    if lower.ends and upper.starts and lower.ends < upper.starts:
        message = f"`{_id(lower)}` is never live in `{_id(upper)}`, which starts on {upper.starts}"
        yield subject.error((*path, "ends"), "never-live", message, "dates are inherited: change one of them")
    if lower.starts and upper.ends and lower.starts > upper.ends:
        message = f"`{_id(lower)}` is never live in `{_id(upper)}`, which ends on {upper.ends}"
        yield subject.error((*path, "starts"), "never-live", message, "dates are inherited: change one of them")


def levels(policy: Policy) -> Iterator[Level]:
    """Everything that has dates, with its path."""
    return ((path, each) for path, each in inheriting(policy) if isinstance(each, Dated))


def over(subject: Subject) -> Iterator[Finding]:
    """What has ended before today."""
    today: date | None = subject.today
    for path, dated in levels(subject.policy) if today else ():
        if today and dated.ends and dated.ends < today and not (dated.starts and dated.ends < dated.starts):
            message = f"`{_id(dated)}` is over: it ended on {dated.ends}"
            yield subject.warning((*path, "ends"), "over", message, "move the date, or take it out")


def _id(dated: Dated) -> str:
    assert isinstance(dated, Campaign | Program | Offer)
    return dated.id


CHECKS: tuple[Check, ...] = (ordered, never_together, over)
