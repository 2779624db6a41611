"""One seeded run of the model: hostile steps, then calm until everybody rests, then the invariants.

A run is determined by its seed, the rules and the hostility; nothing else is looked at.
"""

import random
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.sim.model_redis import Entry, ModelRedis
from tests.sim.model_worker import RING, Api, Command, Steps, Unavailable, Worker
from tests.sim.variants import Rules

CUSTOMERS = 3
HOSTILE_STEPS = 100
CALM_STEPS = 400
MOST_ENTRIES = 6
"""Records a worker reads at once."""
MOST_LOST = 8
"""Writes that a failover loses at most."""
RETRIES = 2
"""How often a client sends a round trip again."""


@dataclass(frozen=True, slots=True)
class Hostility:
    """What happens to the parts. Workers crash in any case, and duplicates are sent."""

    zombies: bool = True
    """Workers pause, and two may believe to be the owner."""
    failovers: bool = True
    """Redis loses its latest writes."""
    cuts: bool = True
    """Round trips are cut, answered late, and sent again."""
    log_inside: bool = True
    """The log lies in the same Redis (embedded mode); False: outside, where nothing is lost (Kafka)."""


class World:
    """Redis, the log, two workers, the API and a producer; and one source of chance for all of them."""

    def __init__(self, seed: int, rules: Rules, hostility: Hostility, trace: list[str] | None = None) -> None:
        self.rules = rules
        self.redis = ModelRedis(rules, CUSTOMERS, hostility.log_inside)
        self.owners = {"one"}
        self.committed = 0
        self.ever: dict[int, Entry] = {}
        """Every record that the log ever took, by offset."""
        self._hostility = hostility
        self._chance = chance = random.Random(seed).random
        # each seed has a climate of its own: what is rare in one is common in another
        self._faults = 0.03 + 0.25 * chance()
        self._cuts = 0.6 * chance() if hostility.cuts else 0.0
        self._most_entries = 1 + int(chance() * MOST_ENTRIES)
        self._skew = 1 + int(chance() * 3)
        self._api_share = 0.4 * chance()
        self._producer_share = 0.05 + 0.2 * chance()
        self._trace = trace
        self._calm = False
        self._numbers = 0
        self._step = 0
        self._clock = 0
        self._server = 0
        """Which server answers: a failover makes it another, and no connection outlives one."""
        self._log: list[Entry] = []
        self._sent: list[list[int]] = [[] for _ in range(CUSTOMERS)]
        self._late: list[tuple[str, list[Command]]] = []
        self._paused: dict[str, int] = {}
        self.workers = {name: Worker(self, name) for name in ("one", "two")}
        self.api = Api(self, CUSTOMERS)

    # what workers and the API see

    def fresh(self) -> int:
        self._numbers += 1
        return self._numbers

    def note(self, who: str, what: str) -> None:
        if self._trace is not None:
            self._trace.append(f"{who:>8}  {what}")

    def log(self) -> Sequence[Entry]:
        return self.redis.state.log if self._hostility.log_inside else self._log

    def read_log(self, after: int) -> list[Entry]:
        most = 1 + int(self._chance() * self._most_entries)
        return [each for each in self.log() if each.offset > after][:most]

    def trip(self, who: str, commands: Sequence[Command]) -> Generator[None, None, list[Any]]:
        """A pipeline: its commands are done one by one, and others may come between; sent again if it is cut.

        Raises Unavailable after the last retry.
        """
        chance = self._chance
        if self._calm or chance() >= self._cuts:
            return [self._do(who, command) for command in commands]
        for _ in range(1 + RETRIES):
            answers: list[Any] = []
            server = self._server
            for number, command in enumerate(commands):
                yield
                if server != self._server:
                    self.note(who, "loses its connection, and the answers with it")
                    break
                luck = chance()
                if luck < 0.1:
                    self._cut(who, commands[number:])
                    break
                if luck > 0.85 and self._hostility.zombies:
                    self._pause(who)
                    yield
                answers.append(self._do(who, command))
            else:
                if chance() < 0.8:
                    return answers
                self.note(who, "the answers are lost")
        self.note(who, "gives up: unavailable")
        raise Unavailable

    def _cut(self, who: str, rest: Sequence[Command]) -> None:
        late = self._chance() < 0.5
        if late:
            self._late.append((who, list(rest)))
        self.note(who, f"is cut off before {rest[0][0].__name__}; the rest {'comes late' if late else 'is lost'}")

    def _do(self, who: str, command: Command) -> Any:
        answer = command[0](*command[1:])
        if self._trace is not None:
            arguments = ", ".join(map(str, command[1:]))
            self.note(who, f"{command[0].__name__}({arguments}) -> {answer}")
        if answer is True and command[0].__name__ == "end":
            self._check_off()
        return answer

    # time

    def run(self) -> list[str]:
        """What was found wrong; empty if nothing."""
        chance, paused, workers = self._chance, self._paused, self.workers
        producing, asking = self._producer_share, self._producer_share + self._api_share
        working = (1 + asking) / 2
        for self._step in range(HOSTILE_STEPS):
            if chance() < self._faults:
                self._fault()
            who = chance()
            if who < producing:
                self._produce()
            elif who < asking:
                next(self.api.steps)
            elif paused.get(name := "one" if who < working else "two", 0) <= self._step:
                next(workers[name].steps)
        settled = self._settle()
        return [*self.redis.broken, *self._wrong(), *([] if settled else ["never came to rest"])]

    def _fault(self) -> None:
        kind = int(self._chance() * 5)
        name = "one" if self._chance() < 0.5 else "two"
        hostility = self._hostility
        if kind == 0:
            self._crash(name)
        elif kind == 1 and hostility.failovers:
            self._fail_over()
        elif kind == 2 and hostility.zombies:
            self._pause(name)
        elif kind == 3:
            self._reassign(name)
        elif kind == 4 and self._late:
            self._do_late()

    def _pause(self, name: str) -> None:
        self._paused[name] = self._step + 5 + int(self._chance() * 20)
        self.note(name, "is paused")

    def _crash(self, name: str) -> None:
        self.note(name, "CRASHES and starts again")
        self.workers[name] = Worker(self, name)

    def _fail_over(self) -> None:
        """Connections end with the server, so what is on its way is lost too."""
        chance = self._chance
        some = 1 + int(chance() * MOST_LOST)
        lost = self.redis.since_renewed(1 + some % 3) if chance() < 0.5 else some
        self.note("redis", f"FAILS OVER and loses its last {lost} writes")
        self.redis.fail_over(lost)
        self._server += 1
        self._late.clear()
        self._check_off()

    def _reassign(self, name: str) -> None:
        """Without zombies the old owner is gone before the new one starts."""
        if self._hostility.zombies and self._chance() < 0.5:
            self.owners = {"one", "two"}
        else:
            self.owners = {name}
        if not self._hostility.zombies:
            other = "two" if name == "one" else "one"
            self.workers[other] = Worker(self, other)
            self._late.clear()
        self.note("owners", ", ".join(sorted(self.owners)))

    def _do_late(self) -> None:
        who, commands = self._late.pop(int(self._chance() * len(self._late)))
        self.note(who, "what came late is done")
        for command in commands:
            self._do(who, command)

    def _produce(self) -> None:
        who = int(self._chance() ** self._skew * CUSTOMERS)
        sent = self._sent[who]
        if sent and self._chance() < 0.25:
            identity = sent[-1 - int(self._chance() * min(len(sent), RING - 1))]
        else:
            identity = self.fresh()
            sent.append(identity)
        entry = Entry(self._next_offset(), who, identity)
        self.ever[entry.offset] = entry
        if self._hostility.log_inside:
            self._do("producer", (self.redis.append, entry))
        else:
            self._log.append(entry)
            self.note("producer", f"appends {entry}")

    def _next_offset(self) -> int:
        """Embedded offsets are points in time: what a failover loses is not given again."""
        if not self.rules.offsets_unique:
            return self.log()[-1].offset + 1 if self.log() else 1
        self._clock += 1
        return self._clock

    def _settle(self) -> bool:
        """Nobody fails any more, and one worker owns the shard; whether all came to rest."""
        self._calm = True
        self.owners = {"one" if self._chance() < 0.5 else "two"}
        self.note("owners", f"{', '.join(self.owners)}; calm from here")
        while self._late:
            self._do_late()
        api = self._settled_api()
        for each in self.workers.values():
            each.idle_rounds = 0
        names = list(self.workers)
        for _ in range(CALM_STEPS):
            worker = self.workers[names[int(self._chance() * 2)]]
            next(worker.steps)
            next(api, None)
            if all(each.idle_rounds >= 2 for each in self.workers.values()):
                return True
        return False

    def _settled_api(self) -> Steps:
        """What the API has begun it ends; it begins nothing new."""
        made = len(self.api.made)
        for _ in self.api.steps:
            yield
            if len(self.api.made) > made:
                return

    # the invariants

    def _check_off(self) -> None:
        """I2: `off` claims nothing that the profiles do not hold."""
        if not self.rules.marks:
            return
        customers, off = self.redis.state.customers, self.redis.state.guard.off
        for entry in self.log():
            if entry.offset > off:
                break
            if customers[entry.customer].mark < entry.offset:
                self.redis.broken.append(f"`off` is {off}, but record {entry.offset} is not applied")

    def _wrong(self) -> Iterator[str]:
        for number in range(CUSTOMERS):
            yield from self._wrong_effects(number)
            yield from self._wrong_ledger(number)
        effects = sorted(offset for each in self.redis.state.customers for offset in each.effects)
        if sorted(self.redis.state.outbox) != effects:
            yield f"outbox: emitted {sorted(self.redis.state.outbox)} for the effects {effects}"

    def _wrong_effects(self, number: int) -> Iterator[str]:
        """I1: the effects are those of the distinct records in the log, in its order."""
        effects = self.redis.state.customers[number].effects
        first: dict[int, int] = {}
        for entry in self.log():
            if entry.customer == number:
                first.setdefault(entry.id, entry.offset)
        expected = tuple(first.values())
        if effects == expected:
            return
        ids = [self.ever[offset].id for offset in effects]
        if len(set(ids)) < len(ids):
            kind = "doubled"
        elif set(first) - set(ids):
            kind = "lost"
        elif set(ids) - set(first):
            kind = "invented"
        else:
            kind = "reordered"
        yield f"{kind}: customer {number} has {ids} by the records {effects} instead of {list(first)} by {expected}"

    def _wrong_ledger(self, number: int) -> Iterator[str]:
        customer = self.redis.state.customers[number]
        if tuple(each for each in customer.ledger if each > 0) != customer.effects:
            yield f"ledger: customer {number} has {customer.ledger} beside the effects {customer.effects}"
        made = sorted(each for each in self.redis.state.decisions if self.api.made[each] == number)
        if sorted(each for each in customer.ledger if each < 0) != made:
            yield f"ledger: customer {number} has {customer.ledger} but the API committed {made}"
