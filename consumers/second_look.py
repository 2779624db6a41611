"""Looks again at responses whose code nobody knew when they were taken in from Kafka, and puts back those known now.

Redis may have lost a decision that Kafka still holds (a failover, an empty Redis). Until it is folded again nobody
knows its codes, and a response that a backend has produced becomes a dead letter, whichever of the two stands first in
Kafka. It stands in the shard of its code, which is the decision's. The letter goes and the response comes in one
script, so that it is in one place or in the other, whoever else looks.
"""

import logging
import time
from collections.abc import Callable

from msgspec import Struct, field

from consumers.answers import known_codes
from consumers.dead_letters import found_in_kafka
from consumers.kafka.decoding import RESPONSES, Answer, Decoding, Fate
from consumers.live import LivePolicy, PolicySource
from consumers.meter import Meter
from consumers.stopping import Stopping
from profiles.dead_letters import DeadLetterStreams, Letter
from profiles.store import CustomerStore, Record

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
LOOKS_BACK_MS = 3_600_000
"""A letter that is older stays one: it takes so long at most until a decision that is on its way is folded."""
MOST_WAITING = 1_000
"""Of each shard; of more the oldest are not looked at again."""


class Unknown(Struct):
    letter: Letter
    answer: Answer
    due_ms: int = 0


class Waiting(Struct):
    """Of one shard."""

    after: str
    """All letters up to this one (stream id) were seen."""
    unknown: list[Unknown] = field(default_factory=list)


class SecondLook:
    """For the shards that `owned` names."""

    def __init__(
        self,
        store: CustomerStore,
        owned: Callable[[], frozenset[int]],
        decoding: Decoding,
        policies: PolicySource,
        meter: Meter,
    ) -> None:
        self._store = store
        self._streams = DeadLetterStreams(store)
        self._owned = owned
        self._decoding = decoding
        self._policies = policies
        self._meter = meter
        self._shards: dict[int, Waiting] = {}
        self._stopping = Stopping()

    def stop(self) -> None:
        self._stopping.ask()

    async def run(self) -> None:
        await self._stopping.repeat(lambda: self.look(int(time.time() * 1000)), LOOK_EVERY_S, log)

    async def look(self, now_ms: int) -> int:
        """Returns how many were put back. Raises StoreUnavailable."""
        policy, oldest_ms = self._policies.current, now_ms - LOOKS_BACK_MS
        if policy is None:
            return 0
        owned = self._owned()
        self._shards = {n: self._shards.get(n) or Waiting(str(oldest_ms)) for n in sorted(owned)}
        await self._read(policy)
        for waiting in self._shards.values():
            waiting.unknown = [each for each in waiting.unknown if each.letter.id.ms > oldest_ms][-MOST_WAITING:]
        return await self._put_back_known(policy, now_ms)

    async def _read(self, policy: LivePolicy) -> None:
        """What has come since the last look, up to a page of each shard."""
        found = await self._streams.newer({shard: waiting.after for shard, waiting in self._shards.items()})
        for shard, letters in found.items():
            waiting = self._shards[shard]
            waiting.after = letters[-1].id.at
            for letter in letters:
                if answer := self._unknown(letter, policy):
                    waiting.unknown.append(Unknown(letter, answer))

    def _unknown(self, letter: Letter, policy: LivePolicy) -> Answer | None:
        """What the letter answers, if all that was wrong with it is that nobody knew its code."""
        if letter.what.reason != "unknown_code" or letter.what.topic != RESPONSES or letter.was_in_the_log:
            return None
        read = self._decoding.read(found_in_kafka(letter.what), policy)
        return read if isinstance(read, Answer) else None

    async def _put_back_known(self, policy: LivePolicy, now_ms: int) -> int:
        """Each is looked at again after as long as it has waited already."""
        due = [each for waiting in self._shards.values() for each in waiting.unknown if each.due_ms <= now_ms]
        if not due:
            return 0
        known = await known_codes(self._store, {each.answer.code for each in due})
        going: list[tuple[Letter, Record]] = []
        for each in due:
            each.due_ms = 2 * now_ms - each.letter.id.ms
            if code := known.get(each.answer.code):
                taken = self._decoding.answered(each.answer, code, policy)
                going += [(each.letter, taken.record)] if taken.fate is Fate.LOGGED else []
        if going:
            await self._put_back(going)
        return len(going)

    async def _put_back(self, going: list[tuple[Letter, Record]]) -> None:
        await self._streams.put_back(going)
        gone = {letter.id for letter, _ in going}
        for waiting in self._shards.values():
            waiting.unknown = [each for each in waiting.unknown if each.letter.id not in gone]
        self._meter.count("intake_found_again", len(going))
        log.info("responses put back: their decisions are known now", extra={"responses": len(going)})
