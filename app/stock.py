"""What there is, what is held and what is used of each inventory and budget of the live policy, over all shards."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from app.errors import StartError
from app.publishing import PolicyStore
from profiles.shelf import Count, Shelf
from profiles.store import CustomerStore
from rules.policy import check
from schemas.supplies import amount_of, shown


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one supply, in units or millionths of the currency."""

    supply: str
    total: int
    held: int
    used: int
    """What is owed included."""
    oversold: int
    """What is used beyond the total."""

    @property
    def left(self) -> int:
        return max(0, self.total - self.held - self.used)


async def live_shelf(policies: PolicyStore) -> Shelf | None:
    """None where there are none. Raises StartError where no policy is live, and StoreUnavailable."""
    revision = await policies.live_revision()
    files = await policies.files(revision) if revision else {}
    policy = check(files).policy
    if revision is None or policy is None:
        raise StartError("there is no live policy", hint="opportune publish FOLDER")
    return Shelf.of(policy, revision)


async def standing(store: CustomerStore, shelf: Shelf) -> list[Standing]:
    """Shard by shard, not at one moment. Raises StoreUnavailable."""
    shards = await store.stocks.read_each(range(store.shards), shelf)
    pools = await store.stocks.pools(shelf.supplies)
    return [
        _standing(name, pool.total if pool.total or pool.shards else shelf.supplies[name].total, shards)
        for name, pool in zip(shelf.supplies, pools, strict=True)
    ]


def _standing(name: str, total: int, shards: Sequence[dict[str, Count]]) -> Standing:
    count = sum((each[name] for each in shards), Count())
    used = count.used + count.owed
    return Standing(name, total, count.held, used, max(0, used - total))


def shown_lines(found: Sequence[Standing]) -> list[str]:
    """As a table of plain text."""
    head = ("", "total", "held", "used", "left")
    rows = [head, *(_row(each) for each in found)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    lines = [_line(row, widths) for row in rows]
    beyond = [f"{each.supply} is oversold by {shown(each.supply, each.oversold)}" for each in found if each.oversold]
    return [*lines, *beyond]


def shown_json(found: Sequence[Standing]) -> str:
    """In units, or in the currency."""
    columns = ("total", "held", "used", "left", "oversold")
    amounts = ({name: amount_of(each.supply, getattr(each, name)) for name in columns} for each in found)
    rows = [{"supply": each.supply, **row} for each, row in zip(found, amounts, strict=True)]
    return orjson.dumps(rows).decode()


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *amounts = row
    return "  ".join((name.ljust(widths[0]), *map(str.rjust, amounts, widths[1:])))


def _row(each: Standing) -> tuple[str, ...]:
    amounts = (each.total, each.held, each.used, each.left)
    return each.supply, *(shown(each.supply, amount) for amount in amounts)
