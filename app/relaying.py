"""The role `relay` of a worker: the relay, its producer, and the wait where partitions were added."""

from app.settings import Settings
from consumers.kafka.connection import Connection
from consumers.kafka.ends import Ends
from consumers.kafka.producer import Producer
from consumers.kafka.settling import Settling
from consumers.kafka.taking import Taking
from consumers.meter import Meter
from consumers.relay import Relay
from consumers.shares import Share
from consumers.stopping import Stopping
from profiles.store import CustomerStore


class Relaying:
    def __init__(
        self, settings: Settings, connection: Connection, store: CustomerStore, share: Share, meter: Meter
    ) -> None:
        self._producer = Producer(connection, settings.kafka_partitions)
        self._ends = Ends(connection)
        self._settling = Settling(store, Taking(store, meter), self._ends, settings.kafka_partitions)
        self._relay = Relay(store, lambda: share.known, self._producer, meter)
        self._stopping = Stopping()

    def stop(self) -> None:
        self._stopping.ask()
        self._relay.stop()

    async def run(self) -> None:
        try:
            settled = await self._settling.wait(self._stopping)
            await self._ends.close()
            if settled:
                await self._relay.run()
        finally:
            await self._producer.close()
