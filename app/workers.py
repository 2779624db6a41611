"""What one worker process consists of, by its roles: the other half of app/bootstrap.py."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from app.liveness import Liveness
from app.metrics import Metrics
from app.publishing import LivePolicies
from app.roles import ARCHIVE, DEAD_LETTERS, PROFILES, RELAY, TIMERS
from app.settings import Settings
from consumers.courier import REKEYED, Courier
from consumers.erasing import Erasures
from consumers.folding import ProfileFold
from consumers.guarded_batch import Fold
from consumers.letter_bounds import LetterBounds
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from consumers.shares import WORKERS, Share
from consumers.stock_keeping import StockKeeping
from consumers.stopping import Stopping
from consumers.timers import Timers
from profiles.connection import Redis
from profiles.registry import Registry
from profiles.store import CustomerStore

END_WITHIN_S = 5.0


class Runs(Protocol):
    async def run(self) -> None: ...

    def stop(self) -> None: ...


class Joining:
    """Makes the parts of a worker that is called `name`."""

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        store: CustomerStore,
        registry: Registry,
        live: LivePolicies,
        metrics: Metrics,
        liveness: Liveness,
        name: str,
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._store = store
        self._registry = registry
        self._live = live
        self._metrics = metrics
        self._liveness = liveness
        self._name = name

    def parts(self, roles: frozenset[str]) -> list[Runs]:
        """Raises BadSettings, StartError and LogMisfit."""
        makers = {
            PROFILES: self._profiles,
            TIMERS: self._timers,
            RELAY: self._relay,
            ARCHIVE: self._archive,
            DEAD_LETTERS: self._dead_letters,
        }
        return [part for role, make in makers.items() if role in roles for part in make()]

    def _profiles(self) -> Sequence[Runs]:
        store, metrics, settings = self._store, self._metrics, self._settings

        def fold() -> Fold | None:
            policy = self._live.current
            if policy is None:
                return None
            return ProfileFold(policy, metrics, settings.decision_keep, mark=store.log.position)

        streams = RedisStreams(self._redis, store.shards, self._name, store.log)
        loop = GuardedLoop(store, streams, fold, metrics, settings.log_keep)
        self._liveness.watch("the fold", loop)
        courier = Courier(store, lambda: loop.owned, metrics)
        erasures = Erasures(store, self._registry, lambda: loop.owned, metrics)
        of_kafka = self._taking_in(loop) if settings.kafka else ()
        stock = StockKeeping(store, self._live, lambda: loop.owned, metrics)
        return loop, courier, erasures, stock, *of_kafka

    def _taking_in(self, loop: GuardedLoop) -> Sequence[Runs]:
        from app.kafka import kafka_connection
        from consumers.kafka.decoding import Decoding
        from consumers.kafka.ends import Ends
        from consumers.kafka.intake import GROUP, Intake
        from consumers.kafka.member import Member
        from consumers.kafka.ordering import TOPICS
        from consumers.kafka.watch import Watch
        from consumers.second_look import SecondLook

        connection, store, name = kafka_connection(self._settings), self._store, self._settings.instance
        decoding = Decoding(store.shards, connection.secret)
        intake = Intake(
            store,
            lambda: Member(connection, GROUP, TOPICS, name),
            Watch(Ends(connection), self._metrics),
            decoding,
            self._live,
            self._metrics,
        )
        self._liveness.watch("the intake", intake, lambda: intake.is_stuck)
        rekeyed = Courier(store, lambda: loop.owned, self._metrics, REKEYED)
        return intake, rekeyed, SecondLook(store, lambda: loop.owned, decoding, self._live, self._metrics)

    def _timers(self) -> Sequence[Runs]:
        share = self._share(TIMERS)
        return share, Timers(self._store, lambda: share.known, self._metrics)

    def _dead_letters(self) -> Sequence[Runs]:
        share = self._share(DEAD_LETTERS)
        keep = self._settings.dead_letters_keep
        return share, LetterBounds(self._store, lambda: share.known, self._metrics, keep)

    def _relay(self) -> Sequence[Runs]:
        from app.kafka import kafka_connection
        from app.relaying import Relaying

        share = self._share(RELAY)
        return share, Relaying(self._settings, kafka_connection(self._settings), self._store, share, self._metrics)

    def _archive(self) -> Sequence[Runs]:
        from app.archive import archiver

        return (archiver(self._settings, self._metrics, self._settings.instance or None),)

    def _share(self, role: str) -> Share:
        return Share(self._store.scripts, self._store.shards, self._name, f"{WORKERS}:{role}")


async def run_all(parts: Sequence[Runs], stopping: Stopping) -> None:
    """Until all have ended. If one fails, the others are stopped, and its error is raised."""
    tasks = [asyncio.create_task(each.run()) for each in parts]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    failed = [error for each in tasks if each.done() and (error := each.exception())]
    if failed:
        stopping.ask()
        for part in parts:
            part.stop()
        await asyncio.wait(tasks, timeout=END_WITHIN_S)
        raise failed[0]
