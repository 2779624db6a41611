"""What a shard has of each supply, as it is read. Moving it is left to `profiles/stocks.py`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from profiles import keys
from profiles.scripts import Batch
from schemas.policy import Policy
from schemas.supplies import Supply, supplies_of

NO_STOCK: Mapping[str, int] = {}
FIELDS = ("granted", "returned", "held", "used", "owed", "closed")


@dataclass(frozen=True, slots=True)
class Count:
    """Of one supply in one shard, or summed over shards."""

    granted: int = 0
    returned: int = 0
    held: int = 0
    used: int = 0
    owed: int = 0
    """Used beyond what there was: an answer came after its reservation was over, and there was none left here."""
    closed: int = 0
    """1: nothing is given out here, since the pool has granted more than it has now."""

    @property
    def left(self) -> int:
        """Less than nothing where something is owed."""
        surplus = self.granted - self.returned - self.held - self.used - self.owed
        return min(0, surplus) if self.closed else surplus

    def __add__(self, other: "Count") -> "Count":
        return Count(*(getattr(self, name) + getattr(other, name) for name in FIELDS))


@dataclass(frozen=True, slots=True)
class Shelf:
    """The supplies of one policy revision."""

    revision: str
    supplies: Mapping[str, Supply]
    fields: tuple[str, ...]
    """Of the stock of a shard, in the order of the supplies."""

    @staticmethod
    def of(policy: Policy, revision: str) -> "Shelf | None":
        """None where there are none."""
        found = supplies_of(policy)
        return Shelf.having(revision, found) if found else None

    @staticmethod
    def having(revision: str, supplies: Mapping[str, Supply]) -> "Shelf":
        return Shelf(revision, supplies, tuple(f"{name}|{each}" for name in supplies for each in FIELDS))

    def add_read(self, batch: Batch, shard: int) -> None:
        """Puts the reading of a shard into a batch; `counted` takes the answer."""
        batch.call("stock", [keys.stock(shard), keys.held(shard)], self.fields)

    def counted(self, answer: Sequence[bytes | None]) -> dict[str, Count]:
        return dict(zip(self.supplies, self._counts(answer), strict=True))

    def _counts(self, answer: Sequence[bytes | None]) -> Iterator[Count]:
        width = len(FIELDS)
        for at in range(0, len(answer), width):
            yield Count(*(int(each or 0) for each in answer[at : at + width]))


def lefts(counts: Mapping[str, Count]) -> dict[str, int]:
    """As `Facts.stock` has it."""
    return {name: each.left for name, each in counts.items()}
