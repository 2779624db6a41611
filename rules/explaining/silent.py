"""What of the contact policy keeps us silent for a while, and when that ends.

Nothing is judged a second time here. Whether an entry of the policy refuses, and whether it would at a later time, is
asked of the very `ContactState` that decides, with that entry alone and another clock. Its own clocks remain: quiet
hours and calendar windows end by the customer's, and are told by the policy's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rules.contact import ContactState
from rules.counting import Counted
from rules.explaining.found import Found
from rules.explaining.times import minute, span
from rules.explaining.until import quiet_ends, window_ends
from rules.reasons import Reason
from rules.ruleset import Candidate
from schemas.contact import PRESENTED, UNANSWERED, ChannelPriority, QuietHours, Suppression
from schemas.ledger import Ledger, LedgerEntry
from schemas.policy import Cap, ContactPolicy, CoolDown

MOST_LISTED = 5
Refuses = Callable[[int, Ledger], bool]
"""Whether something refuses at a time, for a ledger."""


@dataclass(frozen=True, slots=True)
class Silent:
    state: ContactState
    """What it has chosen is not looked at."""
    candidate: Candidate
    is_held_out: bool
    zone: ZoneInfo

    def against(self) -> Iterator[Found]:
        """All of it, in the order in which it is judged."""
        policy = self.state.policy
        yield from (found for each in policy.quiet_hours for found in self._quiet(each))
        yield from (found for each in policy.priorities for found in self._priority(each))
        yield from (found for each in policy.suppressions for found in self._suppression(each))
        yield from (found for each in policy.cool_downs for found in self._cool_down(each))
        yield from (found for each in policy.caps for found in self._cap(each))

    def _quiet(self, hours: QuietHours) -> Iterator[Found]:
        refuses = self._refusing(ContactPolicy(quiet_hours=(hours,)))
        if not self._does(refuses):
            return
        zone = self.state.zone or self.zone  # without one of the customer, nothing is quiet
        until_ms = self._first_free(refuses, quiet_ends(hours, self.state.now_ms, zone))
        text = f"quiet from {hours.start} to {hours.until} in {zone.key}: ends {self._when(until_ms)}"
        yield Found(Reason.QUIET_HOURS, f"quiet hours {hours.id}", text, until_ms=until_ms)

    def _priority(self, rule: ChannelPriority) -> Iterator[Found]:
        refuses = self._refusing(ContactPolicy(priorities=(rule,)))
        if not self._does(refuses):
            return
        causes = self._at(PRESENTED, self._enough_alone(refuses))
        ends = [end for at_ms, each in causes for end in (at_ms + rule.lasting, each.until_ms)]
        text = f"{rule.channel} goes first for {span(rule.lasting)} after {self._listed(causes)}"
        yield self._ending(
            Reason.CHANNEL_PRIORITY, f"priority {rule.id}", text, causes, self._first_free(refuses, ends)
        )

    def _suppression(self, rule: Suppression) -> Iterator[Found]:
        refuses = self._refusing(ContactPolicy(suppressions=(rule,)))
        if not self._does(refuses):
            return
        needed = self._needed(refuses)
        causes = self._at(PRESENTED if rule.of == UNANSWERED else rule.of, needed)
        ends = [at_ms + rule.lasting for each in self.state.ledger.entries for at_ms in _times(each)]
        text = f"{span(rule.lasting)} after {rule.after} {rule.of} within {span(rule.within)}, {self._listed(causes)}"
        yield self._ending(Reason.SUPPRESSED, f"suppression {rule.id}", text, causes, self._first_free(refuses, ends))

    def _cool_down(self, rule: CoolDown) -> Iterator[Found]:
        refuses = self._refusing(ContactPolicy(cool_downs=(rule,)))
        if not self._does(refuses):
            return
        causes = self._at(rule.after, self._enough_alone(refuses))
        until_ms = self._first_free(refuses, [at_ms + rule.lasting for at_ms, _ in causes])
        text = f"{span(rule.lasting)} after {rule.after} on {self._listed(causes)}"
        yield self._ending(Reason.COOL_DOWN, f"cool-down after {rule.after} per {rule.per}", text, causes, until_ms)

    def _cap(self, cap: Cap) -> Iterator[Found]:
        refuses = self._refusing(ContactPolicy(caps=(cap,)))
        if not self._does(refuses):
            return
        causes = self._at(cap.counting, self._counting(cap))
        until_ms = self._first_free(refuses, self._leaving(cap, causes))
        window = f"in a calendar {cap.window.calendar}" if cap.window.calendar else f"within {span(cap.within)}"
        counts = f"; what counts is {self._listed(causes)}" if causes else ""
        text = f"at most {cap.at_most} per {cap.per} {window}{counts}: free again {self._when(until_ms)}"
        yield Found(Reason.CAP_REACHED, f"cap {cap.id}", text, until_ms=until_ms, entries=_entries(causes))

    def _counting(self, cap: Cap) -> tuple[LedgerEntry, ...]:
        """What fills the cap; nothing fills one that lets nothing through."""
        least = int(cap.including_current)
        if cap.at_most < least:
            return ()
        tight = cap.model_copy(update={"at_most": least})
        return self._enough_alone(self._refusing(ContactPolicy(caps=(tight,))))

    def _leaving(self, cap: Cap, causes: Iterable[Counted]) -> Iterator[int]:
        """When each of them leaves the window, or is no longer awaited."""
        for at_ms, entry in causes:
            yield window_ends(cap, at_ms, self.state.zone or self.state.rules.zone)
            yield entry.until_ms

    def _refusing(self, policy: ContactPolicy) -> Refuses:
        """Whether this policy alone refuses the candidate."""

        def refuses(now_ms: int, ledger: Ledger) -> bool:
            then, candidate = self.state.alone(policy, now_ms, ledger), self.candidate
            return any(
                each is not None
                for each in (
                    then.quiet_refusal(candidate),
                    then.silence_refusal(candidate),
                    then.cap_refusal(candidate, self.is_held_out),
                )
            )

        return refuses

    def _does(self, refuses: Refuses) -> bool:
        return refuses(self.state.now_ms, self.state.ledger)

    def _enough_alone(self, refuses: Refuses) -> tuple[LedgerEntry, ...]:
        """The entries of the ledger that would be enough alone."""
        now_ms, entries = self.state.now_ms, self.state.ledger.entries
        return tuple(each for each in entries if refuses(now_ms, Ledger((each,))))

    def _needed(self, refuses: Refuses) -> tuple[LedgerEntry, ...]:
        """As few entries as are enough together, the latest."""
        kept = list(self.state.ledger.entries)
        for each in self.state.ledger.entries:
            others = [other for other in kept if other is not each]
            if refuses(self.state.now_ms, Ledger(tuple(others))):
                kept = others
        return tuple(kept)

    def _at(self, counting: str, entries: Iterable[LedgerEntry]) -> list[Counted]:
        """Each with the time at which it counts; what was withheld, at its decision."""
        reading, now_ms = self.state.rules.reading, self.state.now_ms
        times = [(None if each.withheld else reading.counted_ms(counting, each, now_ms), each) for each in entries]
        return [(each.at_ms if at_ms is None else at_ms, each) for at_ms, each in times]

    def _first_free(self, refuses: Refuses, ends: Iterable[int]) -> int | None:
        """The first of these times at which nothing refuses any more."""
        later = sorted({end for end in ends if end > self.state.now_ms})
        return next((end for end in later if not refuses(end, self.state.ledger)), None)

    def _ending(self, reason: Reason, where: str, text: str, causes: Sequence[Counted], until_ms: int | None) -> Found:
        text = f"{text}: ends {self._when(until_ms)}"
        return Found(reason, where, text, until_ms=until_ms, entries=_entries(causes))

    def _when(self, until_ms: int | None) -> str:
        return "never, under this policy" if until_ms is None else f"on {minute(until_ms, self.zone)}"

    def _listed(self, causes: Sequence[Counted]) -> str:
        said = [f"{each.offer} ({minute(at_ms, self.zone)}, {each.channel})" for at_ms, each in causes[:MOST_LISTED]]
        more = len(causes) - MOST_LISTED
        return ", ".join([*said, *([f"{more} more"] if more > 0 else [])])


def _entries(causes: Iterable[Counted]) -> tuple[LedgerEntry, ...]:
    return tuple(each for _, each in causes)


def _times(entry: LedgerEntry) -> tuple[int, ...]:
    """All that a silence may be counted from."""
    return (entry.at_ms, *entry.known_outcomes().values())
