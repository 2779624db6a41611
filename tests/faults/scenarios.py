"""Faults of workers, and what clients send that is wrong."""

import asyncio
import random
import signal
import time
from typing import Any

import orjson

from tests.faults.backends import Backend
from tests.faults.clients import Pace
from tests.faults.deaths import Mortals
from tests.faults.history import SOURCE
from tests.faults.pauses import Pauses
from tests.faults.rig import PARTITIONS, policy_of, rig
from tests.faults.running import Row, under_load
from tests.kafka_server import KafkaServer

FROZEN_S = 8.0
"""Longer than the session of a consumer and than the membership of a worker."""
SWAP_EVERY_S = 0.2
MOST_PAUSE_S = 5.0
REKEYED = Pace(over_http=40, to_kafka=200, decisions=30)


async def killed_at_each_step(kafka: KafkaServer, *, deaths: int) -> Row:
    """Before, within and after the round trips of each script that a worker calls."""
    async with rig(kafka, workers=()) as found:
        mortals = Mortals(found, ("a", "b"), deaths)
        with mortals.running():
            async with under_load(found, "worker `kill -9` at each named step") as run:
                await mortals.die()
                mortals.start_well()
        run.row.faults = mortals.died
        run.row.notes.append(f"{len(mortals.met)} of {mortals.wanted} deaths met")
        return run.row


async def killed_at_random(kafka: KafkaServer, *, kills: int, pace: Pace | None = None) -> Row:
    async with rig(kafka) as found, under_load(found, "worker `kill -9` at random", pace) as run:
        chance = random.Random(run.seed)
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.5, 2.5))
            name = chance.choice(("a", "b"))
            await found.kill_worker(name)
            await asyncio.sleep(chance.uniform(0, 1))
            found.start_worker(name)
            run.row.faults += 1
    return run.row


async def two_owners(kafka: KafkaServer, *, rounds: int) -> Row:
    """The frozen one wakes up after the other one has taken over."""
    async with rig(kafka) as found, under_load(found, "two owners (`SIGSTOP` past the session, `SIGCONT`)") as run:
        for number in range(rounds):
            name = "ab"[number % 2]
            await asyncio.sleep(2)
            found.send(name, signal.SIGSTOP)
            await asyncio.sleep(FROZEN_S)
            found.send(name, signal.SIGCONT)
            run.row.faults += 1
    return run.row


async def poison(kafka: KafkaServer, *, seconds: float, pace: Pace | None = None) -> Row:
    """Undecodable, ill-typed and forged records between good ones."""
    async with rig(kafka) as found, under_load(found, "poison between good records", pace) as run:
        chance = random.Random(run.seed)
        backend = Backend(kafka.servers, chance, PARTITIONS)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            places = await asyncio.gather(*(backend.say(*each) for each in _poisons(chance)))
            run.history.poison.update(places)
            run.history.sent += len(places)
            await asyncio.sleep(0.2)
        await backend.close()
        run.row.faults = len(run.history.poison)
    return run.row


def _poisons(chance: random.Random) -> list[tuple[str, bytes | None, list[tuple[str, bytes]]]]:
    name = f"p{chance.randrange(10**12)}"
    event = {"specversion": "1.0", "id": name, "source": SOURCE, "subject": "x1", "type": "purchase"}
    ill = [{**event, "data": {"n": "many"}}, {**event, "type": "nothing_known", "data": {}}, {**event, "data": {}}]
    forged: list[dict[str, Any]] = [
        {**event, "type": kind, "data": {}} for kind in ("timer_fired", "session_ended", "stage_changed")
    ]
    signed = [("ce_id", name.encode()), ("ce_source", SOURCE.encode()), ("opportune", b"1")]
    return [
        ("interactions", chance.choice((b"{", b"", None, b"\xff\xfe", b"[1]", b"{}")), []),
        ("interactions", orjson.dumps(chance.choice(ill)), []),
        ("interactions", orjson.dumps(chance.choice(forged)), []),
        ("interactions", orjson.dumps({**event, "data": {"n": 1, "owner": "nobody"}}), signed),
        ("decisions", b"{}", []),
        ("erasures", orjson.dumps({"receipt": name, "requested_ms": 1}), []),
        ("responses", orjson.dumps({"code": "nonsense!", "outcome": "accepted"}), []),
    ]


async def rekeying(kafka: KafkaServer, *, seconds: float, pace: Pace = REKEYED) -> Row:
    """Most is written by backends, with any keys; a worker is killed meanwhile."""
    async with rig(kafka) as found, under_load(found, "direct producers with any keys, a worker killed", pace) as run:
        await asyncio.sleep(seconds / 2)
        await found.kill_worker("a")
        found.start_worker("a")
        run.row.faults = 1
        await asyncio.sleep(seconds / 2)
        run.row.notes.append(f"{len(run.history.answered)} responses")
    return run.row


async def policy_swaps(kafka: KafkaServer, *, seconds: float) -> Row:
    policies = [policy_of(policy={"name": name}) for name in ("faults", "other")]
    async with rig(kafka) as found, under_load(found, "policy swapped each 200 ms") as run, found.connected() as redis:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            run.row.faults += 1
            await found.publish(redis, *policies[run.row.faults % 2])
            await asyncio.sleep(SWAP_EVERY_S)
        if failed := {name: count for name, count in run.history.failures.items() if count}:
            run.row.wrong.append(f"I6 calls failed: {failed}")
    return run.row


async def rolling_restart(kafka: KafkaServer, *, rounds: int, steady_s: float) -> Row:
    """Each worker is told to stop and started again, the next one when it works, as whoever rolls out does it."""
    async with rig(kafka) as found, under_load(found, "rolling restart of workers", Pace(over_http=400)) as run:
        await asyncio.gather(*map(found.works, found.workers))
        await asyncio.sleep(steady_s)
        pauses = Pauses()
        watching = asyncio.create_task(pauses.watch(found))
        for number in range(2 * rounds):
            name = "ab"[number % 2]
            code = await found.end_worker(name)
            if code != 0:
                run.row.wrong.append(f"a worker that was told to stop ended with {code}")
            found.start_worker(name)
            run.row.faults += 1
            await found.works(name)
            await asyncio.sleep(steady_s)
        watching.cancel()
        run.row.notes.append(f"longest pause of a shard {pauses}")
        run.row.pause_s = pauses.longest_s
    return run.row
