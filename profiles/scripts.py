"""The Lua scripts, called by their hash. A server that does not know one (restart, failover) is told all.

A batch of which nothing has run is then sent again.

A Redis that has used all of its memory refuses the first write of a script that could need some, and no later one.
Scripts by which workers fold and cut begin with a write that needs none, and changes nothing: what waits must not keep
Redis from getting rid of it. What the API writes is refused.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from profiles.cluster import Cluster
from profiles.cluster_trip import ClusterTrip, trip_on
from profiles.coalescing import Lane, lanes_of
from profiles.errors import OutOfRoom, StoreUnavailable
from profiles.trip import Trip

FOLDER = Path(__file__).parent / "lua"
NAMES = (
    "adjust",
    "append",
    "begin",
    "commit",
    "deliver",
    "end",
    "fire",
    "forgotten",
    "grant",
    "granted",
    "lease",
    "lock",
    "mend",
    "put_back",
    "read",
    "relayed",
    "return",
    "settle",
    "stock",
    "sweep",
    "take",
    "takeover",
)


def source(name: str) -> str:
    """The text of a script, after that of the one which its first line names: `-- with customer.lua`."""
    text = (FOLDER / f"{name}.lua").read_text()
    first, _, rest = text.partition("\n")
    other = first.removeprefix("-- with ")
    return text if other == first else (FOLDER / other).read_text() + rest


class Batch:
    """Commands that share one round trip. Not a transaction: each script is atomic by itself.

    Redis may begin before all of it is known: `flush` sends what there is, and `run` the rest. A batch that was flushed
    is not repeated after a failure, and is to be dropped if `run` is never called.

    With a `lane`, what is not flushed shares its round trip with other batches of the lane.
    """

    def __init__(self, scripts: "Scripts") -> None:
        self._scripts = scripts
        self.lane: Lane | None = None
        self._steps: list[tuple[Any, ...]] = []
        self._trip: Trip | ClusterTrip | None = None
        self._flushed = 0

    def call(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> None:
        self._steps.append(("EVALSHA", self._scripts.sha[script], len(keys), *keys, *args))

    def add(self, *command: Any) -> None:
        self._steps.append(command)

    @property
    def unsent(self) -> int:
        """How many commands are still to be sent."""
        return len(self._steps) - self._flushed

    async def flush(self) -> None:
        """Sends what was added since the last time; Redis works on it meanwhile. Raises StoreUnavailable."""
        if self._trip is None:
            self._trip = trip_on(self._scripts.redis)
        waiting, self._flushed = self._steps[self._flushed :], len(self._steps)
        if waiting:
            await self._trip.send(waiting)

    async def drop(self) -> None:
        """Gives up what was flushed: Redis may have done it or not."""
        if self._trip is not None:
            await self._trip.drop()

    async def run(self) -> list[Any]:
        """The answers in order. Raises StoreUnavailable if Redis is away or refuses to write."""
        if not self._steps:
            return []
        try:
            answers = await self._send()
            refused = [each for each in answers if isinstance(each, ResponseError)]
            if refused and any(isinstance(each, NoScriptError) for each in refused):
                answers = await self._told(answers)
                refused = [each for each in answers if isinstance(each, ResponseError)]
        except (RedisConnectionError, RedisTimeoutError, OSError) as cause:
            raise StoreUnavailable(str(cause)) from cause
        if refused:
            raise _refusal(refused[0]) from refused[0]
        return answers

    async def _told(self, answers: list[Any]) -> list[Any]:
        """The answers once Redis knows the scripts."""
        await self._scripts.load()
        if self._ran_none(answers):
            self._flushed = 0
            return await self._send()
        return await self._completed(answers) if self._trip is None else answers

    async def _completed(self, answers: list[Any]) -> list[Any]:
        """Of a cluster one node may have known the scripts, and another not: only that one is asked again."""
        again = Batch(self._scripts)
        again._steps = [s for s, each in zip(self._steps, answers, strict=True) if isinstance(each, NoScriptError)]
        found = iter(await again._send())
        return [next(found) if isinstance(each, NoScriptError) else each for each in answers]

    def _ran_none(self, answers: list[Any]) -> bool:
        """Whether no script of the batch has run: only then may it be sent again whole."""
        scripts = (answer for step, answer in zip(self._steps, answers, strict=True) if step[0] == "EVALSHA")
        return all(isinstance(each, NoScriptError) for each in scripts)

    async def _send(self) -> list[Any]:
        if self._trip is not None:
            await self.flush()
            return await self._trip.answers()
        if self.lane is not None:
            return await self.lane.run(self._steps)
        if isinstance(self._scripts.redis, Cluster):
            return await self._scripts.redis.run(self._steps)
        pipeline: Pipeline = self._scripts.redis.pipeline(transaction=False)
        for step in self._steps:
            pipeline.execute_command(*step)
        return await pipeline.execute(raise_on_error=False)


def _refusal(answer: ResponseError) -> StoreUnavailable:
    """Within a script Redis 6 says what went wrong in its own words."""
    full = isinstance(answer, OutOfMemoryError) or "-OOM " in str(answer)
    return OutOfRoom(str(answer)) if full else StoreUnavailable(str(answer))


class Scripts:
    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.sha: dict[str, str] = {}
        self._reads: Lane | None = None
        self._writes: Lane | None = None
        if not isinstance(redis, Cluster):
            self._reads, self._writes = lanes_of(redis)

    async def load(self) -> None:
        for name in NAMES:
            self.sha[name] = str(await self.redis.script_load(source(name)))

    def batch(self) -> Batch:
        return Batch(self)

    def reading(self) -> Batch:
        """A batch that only reads, and shares its round trip with what other requests read. Its answers are as Redis
        gives them: redis-py makes no other values of them."""
        batch = self.batch()
        batch.lane = self._reads
        return batch

    async def asked(self, *command: Any) -> Any:
        """The answer to one command that only reads, likewise. Raises StoreUnavailable."""
        if self._reads is None:
            batch = self.reading()
            batch.add(*command)
            return (await batch.run())[0]
        (answer,) = await self._reads.run((command,))
        if isinstance(answer, ResponseError):
            raise _refusal(answer) from answer
        return answer

    def writing(self) -> Batch:
        """Likewise, for what requests write."""
        batch = self.batch()
        batch.lane = self._writes
        return batch
