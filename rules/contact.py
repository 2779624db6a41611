"""The contact policy: may we make this offer to this customer now? What cannot be proven means no.

Counts come from the ledger, reservations included, and from what this very decision has already chosen. Who is
held out is counted alike, with what was withheld in the place of what was made.

Whatever depends on the customer alone is worked out once in a decision, when the first candidate asks for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from rules.candidates import Candidate
from rules.clocks import is_quiet
from rules.contact_rules import ContactRules
from rules.counting import UNKNOWN, Counted, Key, ReadyCap, counted, ready_caps, since_ms, tally, within_window
from rules.judgement import Refusal as Refusal
from rules.language import Condition, EvaluationError
from rules.permission import Asked, asked
from rules.reasons import Reason
from rules.silences import Silence, cooling, held_back, suppressed
from schemas.contact import (
    CapScope,
    ChannelPriority,
    ContactPolicy,
    CoolDown,
    QuietHours,
    Suppression,
)
from schemas.ledger import Ledger

Verdict = bool | EvaluationError
Silencing = ChannelPriority | Suppression | CoolDown
T = TypeVar("T")


class Limit:
    """A cap with what counts for it: of the ledger, and of what the same answer has chosen.

    `unknown`: what counts for everything, since what it is cannot be proven."""

    def __init__(self, ready: ReadyCap, counts: dict[Key, int], unknown: int) -> None:
        self.cap = ready.cap
        self.scope = ready.scope
        self.room = ready.room
        self.counts_current = ready.counts_current
        self.counts = counts
        self.unknown = unknown


class ContactState:
    """What the ledger says about one customer on one channel, asked many times within one decision.

    `zone`: whose clocks count; None if what is known of the customer's names none. `most`: how many treatments were
    asked for, at most. `continuing`: offers that were handed over to this channel: they are a contact that has been
    made already."""

    def __init__(
        self,
        policy: ContactPolicy,
        requirements: Sequence[Condition],
        rules: ContactRules,
        ledger: Ledger,
        channel: str,
        now_ms: int,
        zone: ZoneInfo | None,
        most: int,
        continuing: frozenset[str],
    ) -> None:
        self.policy = policy
        self.requirements = requirements
        self.rules = rules
        self.ledger = ledger
        self.channel = channel
        self.now_ms = now_ms
        self.zone = zone
        self.most = most
        self.continuing = continuing
        self.chosen: list[Candidate] = []
        self.held_back: list[Candidate] = []
        self._verdicts: dict[Condition, Verdict] = {}
        self._general: dict[tuple[str, str | None], Refusal | None] = {}
        self._silences: list[tuple[Reason, CapScope, Silence]] | None = None
        self._limits: dict[bool, list[Limit]] = {}
        self._concerned: dict[bool, set[str] | None] = {}

    def alone(self, policy: ContactPolicy, now_ms: int | None = None, ledger: Ledger | None = None) -> "ContactState":
        """The same customer under this policy alone, before anything is chosen; at another time, of another ledger."""
        return ContactState(
            policy,
            (),
            self.rules,
            self.ledger if ledger is None else ledger,
            self.channel,
            self.now_ms if now_ms is None else now_ms,
            self.zone,
            self.most,
            self.continuing,
        )

    def against(self, candidate: Candidate, values: Mapping[str, Any], held_out: bool) -> Refusal | None:
        """The first reason against a candidate. `values` are those of the customer."""
        refusal = self._general_refusal(candidate, values)
        if refusal is None and self._silences != []:
            refusal = self.silence_refusal(candidate)
        return refusal or self.cap_refusal(candidate, held_out)

    def _general_refusal(self, candidate: Candidate, values: Mapping[str, Any]) -> Refusal | None:
        if not self.rules.is_uniform:
            refusal = self.permission_refusal(candidate, {**values, **candidate.offer_values})
            return refusal or self.quiet_refusal(candidate)
        manner = candidate.manner
        if manner not in self._general:
            self._general[manner] = self.permission_refusal(candidate, values) or self.quiet_refusal(candidate)
        return self._general[manner]

    def permits(self, samples: Iterable[Candidate], values: Mapping[str, Any]) -> bool:
        """Whether lists, consents, requirements and quiet hours let through whatever is of the class and purpose of one
        of these candidates."""
        if not self.rules.is_uniform:
            return False
        return all(self._general_refusal(each, values) is None for each in samples)

    def concerned(self, held_out: bool) -> set[str] | None:
        """By key, the candidates that a silence or a cap may refuse before anything is chosen; None: all of them."""
        if held_out not in self._concerned:
            silenced, capped = self._silenced(), self.capped(held_out)
            self._concerned[held_out] = None if silenced is None or capped is None else silenced | capped
        return self._concerned[held_out]

    def _silenced(self) -> set[str] | None:
        if self._silences is None:
            self._silences = list(self._read_silences())
        found: set[str] = set()
        for _, scope, silence in self._silences:
            whom = self.rules.whom
            silenced = whom.making(silence) if scope == "offer" else whom.about(scope, silence)
            if silenced is None:
                return None
            found |= silenced
        return found

    def capped(self, held_out: bool) -> set[str] | None:
        """By key, the candidates that a cap may refuse now; None: all of them."""
        found: set[str] = set()
        for limit in self._limits_of(held_out):
            full = [key for key, count in limit.counts.items() if count + limit.unknown > limit.room]
            capped = None if limit.unknown > limit.room else self.rules.whom.about(limit.scope, full)
            if capped is None:
                return None
            found |= capped
        return found

    def permission_refusal(self, candidate: Candidate, values: Mapping[str, Any]) -> Refusal | None:
        """Lists and consents, then requirements; what is refused decides, also beside what cannot be proven."""
        unknown: Refusal | None = None
        for each in self._asked(candidate):
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

    def _asked(self, candidate: Candidate) -> Sequence[Asked]:
        if self.policy is self.rules.policy:
            return self.rules.permissions.asked(candidate, self.channel)
        return tuple(asked(self.policy, candidate, self.channel))

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
        if self.ledger.forgotten_ms > self.now_ms - self.rules.lookback_ms:
            return Reason.CONTACT_UNKNOWN, "the ledger is full: what it had to forget may have counted"
        if self.zone is None and self.policy.reads_clock:
            return Reason.CONTACT_UNKNOWN, f"{self.rules.zone_fact} is not the name of a time zone"
        return None

    def _verdict(self, condition: Condition, values: Mapping[str, Any]) -> Verdict:
        """Of one that does not look at the offer, the same for all candidates."""
        if condition in self.rules.of_offers:
            return condition.verdict(values)
        known = self._verdicts.get(condition)
        if known is None:
            known = self._verdicts[condition] = condition.verdict(values)
        return known

    def quiet_refusal(self, candidate: Candidate) -> Refusal | None:
        for hours in self.policy.quiet_hours:
            on_channel = not hours.channels or self.channel in hours.channels
            if on_channel and candidate.offer.kind not in hours.spares and self._is_quiet(hours):
                return Reason.QUIET_HOURS, f"{hours.id}: {hours.start} to {hours.until}"
        return None

    def _is_quiet(self, hours: QuietHours) -> bool:
        return self.zone is not None and is_quiet(hours, self.now_ms, self.zone)

    def silence_refusal(self, candidate: Candidate) -> Refusal | None:
        """What keeps us silent now, in the order of the reasons."""
        if self._silences is None:
            self._silences = list(self._read_silences())
        for reason, scope, silence in self._silences:
            if reason is Reason.CHANNEL_PRIORITY and candidate.offer.id in self.continuing:
                continue
            said = self._said(scope, silence, candidate)
            if said is not None:
                return reason, said
        return None

    def _read_silences(self) -> Iterator[tuple[Reason, CapScope, Silence]]:
        """Those that are about anything at all."""
        policy, read = self.policy, (self.ledger.entries, self.rules.reading, self.now_ms)
        if not self.ledger.entries:
            return
        for priority in policy.priorities:
            if self.channel in priority.holds_back and (
                silence := self._read(priority.per, held_back(priority, *read))
            ):
                yield Reason.CHANNEL_PRIORITY, priority.per, silence
        for each in policy.suppressions:
            on_channel = not each.channels or self.channel in each.channels
            if on_channel and (silence := self._read(each.per, suppressed(each, *read))):
                yield Reason.SUPPRESSED, each.per, silence
        for rule in policy.cool_downs:
            if silence := self._read(rule.per, cooling(rule, *read)):
                yield Reason.COOL_DOWN, rule.per, silence

    def _said(self, scope: CapScope, silence: Silence, candidate: Candidate) -> str | None:
        if scope == "offer":
            if silence.keys().isdisjoint(candidate.covers):
                return None
            return next(silence[each] for each in (candidate.offer.id, *candidate.offer.bundle) if each in silence)
        key = candidate.counts_for[scope]
        return None if key is None else silence.get(key) or silence.get(UNKNOWN)

    def _read(self, scope: CapScope, by_key: dict[Key, T]) -> dict[Key, T]:
        """What is per channel is about this one."""
        if scope != "channel":
            return by_key
        return {"": by_key[self.channel]} if self.channel in by_key else {}

    def cap_refusal(self, candidate: Candidate, held_out: bool) -> Refusal | None:
        """Asked again while slots are filled, since each choice counts towards the next."""
        limits = self._limits_of(held_out)
        if not limits or candidate.is_mandatory:
            return None
        if self.continuing and candidate.offer.id in self.continuing:
            return None
        for each in limits:
            key = candidate.counts_for[each.scope]  # without a key it is not held to this cap
            if key is not None and each.counts.get(key, 0) + each.unknown > each.room:
                return Reason.CAP_REACHED, f"{each.cap.id}: at most {each.cap.at_most} per {each.cap.per}"
        return None

    def _limits_of(self, held_out: bool) -> list[Limit]:
        limits = self._limits.get(held_out)
        if limits is None:
            limits = self._limits[held_out] = self._read_limits(held_out)
        return limits

    def choose(self, candidate: Candidate) -> None:
        """It counts for what comes after it in the same answer."""
        if candidate.offer.id in self.continuing:
            return
        self.chosen.append(candidate)
        for limits in self._limits.values():
            _count(candidate, limits)

    def hold_back(self, candidate: Candidate) -> None:
        """Likewise, for who is held out."""
        self.held_back.append(candidate)
        _count(candidate, self._limits.get(True, ()))

    def _caps(self) -> Sequence[ReadyCap]:
        """Of the policy that is asked about: as a rule the live one."""
        return self.rules.caps if self.policy is self.rules.policy else ready_caps(self.policy.caps)

    def _read_limits(self, held_out: bool) -> list[Limit]:
        """The caps of this channel that this answer may reach, with what each of them has counted."""
        counted_by: dict[str, list[Counted]] = {}
        reading, channel = self.rules.reading, self.channel
        zone = self.zone or self.rules.zone  # without one, no calendar comes as far as this
        most = self.most * (2 if held_out else 1)  # what is chosen, and what is held back
        found = []
        for ready in self._caps():
            if ready.channels and channel not in ready.channels:
                continue
            contacts = counted_by.get(ready.counting)
            if contacts is None:
                contacts = counted(ready.counting, self.ledger.entries, held_out, reading, self.now_ms)
                counted_by[ready.counting] = contacts
            if len(contacts) + most <= ready.room:
                continue  # not even if all of them counted for the same
            recent = within_window(ready.channels, contacts, since_ms(ready.cap, self.now_ms, zone))
            if len(recent) + most <= ready.room:
                continue
            counts = self._read(ready.scope, tally(ready.scope, recent, reading))
            unknown = counts.get(UNKNOWN, 0)
            if max(counts.values(), default=0) + unknown + most > ready.room:
                found.append(Limit(ready, counts, unknown))
        for candidate in (*self.chosen, *self.held_back) if held_out else self.chosen:
            _count(candidate, found)
        return found


def _count(candidate: Candidate, limits: Iterable[Limit]) -> None:
    if candidate.offer.kind != "transactional":
        for limit in limits:
            key = candidate.counts_for[limit.scope]
            if limit.counts_current and key is not None:
                limit.counts[key] = limit.counts.get(key, 0) + 1
