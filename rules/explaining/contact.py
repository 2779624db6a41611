"""What of the contact policy stands against a candidate, and when that ends.

Nothing is judged a second time here. Whether a cool-down or a cap refuses, and whether it would at a later time, is
asked of the very `ContactState` that decides, with one entry of the policy at a time and another clock.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from rules.contact import ContactState
from rules.explaining.changes import in_words
from rules.explaining.lacks import lacks
from rules.explaining.times import minute, span
from rules.language import Lacking
from rules.reasons import Reason
from rules.ruleset import Candidate, RuleSet
from schemas.ledger import Ledger, LedgerEntry
from schemas.policy import Cap, ContactPolicy, CoolDown

MOST_LISTED = 5


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that stands against a candidate."""

    reason: Reason
    where: str
    text: str
    """What would have to change."""
    condition: str | None = None
    lacking: Lacking | None = None
    until_ms: int | None = None
    """When it ends by itself."""
    entries: tuple[LedgerEntry, ...] = ()
    """What of the ledger it follows from."""


@dataclass(frozen=True, slots=True)
class Contact:
    """The contact policy at one decision. In `state` nothing has been chosen yet."""

    state: ContactState
    values: Mapping[str, Any]
    ruleset: RuleSet
    zone: ZoneInfo

    def against(self, candidate: Candidate, is_held_out: bool) -> Iterator[Found]:
        """All of it, in the order in which it is judged."""
        yield from self._forgotten()
        yield from self._requirements({**self.values, **candidate.offer_values})
        for rule in self.state.policy.cool_downs:
            yield from self._cool_down(rule, candidate)
        for cap in self.state.policy.caps:
            yield from self._cap(cap, candidate, is_held_out)

    def _forgotten(self) -> Iterator[Found]:
        state = self._only(ContactPolicy())
        refusal = state.requirement_refusal({})
        if refusal is not None:
            until_ms = state.ledger.forgotten_ms + state.lookback_ms
            text = f"{refusal[1]}; known in full again on {minute(until_ms, self.zone)}"
            yield Found(refusal[0], "contact_policy", text, until_ms=until_ms)

    def _requirements(self, values: Mapping[str, Any]) -> Iterator[Found]:
        for spec, condition in zip(self.state.policy.requirements, self.state.requirements, strict=True):
            if spec.channels and self.state.channel not in spec.channels:
                continue
            lack = lacks(condition, values, self.ruleset)
            if lack is not None:
                is_false = condition.verdict(values) is False
                reason = Reason.CONTACT_REQUIREMENT if is_false else Reason.CONTACT_UNKNOWN
                yield Found(reason, f"requirement {spec.id}", in_words(lack), condition.source, lack)

    def _cool_down(self, rule: CoolDown, candidate: Candidate) -> Iterator[Found]:
        state = self._only(ContactPolicy(cool_downs=(rule,)))

        def refuses(now_ms: int, ledger: Ledger) -> bool:
            return replace(state, now_ms=now_ms, ledger=ledger).cool_down_refusal(candidate) is not None

        if state.cool_down_refusal(candidate) is None:
            return
        causes = self._causes(refuses)
        ends = [entry.known_outcomes()[rule.after] + rule.lasting for entry in causes]
        until_ms = self._first_free(refuses, ends)
        text = f"{span(rule.lasting)} after {rule.after} on {_listed(causes, rule.after, self.zone)}"
        yield Found(
            Reason.COOL_DOWN,
            f"cool-down after {rule.after} per {rule.per}",
            f"{text}: ends {self._when(until_ms)}",
            until_ms=until_ms,
            entries=causes,
        )

    def _cap(self, cap: Cap, candidate: Candidate, is_held_out: bool) -> Iterator[Found]:
        def refuses(now_ms: int, ledger: Ledger, at_most: int = cap.at_most) -> bool:
            policy = ContactPolicy(caps=(cap.model_copy(update={"at_most": at_most}),))
            state = replace(self._only(policy), now_ms=now_ms, ledger=ledger)
            return state.cap_refusal(candidate, is_held_out) is not None

        if not refuses(self.state.now_ms, self.state.ledger):
            return
        counting = self._causes(lambda now_ms, ledger: refuses(now_ms, ledger, at_most=1)) if cap.at_most else ()
        ends = [end for each in counting for end in (each.at_ms + cap.within, each.until_ms)]
        until_ms = self._first_free(refuses, ends)
        text = f"at most {cap.at_most} per {cap.per} within {span(cap.within)}"
        counted = f"; what counts is {_listed(counting, '', self.zone)}" if counting else ""
        yield Found(
            Reason.CAP_REACHED,
            f"cap {cap.id}",
            f"{text}{counted}: free again {self._when(until_ms)}",
            until_ms=until_ms,
            entries=counting,
        )

    def _only(self, policy: ContactPolicy) -> ContactState:
        return replace(self.state, policy=policy, requirements=(), chosen=[], held_back=[])

    def _causes(self, refuses: Callable[[int, Ledger], bool]) -> tuple[LedgerEntry, ...]:
        """The entries of the ledger that would be enough alone."""
        now_ms, entries = self.state.now_ms, self.state.ledger.entries
        return tuple(each for each in entries if refuses(now_ms, Ledger((each,))))

    def _first_free(self, refuses: Callable[[int, Ledger], bool], ends: Sequence[int]) -> int | None:
        """The first of these times at which nothing refuses any more; refusals only fall away as time passes."""
        later = sorted({end for end in ends if end > self.state.now_ms})
        return next((end for end in later if not refuses(end, self.state.ledger)), None)

    def _when(self, until_ms: int | None) -> str:
        return "never, under this policy" if until_ms is None else f"on {minute(until_ms, self.zone)}"


def _listed(entries: tuple[LedgerEntry, ...], outcome: str, zone: ZoneInfo) -> str:
    said = [
        f"{each.offer} ({minute(each.known_outcomes().get(outcome, each.at_ms), zone)}, {each.channel})"
        for each in entries[:MOST_LISTED]
    ]
    more = len(entries) - MOST_LISTED
    return ", ".join([*said, *([f"{more} more"] if more > 0 else [])])
