"""Hand-over between channels: "send the link, finish online". An offer whose outcome hands it over waits for the
customer on other channels, as the same proposal, until it is answered or the time is over.

It follows from the ledger alone: the outcome stands there as soon as it is taken in, so that the next contact knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.decision import Facts
from schemas.ledger import LedgerEntry
from schemas.policy import HandOver, Policy


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


HandOvers = Mapping[str, HandOver]
"""By outcome."""


def hand_overs_of(policy: Policy) -> HandOvers:
    return {name: each.hand_over for name, each in policy.outcomes.items() if each.hand_over is not None}


def handed_over(facts: Facts, hand_overs: HandOvers, ending: frozenset[str], now_ms: int) -> dict[str, Handed]:
    """By offer, what waits on the channel of the request: the latest, if it was handed over more than once."""
    found: dict[str, Handed] = {}
    over: set[str] = set()
    for entry in facts.ledger.entries:
        known = entry.known_outcomes()
        if not ending.isdisjoint(known):
            over.add(entry.continues or entry.code)
        for name in hand_overs.keys() & known.keys():
            handed = _handed(entry, name, known[name], hand_overs[name])
            is_here = facts.channel in hand_overs[name].to and handed.at_ms <= now_ms < handed.until_ms
            before = found.get(entry.offer)
            if is_here and (before is None or (before.at_ms, before.code) < (handed.at_ms, handed.code)):
                found[entry.offer] = handed
    return {offer: each for offer, each in found.items() if each.code not in over}


def _handed(entry: LedgerEntry, outcome: str, at_ms: int, spec: HandOver) -> Handed:
    root = entry.continues or entry.code
    return Handed(root, outcome, entry.channel, at_ms, at_ms + spec.lasting, not spec.counts)
