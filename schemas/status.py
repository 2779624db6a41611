"""What `/readyz` says."""

from schemas.base import Model


class Ready(Model):
    policy: str | None
    """The live revision in this process; none before the first is published."""
    durability: str
    """What a 2xx of an accepted write means: `everysec` or `always`."""
    redis: str
    shards: int
