"""Where a file of the archive ends. Pure, and a function of the log alone.

A file that begins at an offset ends before the first record that was taken in another slot of time, or when it is
full. When a slot is over is the only thing that takes a clock, and then nothing more can come into it. So whoever
begins at the same offset writes the same file, whenever that is and whatever else goes on: an archiver that was
thought dead, and the one that has taken its place, write the same file twice.
"""

from consumers.dead_letters import InKafka

HOUR_MS = 3_600_000
GRACE_MS = 60_000
"""So long after the end of a slot nothing is taken in it any more: brokers' clocks differ by less, and copies of a
record that is acknowledged later (`replica.lag.time.max.ms`, 30 s) are there too."""
MOST_RECORDS = 100_000
MOST_BYTES = 64 << 20
"""Of keys and values in one file, before compression."""


class Cut:
    """A file that begins with a record. `slot_ms` divides an hour."""

    def __init__(self, first: InKafka, slot_ms: int) -> None:
        self._slot_ms = slot_ms
        self._slot = first.at_ms // slot_ms
        self._records = 1
        self._bytes = size_of(first)
        self.begins_ms = self._slot * slot_ms
        self.last = first.offset

    def takes(self, entry: InKafka) -> bool:
        """Whether the next record belongs to it; then it is counted."""
        other_slot = entry.at_ms // self._slot_ms != self._slot
        if other_slot or self._records >= MOST_RECORDS or self._bytes + size_of(entry) > MOST_BYTES:
            return False
        self._records += 1
        self._bytes += size_of(entry)
        self.last = entry.offset
        return True


def closes_ms(at_ms: int, slot_ms: int, grace_ms: int = GRACE_MS) -> int:
    """From when on nothing more comes into the slot of a record."""
    return (at_ms // slot_ms + 1) * slot_ms + grace_ms


def size_of(entry: InKafka) -> int:
    """Bytes of key and value."""
    return len(entry.key or b"") + len(entry.value or b"")
