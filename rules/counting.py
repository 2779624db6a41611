"""What of the ledger the contact policy counts, when, and for which part of the catalogue.

An entry counts at the time of what is counted: its decision, its presentation, the outcome. Where a category is asked
for and the live policy no longer has the offer, its category cannot be proven: it counts in every one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rules.clocks import period_start_ms
from schemas.contact import DECIDED, PRESENTED, Cap, CapScope
from schemas.ledger import LedgerEntry
from schemas.policy import Offer, Outcome, Policy

Key = str | tuple[str, str] | None
UNKNOWN = "?"  # cannot be an id


@dataclass(frozen=True, slots=True)
class Reading:
    """How entries are read under one policy."""

    categories: Mapping[str, str | None]
    """By offer."""
    groups: Mapping[str, str | None]
    """The exclusive group of each offer."""
    impressions: frozenset[str]
    """The outcomes that say that it was seen."""
    silent: frozenset[str]
    """The outcomes that stand for no answer."""

    @staticmethod
    def of(policy: Policy) -> "Reading":
        return Reading(
            categories={each.id: each.category for each in policy.offers},
            groups={each.id: each.exclusive_group for each in policy.offers},
            impressions=_named(policy.outcomes, lambda each: each.kind == "impression"),
            silent=_named(policy.outcomes, lambda each: bool(each.after)),
        )

    def key(self, scope: CapScope, entry: LedgerEntry) -> Key:
        """What of the scope the entry counts for; None: for nothing."""
        match scope:
            case "customer":
                return ""
            case "channel":
                return entry.channel
            case "campaign":
                return entry.campaign
            case "program":
                return (entry.campaign, entry.program)
            case "category":
                return self.categories.get(entry.offer, UNKNOWN)
            case "exclusive_group":
                return self.groups.get(entry.offer, UNKNOWN)
            case "offer":
                return entry.offer

    def counted_ms(self, counting: str, entry: LedgerEntry, now_ms: int) -> int | None:
        """When that happened which is counted; None if it did not."""
        if counting == DECIDED:
            return entry.at_ms
        if counting == PRESENTED:
            return self._presented_ms(entry, now_ms)
        return entry.known_outcomes().get(counting)

    def _presented_ms(self, entry: LedgerEntry, now_ms: int) -> int | None:
        """When it was seen. What may still be seen counts as of its decision."""
        seen = [at for name, at in entry.known_outcomes().items() if name in self.impressions]
        if seen:
            return min(seen)
        waiting = not entry.outcomes and entry.until_ms > now_ms
        return entry.at_ms if entry.presented or entry.said or waiting else None

    def reacted_ms(self, entry: LedgerEntry) -> int | None:
        """When the customer reacted last: anything but an impression, and the silence that stands for no answer."""
        quiet = self.impressions | self.silent
        return max((at for name, at in entry.known_outcomes().items() if name not in quiet), default=None)


def _named(outcomes: Mapping[str, Outcome], wanted: Callable[[Outcome], bool]) -> frozenset[str]:
    return frozenset(name for name, each in outcomes.items() if wanted(each))


def keys_of(offer: Offer, campaign: str, program: str) -> dict[str, Key]:
    """What an offer within a program counts for, by scope; `channel` is that of the request."""
    return {
        "customer": "",
        "campaign": campaign,
        "program": (campaign, program),
        "category": offer.category,
        "exclusive_group": offer.exclusive_group,
        "offer": offer.id,
    }


def since_ms(cap: Cap, now_ms: int, zone: ZoneInfo) -> int:
    """What is counted lies at or after this time."""
    if cap.window.calendar:
        return period_start_ms(cap.window.calendar, now_ms, zone)
    return now_ms - cap.within + 1


def tally(
    cap: Cap, entries: Iterable[LedgerEntry], is_held_out: bool, reading: Reading, now_ms: int, zone: ZoneInfo
) -> Counter[Key]:
    """How many contacts of the ledger the cap counts, by what they count for.

    Who is held out is counted alike, with what was withheld in the place of what was made.
    """
    found: Counter[Key] = Counter()
    since = since_ms(cap, now_ms, zone)
    for entry in entries:
        if entry.transactional or (cap.channels and entry.channel not in cap.channels):
            continue
        counted = _counted_ms(cap, entry, is_held_out, reading, now_ms)
        if counted is not None and counted >= since:
            found[reading.key(cap.per, entry)] += 1
    return found


def _counted_ms(cap: Cap, entry: LedgerEntry, is_held_out: bool, reading: Reading, now_ms: int) -> int | None:
    if not entry.withheld:
        return reading.counted_ms(cap.counting, entry, now_ms)
    return entry.at_ms if is_held_out and cap.counting in (DECIDED, PRESENTED) else None
