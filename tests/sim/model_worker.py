"""Workers and the API of the model, as generators: between any two `yield`s they may be paused, or never resumed.

`Worker` takes the steps of consumers/loop.py in the same order, a round trip where that makes one.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, Protocol

from tests.sim.model_redis import Answer, Customer, Entry, Guard, ModelRedis
from tests.sim.variants import Reads, Resume, Rules

Steps = Generator[None, None, None]
Command = tuple[Callable[..., Any], *tuple[Any, ...]]
RING = 3


class Unavailable(Exception):  # noqa: N818
    """Redis did not answer, or not in time."""


class Surroundings(Protocol):
    """What a worker sees of the world."""

    redis: ModelRedis
    rules: Rules
    owners: set[str]
    committed: int
    """The position committed to the log."""

    def trip(self, who: str, commands: Sequence[Command]) -> Generator[None, None, list[Any]]: ...

    def read_log(self, after: int) -> list[Entry]: ...

    def fresh(self) -> int:
        """A number that nobody has had."""

    def note(self, who: str, what: str) -> None: ...


class Folded(NamedTuple):
    customer: Customer
    emitted: tuple[int, ...]


def fold(customer: Customer, entries: Sequence[Entry], rules: Rules) -> Folded | None:
    """The customer with the entries in it, and what they emit; None if there is nothing left to apply."""
    version, mark, effects, seen, ledger = customer
    new = [each for each in entries if each.offset > mark] if rules.marks else entries
    if not new:
        return None
    for offset, _, identity in new:
        if rules.ring and identity in seen:
            continue
        effects, seen, ledger = (*effects, offset), (*seen, identity)[-RING:], (*ledger, offset)
    return Folded(Customer(version, new[-1].offset, effects, seen, ledger), effects[len(customer.effects) :])


class Worker:
    def __init__(self, world: Surroundings, name: str) -> None:
        self.name = name
        self._world = world
        self._redis = world.redis
        self._rules = world.rules
        self.left: Guard | None = None
        """The guard as this worker left it; None: it has to take over first."""
        self.idle_rounds = 0
        self.steps = self._run()

    def _run(self) -> Steps:
        while True:
            yield
            try:
                yield from self._round()
            except Unavailable:
                self.left = None

    def _round(self) -> Steps:
        if self.name not in self._world.owners:
            self.left = None
            self.idle_rounds += 1
            return
        if self.left is None:
            yield from self._take_over()
        assert self.left is not None
        entries = self._world.read_log(self.left.off)
        if entries:
            self.idle_rounds = 0
            yield
            yield from self._batch(entries)
        else:
            self.idle_rounds += 1
            if self._rules.idle_check:
                yield from self._check()

    def _take_over(self) -> Steps:
        (guard,) = yield from self._world.trip(self.name, [(self._redis.takeover, self._world.fresh())])
        if self._rules.resume is Resume.LOG:
            guard = guard._replace(off=self._world.committed)
        self.left = guard
        yield

    def _check(self) -> Steps:
        (guard,) = yield from self._world.trip(self.name, [(self._redis.look,)])
        if guard != self.left:
            self._drop()

    def _drop(self) -> None:
        self.left = None
        self.idle_rounds = 0

    def _batch(self, entries: list[Entry]) -> Steps:
        assert self.left is not None
        grouped: dict[int, list[Entry]] = {}
        for each in entries:
            grouped.setdefault(each.customer, []).append(each)
        if not self._rules.skips_guarded and (yield from self._skipped(grouped, entries[-1].offset)):
            return
        opened = yield from self._begin(grouped, entries[-1].offset)
        if opened is None:
            self._drop()
            return
        nonce, customers = opened
        yield
        pending = {who: fold(customer, grouped[who], self._rules) for who, customer in customers.items()}
        counted = self._rules.skips_counted
        commits = sum(counted or each is not None for each in pending.values())
        while True:
            answers = yield from self._apply(nonce, pending, commits, entries[-1].offset)
            lost = [who for who in pending if answers[who] is Answer.CONFLICT]
            if not lost:
                break
            yield
            again = yield from self._world.trip(self.name, [(self._redis.read, who) for who in lost])
            pending = {who: fold(each, grouped[who], self._rules) for who, each in zip(lost, again, strict=True)}
            yield
        if answers["end"]:
            self.left = Guard(nonce, commits, entries[-1].offset)
            self._world.committed = entries[-1].offset
        else:
            self._drop()

    def _begin(
        self, grouped: dict[int, list[Entry]], last: int
    ) -> Generator[None, None, tuple[int, dict[int, Customer]] | None]:
        assert self.left is not None
        reads: list[Command] = [(self._redis.read, who) for who in grouped]
        if not self._rules.guarded:
            customers = yield from self._world.trip(self.name, reads)
            return 0, dict(zip(grouped, customers, strict=True))
        nonce = self._world.fresh() if self._rules.begin_renews_nonce else self.left.nonce
        begin: Command = (self._redis.begin, self.left, nonce, last)
        match self._rules.reads:
            case Reads.WITHIN:
                within: Command = (self._redis.begin_and_read, self.left, nonce, last, tuple(grouped))
                ((begun, *customers),) = yield from self._world.trip(self.name, [within])
            case Reads.BESIDE:
                begun, *customers = yield from self._world.trip(self.name, [begin, *reads])
            case Reads.BEFORE:
                customers = yield from self._world.trip(self.name, reads)
                yield
                (begun,) = yield from self._world.trip(self.name, [begin])
        return (nonce, dict(zip(grouped, customers, strict=True))) if begun else None

    def _apply(
        self, nonce: int, pending: dict[int, Folded | None], commits: int, off: int
    ) -> Generator[None, None, dict[Any, Any]]:
        """The answers by customer, and that of END."""
        redis = self._redis
        commands: dict[Any, Command] = {}
        for who, folded in pending.items():
            if folded is not None:
                commands[who] = (redis.apply, nonce, who, *folded)
            elif self._rules.skips_counted:
                commands[who] = (redis.skip, nonce)
        end: Command = (redis.end, nonce, commits, off)
        commands = {**commands, "end": end} if self._rules.end_last else {"end": end, **commands}
        answers = yield from self._world.trip(self.name, list(commands.values()))
        return {**dict.fromkeys(pending), **dict(zip(commands, answers, strict=True))}

    def _skipped(self, grouped: dict[int, list[Entry]], off: int) -> Generator[None, None, bool]:
        """The broken way: what is found to be folded already is passed over without the guard."""
        customers = yield from self._world.trip(self.name, [(self._redis.read, who) for who in grouped])
        yield
        if any(fold(each, grouped[who], self._rules) for who, each in zip(grouped, customers, strict=True)):
            return False
        yield from self._world.trip(self.name, [(self._redis.move, off)])
        assert self.left is not None
        self.left = self.left._replace(off=off)
        return True


class Api:
    """Decides now and then: reads a customer, and commits a ledger with one decision more."""

    name = "api"

    def __init__(self, world: Surroundings, customers: int) -> None:
        self._world = world
        self._customers = customers
        self.made: dict[int, int] = {}
        """The customer of each decision."""
        self.steps = self._run()

    def _run(self) -> Steps:
        while True:
            yield
            decision = -self._world.fresh()
            who = -decision % self._customers
            self.made[decision] = who
            try:
                yield from self._decide(who, decision)
            except Unavailable:
                continue

    def _decide(self, who: int, decision: int) -> Steps:
        redis = self._world.redis
        while True:
            (customer,) = yield from self._world.trip(self.name, [(redis.read, who)])
            yield
            ledger = (*customer.ledger, decision)
            commit: Command = (redis.decide, who, customer.version, ledger, decision)
            (answer,) = yield from self._world.trip(self.name, [commit])
            if answer is not Answer.CONFLICT:
                return
