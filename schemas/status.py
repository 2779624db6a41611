"""What `/readyz` says."""

from schemas.base import Model


class Ready(Model):
    policy: str | None
    """The live revision in this process; none before the first is published."""
    durability: str
    """What a 2xx of an accepted write means, as the Redis that answers says itself: `always` (it is on disk),
    `everysec` (a power cut may cost the last second), `no` (the system decides), `none` (kept in memory only)
    or `unknown` (it does not tell)."""
    redis: str
    shards: int
