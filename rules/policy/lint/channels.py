"""Channels and placements that are named although no treatment is worded for them."""

from collections.abc import Iterator

from rules.policy.findings import Finding, Path, suggestion
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY
from schemas.interaction import NOWHERE
from schemas.policy import Policy

OF_CONTACT = ("do_not_contact", "black_lists", "consents", "requirements", "quiet_hours", "suppressions", "caps")
"""The sections of the contact policy whose entries may be for some channels only."""


def used(subject: Subject) -> Iterator[Finding]:
    """An error if nothing knows the channel; a warning if only interactions come from it."""
    if not subject.sound("offers", "interactions"):
        return
    treated = {treatment.channel for offer in subject.policy.offers for treatment in offer.treatments}
    heard = {each.channel for each in subject.policy.interactions.values() if each.channel} - {NOWHERE}
    for path, channel in _named(subject.policy):
        if channel in treated:
            continue
        if channel in heard:
            yield subject.warning(path, "unused-channel", f"no treatment uses the channel `{channel}`")
        else:
            hint = suggestion(channel, sorted(treated | heard))
            yield subject.error(path, "unknown-channel", f"there is no channel `{channel}`", hint)


def placements(subject: Subject) -> Iterator[Finding]:
    if not subject.sound("offers"):
        return
    known = {treatment.placement for offer in subject.policy.offers for treatment in offer.treatments}
    for at, example in enumerate(subject.policy.examples):
        name = example.when.placement
        if name not in known:
            path: Path = ("examples", at, "when", "placement")
            message = f"no treatment uses the placement `{name}`"
            yield subject.warning(path, "unused-placement", message, suggestion(name, sorted(known)))


def _named(policy: Policy) -> Iterator[tuple[Path, str]]:
    for at, rule in enumerate(policy.rules):
        for nth, channel in enumerate(rule.channels):
            yield ("rules", at, "channels", nth), channel
    for section in OF_CONTACT:
        for at, entry in enumerate(getattr(policy.contact_policy, section)):
            for nth, channel in enumerate(entry.channels):
                yield ("contact_policy", section, at, "channels", nth), channel
    for at, priority in enumerate(policy.contact_policy.priorities):
        yield ("contact_policy", "priorities", at, "channel"), priority.channel
        for nth, channel in enumerate(priority.holds_back):
            yield ("contact_policy", "priorities", at, "holds_back", nth), channel
    for name, outcome in policy.outcomes.items():
        for channel in outcome.after:
            yield ("outcomes", name, "after", channel, KEY), channel
    for at, example in enumerate(policy.examples):
        yield ("examples", at, "when", "channel"), example.when.channel


CHECKS: tuple[Check, ...] = (used, placements)
