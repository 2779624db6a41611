"""A model of one shard in Redis. Every write makes a new state; a failover goes back to an earlier one.

The scripts are those of profiles/lua, check for check; `Rules` leaves some of the checks out. A failover to a
prefix of the command stream is dropping the latest states, which is what append-only tail, snapshot and replica
all amount to.
"""

from enum import Enum
from typing import Any, NamedTuple

from tests.sim.variants import Rules


class Entry(NamedTuple):
    """One record of the log."""

    offset: int
    customer: int
    id: int


class Guard(NamedTuple):
    nonce: int
    n: int
    off: int


class Customer(NamedTuple):
    version: int = 0
    mark: int = 0
    effects: tuple[int, ...] = ()
    """Offsets of the records folded, in the order of folding."""
    seen: tuple[int, ...] = ()
    ledger: tuple[int, ...] = ()
    """What the fold has put there (offsets) and what the API has (decisions, negative)."""


class State(NamedTuple):
    guard: Guard
    customers: tuple[Customer, ...]
    log: tuple[Entry, ...]
    """Empty where the log is outside."""
    outbox: tuple[int, ...]
    """What the effects emit: the offset of the record that had the effect."""
    decisions: tuple[int, ...]


class Answer(Enum):
    OK = "OK"
    FENCED = "FENCED"
    CONFLICT = "CONFLICT"
    DONE = "DONE"


class ModelRedis:
    def __init__(self, rules: Rules, customers: int, log_inside: bool) -> None:
        self._rules = rules
        self._log_inside = log_inside
        self.state = State(Guard(0, 0, 0), (Customer(),) * customers, (), (), ())
        self.history = [self.state]
        self._versions = 0
        self.broken: list[str] = []
        """Marks that fell though nothing was lost (I3)."""

    def fail_over(self, lost: int) -> None:
        """Loses the latest `lost` writes."""
        del self.history[max(1, len(self.history) - lost) :]
        self.state = self.history[-1]

    def since_renewed(self, times: int) -> int:
        """How many writes there are from the change of the nonce on that is `times` changes ago."""
        nonce = self.state.guard.nonce
        for lost, state in enumerate(reversed(self.history)):
            if state.guard.nonce != nonce:
                nonce, times = state.guard.nonce, times - 1
                if not times:
                    return lost
        return 0

    def takeover(self, nonce: int) -> Guard:
        guard = self.state.guard
        renewed = Guard(nonce, 0, guard.off) if self._rules.takeover_renews_nonce else guard
        self._write(self.state._replace(guard=renewed))
        return renewed

    def look(self) -> Guard:
        return self.state.guard

    def begin(self, expected: Guard, nonce: int, last: int) -> bool:
        """`last`: offset of the batch's last record. All are there if it is: what a failover loses is a suffix."""
        rules, guard = self._rules, self.state.guard
        if (
            (rules.begin_compares_nonce and guard.nonce != expected.nonce)
            or (rules.begin_compares_n and guard.n != expected.n)
            or (rules.begin_compares_off and guard.off != expected.off)
        ):
            return False
        if rules.begin_requires_records and self._log_inside and all(e.offset != last for e in self.state.log):
            return False
        self._write(self.state._replace(guard=Guard(nonce, 0, guard.off)))
        return True

    def begin_and_read(self, expected: Guard, nonce: int, last: int, customers: tuple[int, ...]) -> list[Any]:
        """BEGIN and the reads as one script."""
        return [self.begin(expected, nonce, last), *(self.state.customers[each] for each in customers)]

    def read(self, customer: int) -> Customer:
        return self.state.customers[customer]

    def skip(self, nonce: int) -> Answer:
        """The APPLY of a customer with nothing left to change, where skips are counted."""
        guard = self.state.guard
        if self._rules.apply_checks_nonce and guard.nonce != nonce:
            return Answer.FENCED
        self._write(self.state._replace(guard=Guard(guard.nonce, guard.n + 1, guard.off)))
        return Answer.OK

    def apply(self, nonce: int, which: int, folded: Customer, emitted: tuple[int, ...]) -> Answer:
        """`folded` carries the version that was read."""
        rules, (guard, customers, log, outbox, decisions) = self._rules, self.state
        if rules.guarded and rules.apply_checks_nonce and guard.nonce != nonce:
            return Answer.FENCED
        before = customers[which]
        if rules.apply_checks_version and before.version != folded.version:
            return Answer.CONFLICT
        if folded.mark < before.mark and rules.marks:
            self.broken.append(f"the mark of customer {which} fell from {before.mark} to {folded.mark}")
        after = folded._replace(version=self._next_version(before.version))
        self._write(
            State(
                Guard(guard.nonce, guard.n + 1, guard.off),
                (*customers[:which], after, *customers[which + 1 :]),
                log,
                outbox + emitted,
                decisions,
            )
        )
        return Answer.OK

    def end(self, nonce: int, commits: int, off: int) -> bool:
        rules, guard = self._rules, self.state.guard
        if rules.guarded and (
            (rules.end_checks_nonce and guard.nonce != nonce) or (rules.end_checks_n and guard.n != commits)
        ):
            return False
        self.move(off)
        return True

    def move(self, off: int) -> None:
        """Sets the position without a check."""
        guard = self.state.guard
        self._write(self.state._replace(guard=Guard(guard.nonce, guard.n, off)))

    def append(self, entry: Entry) -> None:
        """The embedded log takes a record."""
        self._write(self.state._replace(log=(*self.state.log, entry)))

    def decide(self, which: int, version: int, ledger: tuple[int, ...], decision: int) -> Answer:
        """The API's commit: the ledger and the decision's key, by version alone."""
        guard, customers, log, outbox, decisions = self.state
        if decision in decisions:
            return Answer.DONE
        before = customers[which]
        if before.version != version:
            return Answer.CONFLICT
        after = before._replace(version=self._next_version(version), ledger=ledger)
        changed = (*customers[:which], after, *customers[which + 1 :])
        self._write(State(guard, changed, log, outbox, (*decisions, decision)))
        return Answer.OK

    def _next_version(self, version: int) -> int:
        self._versions += 1
        return self._versions if self._rules.versions_unique else version + 1

    def _write(self, state: State) -> None:
        self.state = state
        self.history.append(state)
