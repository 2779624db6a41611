"""What of the ledger the contact policy counts, when, and for which part of the catalogue.

An entry counts at the time of what is counted: its decision, its presentation, the outcome. Where a category is asked
for and the live policy no longer has the offer, its category cannot be proven: it counts in every one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rules.clocks import period_start_ms
from schemas.catalogue import Offer
from schemas.contact import DECIDED, PRESENTED, Cap, CapScope
from schemas.ledger import LedgerEntry
from schemas.policy import Outcome, Policy

Key = str | tuple[str, str] | None
UNKNOWN = "?"  # cannot be an id


KEYS: Mapping[CapScope, Callable[[LedgerEntry], Key]] = {
    "customer": lambda entry: "",  # noqa: ARG005
    "channel": lambda entry: entry.channel,
    "campaign": lambda entry: entry.campaign,
    "program": lambda entry: (entry.campaign, entry.program),
    "offer": lambda entry: entry.offer,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How entries are read under one policy."""

    categories: Mapping[str, str | None]
    """By offer."""
    groups: Mapping[str, str | None]
    """The exclusive group of each offer."""
    impressions: tuple[str, ...]
    """The outcomes that say that it was seen."""
    no_reaction: frozenset[str]
    """These, and the outcomes that stand for no answer."""

    @staticmethod
    def of(policy: Policy) -> "Reading":
        return Reading(
            categories={each.id: each.category for each in policy.offers},
            groups={each.id: each.exclusive_group for each in policy.offers},
            impressions=tuple(name for name, each in policy.outcomes.items() if each.kind == "impression"),
            no_reaction=_named(policy.outcomes, lambda each: each.kind == "impression" or bool(each.after)),
        )

    def key_of(self, scope: CapScope) -> Callable[[LedgerEntry], Key]:
        """What of the scope an entry counts for; None: for nothing."""
        if scope == "category":
            return lambda entry: self.categories.get(entry.offer, UNKNOWN)
        if scope == "exclusive_group":
            return lambda entry: self.groups.get(entry.offer, UNKNOWN)
        return KEYS[scope]

    def counted_ms(self, counting: str, entry: LedgerEntry, now_ms: int) -> int | None:
        """When that happened which is counted; None if it did not."""
        if counting == PRESENTED:
            return self._presented_ms(entry, now_ms)
        if counting == DECIDED:
            return entry.at_ms
        return entry.known_outcomes().get(counting)

    def _presented_ms(self, entry: LedgerEntry, now_ms: int) -> int | None:
        """When it was seen. What may still be seen counts as of its decision."""
        known = entry.known_outcomes()
        if len(self.impressions) == 1:
            seen_ms = known.get(self.impressions[0])
        else:
            seen_ms = min((known[name] for name in self.impressions if name in known), default=None)
        if seen_ms is not None:
            return seen_ms
        waiting = not entry.outcomes and entry.until_ms > now_ms
        return entry.at_ms if entry.presented or entry.said or waiting else None

    def reacted_ms(self, entry: LedgerEntry) -> int | None:
        """When the customer reacted last: anything but an impression, and the silence that stands for no answer."""
        known = entry.known_outcomes()
        if known.keys() <= self.no_reaction:
            return None
        return max(at for name, at in known.items() if name not in self.no_reaction)


def _named(outcomes: Mapping[str, Outcome], wanted: Callable[[Outcome], bool]) -> frozenset[str]:
    return frozenset(name for name, each in outcomes.items() if wanted(each))


def keys_of(offer: Offer, campaign: str, program: str) -> dict[str, Key]:
    """What an offer within a program counts for, by scope. Every offer counts for the customer and the channel."""
    return {
        "customer": "",
        "channel": "",
        "campaign": campaign,
        "program": (campaign, program),
        "category": offer.category,
        "exclusive_group": offer.exclusive_group,
        "offer": offer.id,
    }


@dataclass(frozen=True, slots=True)
class ReadyCap:
    """A cap with what is looked up in it, once."""

    cap: Cap
    scope: CapScope
    channels: tuple[str, ...]
    counting: str
    room: int
    """More than this refuses, without what is decided now."""
    counts_current: bool
    """What the same answer has chosen counts too."""


def ready_caps(caps: Iterable[Cap]) -> tuple[ReadyCap, ...]:
    return tuple(
        ReadyCap(
            cap=each,
            scope=each.per,
            channels=tuple(each.channels),
            counting=each.counting,
            room=each.at_most - each.including_current,
            counts_current=each.including_current and each.counting in (DECIDED, PRESENTED),
        )
        for each in caps
    )


def since_ms(cap: Cap, now_ms: int, zone: ZoneInfo) -> int:
    """What is counted lies at or after this time."""
    if cap.window.calendar:
        return period_start_ms(cap.window.calendar, now_ms, zone)
    return now_ms - cap.within + 1


Counted = tuple[int, LedgerEntry]
"""When it counts, and what."""


def counted(
    counting: str, entries: Iterable[LedgerEntry], is_held_out: bool, reading: Reading, now_ms: int
) -> list[Counted]:
    """The contacts of the ledger that caps may count, each at the time of what is counted.

    Who is held out is counted alike, with what was withheld in the place of what was made. An outcome counts once for
    each proposal, wherever its treatment was handed over to.
    """
    if counting not in (DECIDED, PRESENTED):
        return _happened(counting, entries, reading, now_ms)
    found: list[Counted] = []
    seen = reading.impressions[0] if len(reading.impressions) == 1 and counting == PRESENTED else None
    for entry in entries:
        if entry.transactional or entry.same_contact:
            continue
        at_ms: int | None
        if entry.withheld:
            at_ms = entry.at_ms if is_held_out else None
        elif seen in entry.outcomes and entry.inferred is None:  # as most are: seen, and the log knows it
            at_ms = entry.outcomes[seen]
        else:
            at_ms = reading.counted_ms(counting, entry, now_ms)
        if at_ms is not None:
            found.append((at_ms, entry))
    return found


def _happened(outcome: str, entries: Iterable[LedgerEntry], reading: Reading, now_ms: int) -> list[Counted]:
    found: dict[str, Counted] = {}
    for entry in entries:
        if entry.transactional or entry.withheld:
            continue
        at_ms, root = reading.counted_ms(outcome, entry, now_ms), entry.root
        if at_ms is not None and (root not in found or at_ms < found[root][0]):
            found[root] = at_ms, entry
    return list(found.values())


def within_window(channels: Collection[str], contacts: Iterable[Counted], since: int) -> list[LedgerEntry]:
    """Those that lie in the window of a cap, on its channels (all, if it names none)."""
    return [entry for at_ms, entry in contacts if at_ms >= since and (not channels or entry.channel in channels)]


def tally(scope: CapScope, contacts: Iterable[LedgerEntry], reading: Reading) -> dict[Key, int]:
    """How many there are, by what they count for."""
    found: dict[Key, int] = {}
    key_of = reading.key_of(scope)
    for entry in contacts:
        key = key_of(entry)
        found[key] = found.get(key, 0) + 1
    return found
