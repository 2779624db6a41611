"""Where partitions end: asked over connections of its own, so that it says the truth about a consumer that is stuck."""

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from consumers.kafka.connection import Connection, started, trouble_named
from consumers.kafka.reading import Part, stopped

WITHIN_S = 5.0
STOP_WITHIN_S = 2.0


class Ends:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._consumer: AIOKafkaConsumer | None = None

    async def of(self, parts: Iterable[Part]) -> dict[Part, int]:
        """Up to where there are committed records. Raises LogUnavailable."""
        wanted = [TopicPartition(*part) for part in parts]
        if not wanted:
            return {}
        try:
            async with trouble_named(self._connection.servers, WITHIN_S):
                if self._consumer is None:
                    options = self._connection.options()
                    self._consumer = AIOKafkaConsumer(**options, isolation_level="read_committed")
                    await started(self._consumer)
                found = await self._consumer.end_offsets(wanted)
        except BaseException:
            await self.close()
            raise
        return {Part(*each): end for each, end in found.items()}

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        await stopped(consumer, STOP_WITHIN_S)
