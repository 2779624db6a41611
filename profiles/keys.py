"""The names of the keys in Redis. Every key of a customer carries the hash tag of the customer's shard.

`space` is the namespace within the shard: the live one has no name, a rebuild folds into another
(docs/operations.md). docs/redis-layout.md describes what each key holds.
"""

from functools import lru_cache

META = "opportune:store"
LIVE = ""


@lru_cache(maxsize=100_000)
def tag(shard: int) -> str:
    return f"{{s{shard:04d}}}"


def customer(shard: int, subject: str, space: str = LIVE) -> str:
    return f"{tag(shard)}{space}p:{subject}"


def named(shard: int, name: str, space: str = LIVE) -> str:
    """One of the keys that a shard has once."""
    return f"{tag(shard)}{space}{name}"


def outbox(shard: int, space: str = LIVE) -> str:
    return named(shard, "out", space)


def dead_letters(shard: int, space: str = LIVE) -> str:
    return named(shard, "dead-letters", space)


def actions(shard: int, space: str = LIVE) -> str:
    return named(shard, "actions", space)


def transit(shard: int, space: str = LIVE) -> str:
    return named(shard, "transit", space)


def rekeyed(shard: int, space: str = LIVE) -> str:
    """Records of Kafka that were taken in here and are about somebody of another shard."""
    return named(shard, "rekeyed", space)


def timers(shard: int, space: str = LIVE) -> str:
    return named(shard, "timers", space)


def guard(shard: int, space: str = LIVE) -> str:
    return named(shard, "guard", space)


def scorecard(shard: int, space: str = LIVE) -> str:
    return named(shard, "scorecard", space)


def stock(shard: int) -> str:
    """What the shard has of inventories and budgets. A rebuild leaves it alone."""
    return named(shard, "stock")


def held(shard: int) -> str:
    """What decisions hold of it, by the time they no longer do."""
    return named(shard, "held")


def pool(supply: str) -> str:
    """What no shard has of it."""
    return f"opportune:stock:{supply}"


def index(shard: int, subject: str, space: str = LIVE) -> str:
    """Which decisions and codes there are of a customer."""
    return f"{tag(shard)}{space}i:{subject}"


def erasing(shard: int, space: str = LIVE) -> str:
    """Erasures that are committed and whose traces in the streams are still to be removed."""
    return named(shard, "erasing", space)


def erased(shard: int, space: str = LIVE) -> str:
    """How far the log must not be folded again for whom: tombstones without a name. One for all who fold that log."""
    return named(shard, "erased", space)


def decision(shard: int, decision_id: str) -> str:
    return f"{tag(shard)}d:{decision_id}"


def code(shard: int, response_code: str) -> str:
    return f"{tag(shard)}c:{response_code}"
