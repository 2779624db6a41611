"""Caps that others make pointless, and lists that leave nobody.

A cap changes nothing if another one counts at least all that it counts, in at least its window, and lets no more
through.
"""

from collections.abc import Iterator

from rules.language import holds_always
from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from schemas.contact import Cap, CapScope
from schemas.policy import Policy

WITHIN: dict[CapScope, tuple[CapScope, ...]] = {
    "channel": ("customer",),
    "campaign": ("customer",),
    "program": ("campaign", "customer"),
    "category": ("customer",),
    "exclusive_group": ("customer",),
    "offer": ("category", "exclusive_group", "customer"),
}
"""For each scope the wider ones: what counts for it counts for them."""


def pointless(subject: Subject) -> Iterator[Finding]:
    caps = subject.policy.contact_policy.caps
    if not subject.sound("offers"):
        return
    for at, cap in enumerate(caps):
        others = [each for each in caps if each.id != cap.id and _covers(each, cap, subject.policy)]
        stricter = next(
            (each for each in others if not (_covers(cap, each, subject.policy) and each in caps[at:])), None
        )
        if stricter is not None:
            path: Path = ("contact_policy", "caps", at, "at_most")
            message = f"`{cap.id}` changes nothing: whenever it is reached, `{stricter.id}` is too"
            yield subject.warning(path, "never-reached", message, "lower it, or take it out")


def _covers(wide: Cap, narrow: Cap, policy: Policy) -> bool:
    """Whether the one refuses whatever the other refuses. Of two alike each does."""
    return (
        wide.counting == narrow.counting
        and _in_scope(wide.per, narrow.per, policy)
        and _on_channels(wide, narrow)
        and _as_long(wide, narrow)
        and wide.including_current >= narrow.including_current
        and wide.at_most - wide.including_current <= narrow.at_most - narrow.including_current
    )


def _in_scope(wide: CapScope, narrow: CapScope, policy: Policy) -> bool:
    """An offer is within its category only if it has one."""
    if wide == narrow:
        return True
    if wide not in WITHIN.get(narrow, ()):
        return False
    return wide in ("customer", "campaign") or all(getattr(offer, wide) for offer in policy.offers)


def _on_channels(wide: Cap, narrow: Cap) -> bool:
    return not wide.channels or (bool(narrow.channels) and set(narrow.channels) <= set(wide.channels))


def _as_long(wide: Cap, narrow: Cap) -> bool:
    if wide.window.calendar:
        return wide.window == narrow.window
    return wide.window.length_ms >= narrow.window.longest_ms


def closed_lists(subject: Subject) -> Iterator[Finding]:
    """A list that everybody is on."""
    for section in ("do_not_contact", "black_lists"):
        for at, each in enumerate(getattr(subject.policy.contact_policy, section)):
            path: Path = ("contact_policy", section, at, "condition")
            condition = subject.conditions.get(path)
            if condition is not None and holds_always(condition):
                message = f"everybody is on `{each.id}`: its condition is never false"
                yield subject.warning(path, "closed-list", message, "say who is on it, or take it out")


CHECKS: tuple[Check, ...] = (pointless, closed_lists)
