"""The contact policy: may we make this offer to this customer now? What cannot be proven means no.

Counts come from the ledger, reservations included, and from what this very decision has already chosen. Who is
held out is counted alike, with what was withheld in the place of what was made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules.language import Condition
from rules.reasons import Reason
from rules.ruleset import Candidate
from schemas.ledger import Ledger, LedgerEntry
from schemas.policy import Cap, ContactPolicy

Refusal = tuple[Reason, str]


@dataclass(slots=True)
class ContactState:
    """What the ledger says about one customer on one channel, asked many times within one decision."""

    policy: ContactPolicy
    lookback_ms: int
    requirements: Sequence[Condition]
    ledger: Ledger
    channel: str
    now_ms: int
    chosen: list[Candidate] = field(default_factory=list)
    held_back: list[Candidate] = field(default_factory=list)

    def requirement_refusal(self, values: Mapping[str, Any]) -> Refusal | None:
        if self.ledger.forgotten_ms > self.now_ms - self.lookback_ms:
            return Reason.CONTACT_UNKNOWN, "the ledger is full: what it had to forget may have counted"
        for spec, condition in zip(self.policy.requirements, self.requirements, strict=True):
            if spec.channels and self.channel not in spec.channels:
                continue
            verdict = condition.verdict(values)
            if verdict is False:
                return Reason.CONTACT_REQUIREMENT, f"{spec.id}: {condition.source}"
            if verdict is not True:
                return Reason.CONTACT_UNKNOWN, f"{spec.id}: {verdict.message}"
        return None

    def cool_down_refusal(self, candidate: Candidate) -> Refusal | None:
        for rule in self.policy.cool_downs:
            for entry in self.ledger.entries:
                since = entry.known_outcomes().get(rule.after)
                if since is not None and since + rule.lasting > self.now_ms and _same(rule.per, entry, candidate):
                    return Reason.COOL_DOWN, f"{rule.after} on offer {entry.offer}"
        return None

    def cap_refusal(self, candidate: Candidate, held_out: bool) -> Refusal | None:
        """Asked again while slots are filled, since each choice counts towards the next."""
        if candidate.offer.kind == "mandatory":
            return None
        for cap in self.policy.caps:
            if cap.channels and self.channel not in cap.channels:
                continue
            if self._count(cap, candidate, held_out) >= cap.at_most:
                return Reason.CAP_REACHED, f"{cap.id}: at most {cap.at_most} per {cap.per}"
        return None

    def _count(self, cap: Cap, candidate: Candidate, held_out: bool) -> int:
        logged = sum(
            _same(cap.per, entry, candidate) and self._counts(cap, entry, held_out) for entry in self.ledger.entries
        )
        here = [*self.chosen, *self.held_back] if held_out else self.chosen
        now = sum(each.offer.kind != "transactional" and _alike(cap.per, each, candidate) for each in here)
        return logged + now

    def _counts(self, cap: Cap, entry: LedgerEntry, held_out: bool) -> bool:
        if entry.transactional or entry.at_ms <= self.now_ms - cap.within:
            return False
        if cap.channels and entry.channel not in cap.channels:
            return False
        if entry.withheld:
            return held_out
        return cap.counting == "decided" or self._presented_or_may_be(entry)

    def _presented_or_may_be(self, entry: LedgerEntry) -> bool:
        waiting = not entry.outcomes and entry.until_ms > self.now_ms
        return entry.presented or bool(entry.said) or waiting


def _same(scope: str, entry: LedgerEntry, candidate: Candidate) -> bool:
    match scope:
        case "customer":
            return True
        case "campaign":
            return entry.campaign == candidate.campaign.id
        case "program":
            return (entry.campaign, entry.program) == (candidate.campaign.id, candidate.program.id)
        case _:
            return entry.offer == candidate.offer.id


def _alike(scope: str, one: Candidate, other: Candidate) -> bool:
    match scope:
        case "customer":
            return True
        case "campaign":
            return one.campaign.id == other.campaign.id
        case "program":
            return one.program_key == other.program_key
        case _:
            return one.offer.id == other.offer.id
