"""Hand-over between channels: "send the link, finish online". An offer whose outcome hands it over waits for the
customer on other channels, as the same proposal, until it is answered or the time is over.

It follows from the ledger alone: the outcome stands there as soon as it is taken in, so that the next contact knows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from schemas.decision import Facts
from schemas.holding import held_until_ms
from schemas.ledger import LedgerEntry
from schemas.policy import HandOver, Policy
from schemas.stock import Taking


@dataclass(frozen=True, slots=True)
class Handed:
    """An offer that waits here because it was handed over."""

    code: str
    """Of the treatment that it began with, however often it was handed on."""
    outcome: str
    channel: str
    """Where that was said."""
    at_ms: int
    until_ms: int
    same_contact: bool
    """It is no contact of its own."""
    holds: frozenset[str] = frozenset()
    """The supplies of which the proposal has its part already."""

    def needed(self, takes: Mapping[str, Taking]) -> Mapping[str, Taking]:
        """What must be left for it."""
        return {supply: each for supply, each in takes.items() if supply not in self.holds} if self.holds else takes

    def taken(self, takes: Mapping[str, Taking]) -> dict[str, Taking]:
        """What it takes, and holds itself."""
        return {
            supply: Taking(
                amount=each["amount"],
                confirm=each["confirm"],
                hold_ms=0 if supply in self.holds else each["hold_ms"],
            )
            for supply, each in takes.items()
        }


HandOvers = Mapping[str, HandOver]
"""By outcome."""


def hand_overs_of(policy: Policy) -> HandOvers:
    return {name: each.hand_over for name, each in policy.outcomes.items() if each.hand_over is not None}


def settling_of(policy: Policy) -> frozenset[str]:
    """The outcomes after which it does not wait any more."""
    answers = ("positive", "negative")
    return frozenset(name for name, each in policy.outcomes.items() if each.ends or each.kind in answers)


def handed_over(facts: Facts, hand_overs: HandOvers, settling: frozenset[str], now_ms: int) -> dict[str, Handed]:
    """By offer, what waits on the channel of the request: the latest, if it was handed over more than once."""
    found: dict[str, Handed] = {}
    over: set[str] = set()
    for entry in facts.ledger.entries:
        known = entry.known_outcomes()
        if not settling.isdisjoint(known):
            over.add(entry.root)
        for name in hand_overs.keys() & known.keys():
            handed = _handed(entry, name, known[name], hand_overs[name])
            is_here = facts.channel in hand_overs[name].to and handed.at_ms <= now_ms < handed.until_ms
            before = found.get(entry.offer)
            if is_here and (before is None or (before.at_ms, before.code) < (handed.at_ms, handed.code)):
                found[entry.offer] = handed
    waiting = {offer: each for offer, each in found.items() if each.code not in over}
    return {offer: _holding(each, facts.ledger.entries, hand_overs, now_ms) for offer, each in waiting.items()}


def _holding(handed: Handed, entries: Iterable[LedgerEntry], hand_overs: HandOvers, now_ms: int) -> Handed:
    holds = frozenset(_held(handed, entries, hand_overs, now_ms))
    if not holds:
        return handed
    return Handed(
        handed.code, handed.outcome, handed.channel, handed.at_ms, handed.until_ms, handed.same_contact, holds
    )


def _held(handed: Handed, entries: Iterable[LedgerEntry], hand_overs: HandOvers, now_ms: int) -> Iterator[str]:
    """What any treatment of the proposal has used, or still holds."""
    proposal = [each for each in entries if handed.code in (each.code, each.continues)]
    for entry in proposal:
        yield from entry.used
        for supply, taking in entry.takes.items():
            if taking["hold_ms"] and held_until_ms(entry, supply, proposal, hand_overs) > now_ms:
                yield supply


def _handed(entry: LedgerEntry, outcome: str, at_ms: int, spec: HandOver) -> Handed:
    root = entry.root
    return Handed(root, outcome, entry.channel, at_ms, at_ms + spec.lasting, not spec.counts)
