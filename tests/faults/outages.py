"""Faults of servers: brokers and Redis killed, writes of Redis lost, Kafka away."""

import asyncio
import random
import time
from contextlib import ExitStack, suppress

from redis import Redis
from redis.exceptions import RedisError

from consumers.kafka.ends import Ends
from consumers.kafka.errors import LogUnavailable
from profiles import keys
from tests.e2e.service import free_port
from tests.faults.checking import lag
from tests.faults.clients import Pace
from tests.faults.rig import Rig, rig
from tests.faults.running import Row, Run, under_load
from tests.faults.telling import say
from tests.kafka_server import KafkaServer
from tests.servers import RedisServer

DOWN_S = 4.0
LINK_DOWN_S = 2.0
FOLLOWS_WITHIN_S = 30.0
ARRIVES_WITHIN_S = 0.5
"""What Redis has answered before it was killed has reached clients by then."""
CURRENT_S = 2.0
"""Where no more than what clients send in so long is on its way, nothing is left of the outage."""
MOST_CURRENT_S = 120.0
STEADY_S = 8.0
RATES = (1.0, 0.5, 0.25, 0.1)
MOST_SAID = 2_000
FELL_BEHIND = ("I7 ", "clients did not keep up")
KEPT_UP = 0.9
"""Of the load that a scenario names, clients must have brought so much."""
TELL_EVERY_S = 10.0
OUTAGE = Pace(over_http=1_000, to_kafka=0, decisions=200, batch=50, customers=1_000)


async def only_broker_killed(kafka: KafkaServer, *, rounds: int, pace: Pace | None = None) -> Row:
    """Clients go on meanwhile: those that produce themselves wait, the API takes everything."""
    async with rig(kafka) as found, under_load(found, "broker `kill -9`, one of one", pace) as run:
        for _ in range(rounds):
            await asyncio.sleep(2)
            await _killed(kafka, 1)
            run.row.faults += 1
        _none_failed(run)
    return run.row


async def one_broker_of_three_killed(kafka: KafkaServer) -> Row:
    """Each of three in turn; two copies are what an acknowledgement needs."""
    fault = "broker `kill -9`, one of three, each in turn"
    async with rig(kafka, replication=3) as found, under_load(found, fault) as run:
        for number in (1, 2, 3):
            await asyncio.sleep(3)
            await _killed(kafka, number)
            run.row.faults += 1
            await asyncio.sleep(5)
        _none_failed(run)
    return run.row


async def _killed(kafka: KafkaServer, number: int) -> None:
    kafka.kill_node(number)
    await asyncio.sleep(DOWN_S)
    kafka.start_node(number)
    await kafka.ready()


def _none_failed(run: Run) -> None:
    """I6: what Kafka does is nothing to who calls the API."""
    failed = run.history.failed("decisions") + run.history.failed("interactions")
    run.row.notes.append(f"{len(run.history.decided):,} decisions, {run.history.failed('decisions')} calls failed")
    if failed:
        run.row.wrong.append(f"I6 {failed} calls failed: {dict(run.history.failures)}")


async def redis_killed(kafka: KafkaServer, *, kills: int) -> Row:
    """And restarted on its append-only file."""
    async with rig(kafka) as found, under_load(found, "Redis `kill -9` (`appendfsync everysec`)") as run:
        chance = random.Random(run.seed)
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(1, 3))
            found.server.kill()
            await asyncio.sleep(chance.uniform(0, 1))
            found.server.start()
            run.row.faults += 1
        refused = run.history.failed("decisions") + run.history.failed("interactions")
        run.row.notes.append(f"{refused} calls refused meanwhile, and repeated")
    return run.row


async def lost_suffix(kafka: KafkaServer) -> Row:
    """A replica is cut off, clients go on, the master is killed, the replica takes over."""
    with ExitStack() as running:
        port = free_port()
        master = running.enter_context(RedisServer("--repl-diskless-sync-delay", "0", port=port))
        replica = running.enter_context(RedisServer("--replicaof", "127.0.0.1", str(port)))
        async with rig(kafka, redis=master) as found:
            fault = "Redis failover that loses a suffix"
            async with under_load(found, fault, forgets=True) as run:
                await _follows(replica)
                await asyncio.sleep(3)
                run.history.forgotten = await _fail_over(run, master, replica)
                run.row.faults = 1
                await asyncio.sleep(3)
        return run.row


async def _follows(replica: RedisServer) -> None:
    with Redis(unix_socket_path=str(replica.socket)) as client:
        async with asyncio.timeout(FOLLOWS_WITHIN_S):
            while client.info("replication")["master_link_status"] != "up":  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def _fail_over(run: Run, master: RedisServer, replica: RedisServer) -> set[str]:
    """The decisions that were answered and are forgotten."""
    with Redis(unix_socket_path=str(replica.socket)) as client:
        client.replicaof("127.0.0.1", str(free_port()))  # nobody listens there: it stays where it is
        await asyncio.sleep(LINK_DOWN_S)
        master.kill()
        client.replicaof("NO", "ONE")
        await asyncio.sleep(ARRIVES_WITHIN_S)
        decided = list(run.history.decided)
        known = [client.exists(keys.decision(int(each.partition("-")[0]), each)) for each in decided]
    run.rig.point_to(replica)
    return {each for each, there in zip(decided, known, strict=True) if not there}


async def kafka_stopped(kafka: KafkaServer, *, seconds: float, rate: float = 1.0) -> Row:
    """Under load by the HTTP API that goes on until nothing is left of the outage. `rate`: a share of that load."""
    pace = Pace(int(OUTAGE.over_http * rate), 0, int(OUTAGE.decisions * rate), OUTAGE.batch, OUTAGE.customers)
    fault = f"Kafka stopped for {seconds:g} s, clients of the HTTP API go on"
    async with rig(kafka) as found, under_load(found, fault, pace) as run:
        carried = Carried(run, pace)
        await asyncio.sleep(STEADY_S)
        if not carried.is_kept_up():
            run.row.wrong.append(f"{FELL_BEHIND[1]} the load with Kafka there: {carried.told()}")
            return run.row
        kafka.kill_node(1)
        run.row.faults = 1
        say(f"Kafka is away: {run.clients.state()}")
        await asyncio.sleep(seconds)
        kafka.start_node(1)
        await kafka.ready()
        say(f"Kafka is back: {run.clients.state()}")
        took_s = await _until_current(found, int(CURRENT_S * (pace.over_http + 2 * pace.decisions)))
        say(f"current again after {took_s:.1f} s: {run.clients.state()}")
        _none_failed(run)
        carried.tell()
    run.row.recovery_s = took_s
    return run.row


async def highest_carried(kafka: KafkaServer, *, seconds: float) -> Row:
    """At the whole load; where this machine does not carry that, at the highest share of it that it does."""
    fallen_behind: list[str] = []
    for rate in RATES:
        row = await kafka_stopped(kafka, seconds=seconds, rate=rate)
        if fallen_behind:
            row.notes.append(f"with {' and '.join(fallen_behind)} interactions/s this machine fell behind")
        if row.recovery_s <= MOST_CURRENT_S and not any(each.startswith(FELL_BEHIND) for each in row.wrong):
            break  # it holds, or what is wrong has nothing to do with the load
        say(f"at {rate:g} of the load: " + "; ".join(row.wrong)[:MOST_SAID])
        fallen_behind.append(f"{int(OUTAGE.over_http * rate):,}")
    return row


class Carried:
    """What is said of a load holds only where it was there: from now until `tell`. Whether the clients themselves are
    what holds it back shows in the CPU time that this process takes: they have one core at most."""

    def __init__(self, run: Run, pace: Pace) -> None:
        self._run, self._pace = run, pace
        self._since, self._before = time.monotonic(), self._counts()
        self._used_s = time.process_time()

    def _counts(self) -> tuple[int, int]:
        return len(self._run.history.decided), len(self._run.history.said)

    def _per_s(self) -> tuple[float, float]:
        lasted_s = time.monotonic() - self._since
        decided, said = ((now - then) / lasted_s for now, then in zip(self._counts(), self._before, strict=True))
        return decided, said

    def is_kept_up(self) -> bool:
        decided, said = self._per_s()
        return min(decided / self._pace.decisions, said / self._pace.over_http) >= KEPT_UP

    def told(self) -> str:
        decided, said = self._per_s()
        share = (time.process_time() - self._used_s) / (time.monotonic() - self._since)
        told = f"{decided:.0f} decisions/s and {said:,.0f} interactions/s were answered"
        return f"{told} (clients and checks took {share:.0%} of a core)"

    def tell(self) -> None:
        row, told = self._run.row, self.told()
        row.notes.append(f"{told}, the slowest decision in {1000 * self._run.clients.slowest_decision_s:,.0f} ms")
        if not self.is_kept_up():
            row.wrong.append(f"{FELL_BEHIND[1]} the load: {told}")


async def _until_current(found: Rig, most: int) -> float:
    """For how many seconds more than `most` records are on their way."""
    began = told = time.monotonic()
    ends = Ends(found.kafka.connection)
    async with found.connected() as redis:
        while time.monotonic() - began < 1.5 * MOST_CURRENT_S:
            with suppress(LogUnavailable, RedisError, OSError):
                left = (await lag(redis, ends)).total
                if left <= most:
                    break
                if time.monotonic() - told > TELL_EVERY_S:
                    told = time.monotonic()
                    say(f"{left:,} records are on their way, {most:,} may be")
            await asyncio.sleep(1)
    await ends.close()
    return time.monotonic() - began
