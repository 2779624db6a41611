"""Campaigns, cells and offers: shares that add up, dates in order, offers that can appear."""

from collections.abc import Iterator
from math import fsum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from rules.policy.findings import Finding, Path, nearest
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY
from schemas.catalogue import Program

TOLERANCE = 1e-6  # of a sum of percentages such as 33.3 + 33.3 + 33.4


def shares(subject: Subject) -> Iterator[Finding]:
    for at, campaign in enumerate(subject.policy.campaigns):
        for nth, program in enumerate(campaign.programs):
            total = fsum(cell.share for cell in program.cells)
            if abs(total - 100) > TOLERANCE:
                path: Path = ("campaigns", at, "programs", nth, "cells")
                message = f"the shares of `{program.id}` add up to {total:.6g}, not 100"
                yield subject.error(path, "shares", message, _share_hint(program, 100 - total))


def _share_hint(program: Program, missing: float) -> str:
    if missing < 0:
        return f"take {-missing:.6g} away"
    if any(cell.holdout for cell in program.cells):
        return f"give the other {missing:.6g} to its cells"
    return "add a cell with `holdout: true` for the rest"


def appearing(subject: Subject) -> Iterator[Finding]:
    """An offer appears if something makes it a candidate and a cell gives it."""
    policy = subject.policy
    if not subject.sound("offers", "rules", "campaigns"):
        return
    proposed = {offer for rule in policy.rules for offer in rule.propose}
    defaults = {each.default for each in policy.placements.values()}
    parts = {part for offer in policy.offers for part in offer.bundle}
    given = {offer for campaign in policy.campaigns for program in campaign.programs
             for cell in program.cells for offer in cell.offers}  # fmt: skip
    for at, offer in enumerate(policy.offers):
        if (offer.id in parts or offer.id in defaults) and offer.id not in given:
            continue  # it appears as a part of its bundle, or where nothing else does
        if not offer.always and offer.id not in proposed:
            message = f"`{offer.id}` can never appear: no rule proposes it"
            yield subject.warning(("offers", at, "id"), "never-appears", message, "propose it, or set `always: true`")
        elif offer.id not in given:
            message = f"`{offer.id}` can never appear: it is in no cell of any program"
            yield subject.warning(("offers", at, "id"), "never-appears", message, "add it to the `offers` of a cell")


def diversity(subject: Subject) -> Iterator[Finding]:
    policy = subject.policy
    given = policy.arbitration.at_most_per_category is not None
    if given and subject.sound("offers") and not any(offer.category for offer in policy.offers):
        path: Path = ("arbitration", "at_most_per_category")
        yield subject.warning(path, "no-effect", "this has no effect: no offer has a `category`", "give offers one")


def issues(subject: Subject) -> Iterator[Finding]:
    """An issue that no campaign is for pushes nothing."""
    used = {campaign.issue for campaign in subject.policy.campaigns}
    for name in subject.policy.issues if subject.sound("campaigns") else ():
        if name not in used:
            message = f"no campaign is for the issue `{name}`"
            yield subject.warning(("issues", name, KEY), "no-effect", message, "name it as the `issue` of campaigns")


def time_zone(subject: Subject) -> Iterator[Finding]:
    zone = subject.policy.policy.time_zone
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = nearest(zone, sorted(available_timezones())) or "write it as Europe/Berlin"
        yield subject.error(("policy", "time_zone"), "time-zone", f"there is no time zone `{zone}`", hint)


CHECKS: tuple[Check, ...] = (shares, appearing, diversity, issues, time_zone)
