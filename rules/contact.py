"""The contact policy: may we make this offer to this customer now? What cannot be proven means no.

Counts come from the ledger, reservations included, and from what this very decision has already chosen. Who is
held out is counted alike, with what was withheld in the place of what was made.

Whatever depends on the customer alone is worked out once in a decision, when the first candidate asks for it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from rules.candidates import Candidate
from rules.clocks import is_quiet
from rules.contact_rules import ContactRules
from rules.counting import UNKNOWN, Key, tally
from rules.language import Condition, EvaluationError
from rules.permission import asked
from rules.reasons import Reason
from rules.silences import Silence, cooling, held_back, suppressed
from schemas.contact import (
    DECIDED,
    PRESENTED,
    Cap,
    CapScope,
    ChannelPriority,
    ContactPolicy,
    CoolDown,
    QuietHours,
    Suppression,
)
from schemas.ledger import Ledger

Refusal = tuple[Reason, str]
Verdict = bool | EvaluationError
Silencing = ChannelPriority | Suppression | CoolDown


@dataclass(slots=True)
class ContactState:
    """What the ledger says about one customer on one channel, asked many times within one decision."""

    policy: ContactPolicy
    lookback_ms: int
    requirements: Sequence[Condition]
    ledger: Ledger
    channel: str
    now_ms: int
    rules: ContactRules
    zone: ZoneInfo | None
    """Whose clocks count; None if what is known of the customer's names none."""
    chosen: list[Candidate] = field(default_factory=list)
    held_back: list[Candidate] = field(default_factory=list)
    _verdicts: dict[int, Verdict] = field(init=False, default_factory=dict)
    _silences: dict[int, Silence] = field(init=False, default_factory=dict)
    _tallies: dict[tuple[int, bool], Counter[Key]] = field(init=False, default_factory=dict)

    def permission_refusal(self, candidate: Candidate, values: Mapping[str, Any]) -> Refusal | None:
        """Lists and consents, then requirements; what is refused decides, also beside what cannot be proven."""
        unknown: Refusal | None = None
        for each in asked(self.policy, candidate, self.channel):
            if each.key is None:
                return each.reason, each.name
            condition = self.rules.conditions[each.key]
            verdict = self._verdict(condition, values)
            if verdict is each.refuses:
                return each.reason, f"{each.name}: {condition.source}"
            if isinstance(verdict, EvaluationError) and unknown is None:
                unknown = Reason.CONTACT_UNKNOWN, f"{each.name}: {verdict.message}"
        required = self.requirement_refusal(values)
        return required if required and required[0] is Reason.CONTACT_REQUIREMENT else unknown or required

    def requirement_refusal(self, values: Mapping[str, Any]) -> Refusal | None:
        unknown = self._unprovable()
        for spec, condition in zip(self.policy.requirements, self.requirements, strict=True):
            if spec.channels and self.channel not in spec.channels:
                continue
            verdict = self._verdict(condition, values)
            if verdict is False:
                return Reason.CONTACT_REQUIREMENT, f"{spec.id}: {condition.source}"
            if isinstance(verdict, EvaluationError) and unknown is None:
                unknown = Reason.CONTACT_UNKNOWN, f"{spec.id}: {verdict.message}"
        return unknown

    def _unprovable(self) -> Refusal | None:
        if self.ledger.forgotten_ms > self.now_ms - self.lookback_ms:
            return Reason.CONTACT_UNKNOWN, "the ledger is full: what it had to forget may have counted"
        if self.zone is None and self.policy.reads_clock:
            return Reason.CONTACT_UNKNOWN, f"{self.rules.zone_fact} is not the name of a time zone"
        return None

    def _verdict(self, condition: Condition, values: Mapping[str, Any]) -> Verdict:
        """Of one that does not look at the offer, the same for all candidates."""
        if condition in self.rules.of_offers:
            return condition.verdict(values)
        known = self._verdicts.get(id(condition))
        if known is None:
            known = self._verdicts[id(condition)] = condition.verdict(values)
        return known

    def quiet_refusal(self, candidate: Candidate) -> Refusal | None:
        for hours in self.policy.quiet_hours:
            on_channel = not hours.channels or self.channel in hours.channels
            if on_channel and candidate.offer.kind not in hours.spares and self._is_quiet(hours):
                return Reason.QUIET_HOURS, f"{hours.id}: {hours.start} to {hours.until}"
        return None

    def _is_quiet(self, hours: QuietHours) -> bool:
        return self.zone is not None and is_quiet(hours, self.now_ms, self.zone)

    def priority_refusal(self, candidate: Candidate) -> Refusal | None:
        for rule in self.policy.priorities:
            if self.channel in rule.holds_back and (said := self._silence(held_back, rule, candidate)):
                return Reason.CHANNEL_PRIORITY, said
        return None

    def suppression_refusal(self, candidate: Candidate) -> Refusal | None:
        for rule in self.policy.suppressions:
            on_channel = not rule.channels or self.channel in rule.channels
            if on_channel and (said := self._silence(suppressed, rule, candidate)):
                return Reason.SUPPRESSED, said
        return None

    def cool_down_refusal(self, candidate: Candidate) -> Refusal | None:
        for rule in self.policy.cool_downs:
            if said := self._silence(cooling, rule, candidate):
                return Reason.COOL_DOWN, said
        return None

    def _silence(self, read: Callable[..., Silence], rule: Silencing, candidate: Candidate) -> str | None:
        found = self._silences.get(id(rule))
        if found is None:
            found = read(rule, self.ledger.entries, self.rules.reading, self.now_ms)
            self._silences[id(rule)] = found
        if not found:
            return None
        if rule.per == "offer":
            return next((found[each] for each in (candidate.offer.id, *candidate.offer.bundle) if each in found), None)
        key = self._key(rule.per, candidate)
        return None if key is None else found.get(key) or found.get(UNKNOWN)

    def _key(self, scope: CapScope, candidate: Candidate) -> Key:
        """What the candidate counts for; None: for nothing in this scope."""
        return self.channel if scope == "channel" else candidate.counts_for[scope]

    def cap_refusal(self, candidate: Candidate, held_out: bool) -> Refusal | None:
        """Asked again while slots are filled, since each choice counts towards the next."""
        if candidate.offer.kind == "mandatory":
            return None
        for cap in self.policy.caps:
            if cap.channels and self.channel not in cap.channels:
                continue
            if self._count(cap, candidate, held_out) + cap.including_current > cap.at_most:
                return Reason.CAP_REACHED, f"{cap.id}: at most {cap.at_most} per {cap.per}"
        return None

    def _count(self, cap: Cap, candidate: Candidate, held_out: bool) -> int:
        key = self._key(cap.per, candidate)
        if key is None:
            return -cap.including_current  # it is not held to this cap
        found = self._tallies.get((id(cap), held_out))
        if found is None:
            zone = self.zone or self.rules.zone  # without one, nothing with a calendar comes as far as this
            found = tally(cap, self.ledger.entries, held_out, self.rules.reading, self.now_ms, zone)
            self._tallies[id(cap), held_out] = found
        return found[key] + found[UNKNOWN] + self._chosen(cap, key, held_out)

    def _chosen(self, cap: Cap, key: Key, held_out: bool) -> int:
        """What the same answer has chosen before."""
        here = [*self.chosen, *self.held_back] if held_out else self.chosen
        if not here or not cap.including_current or cap.counting not in (DECIDED, PRESENTED):
            return 0
        return sum(each.offer.kind != "transactional" and self._key(cap.per, each) == key for each in here)
