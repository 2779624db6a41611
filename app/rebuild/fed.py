"""The second namespace of a shard whose log is in Kafka: the records are put into a stream of its own, some at a time.

Offsets in that stream are those of no other: times of Kafka. So tombstones of the live log say nothing here, and need
not, as the records of whoever was erased are followed by the erasure; and a mark that goes to the live namespace gets
the place in the live log up to which all was folded.
"""

from collections.abc import Sequence

from app.rebuild.hold import Lost
from app.rebuild.second import SPACE, SecondSpace, drop, followed
from app.rebuild.spool import Spooled
from consumers.live import LivePolicy
from consumers.redis_streams import SEQUENCE_BITS, stream_id
from profiles.connection import Redis
from profiles.log_stream import TAKEN_IN, LogStream
from profiles.store import CustomerStore

LOG = LogStream(f"{SPACE}{TAKEN_IN.name}", TAKEN_IN.position)


class FedSpace(SecondSpace):
    def __init__(self, redis: Redis, store: CustomerStore, shard: int, policy: LivePolicy) -> None:
        super().__init__(redis, store, shard, policy, LOG)
        self.store.tombstones = SPACE
        self._last = 0

    async def feed(self, several: Sequence[Spooled]) -> None:
        """Folds these after all before. Raises Lost where somebody else has had a hand in it."""
        key, trip = LOG.key(self._shard), self.store.scripts.batch()
        for each in several:
            self._last = max(self._last + 1, each.at_ms << SEQUENCE_BITS)
            topic, record_id, subject, body = each.record.args()
            words = ("topic", topic, "id", record_id, "subject", subject, "schema", each.schema, "body", body)
            place = ("at", each.at_ms, "from", f"{each.part.number}:{each.offset}")
            put_back = ("first_ms", each.first_ms) if each.first_ms else ()
            trip.add("XADD", key, stream_id(self._last), *words, *place, *put_back)
        await trip.run()
        await followed(self._loop, self._shard, self._last)
        if self.position != self._last:
            raise Lost(f"the second namespace of shard {self._shard} was disturbed")
        await drop(self.store, [key])
