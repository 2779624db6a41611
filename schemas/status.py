"""What `/readyz` says."""

from schemas.base import Model


class Ready(Model):
    policy: str | None
    """The live revision in this process; none before the first is published."""
    configured: str
    """What the settings ask of an accepted write (`OPPORTUNE_DURABILITY`): `everysec`, `always` or `replicated`."""
    durability: str
    """When the Redis that answers writes to its disk, as it says itself: `always` (before it answers), `everysec` (a
    power cut may cost the last second), `no` (the system decides), `none` (kept in memory only) or `unknown` (it does
    not tell)."""
    replicas_needed: int
    """How many replicas must have a write before it is answered with 2xx; 0 unless `replicated` is configured."""
    replicas: int
    """How many follow the Redis that answers; with fewer than are needed, writes are answered with 503."""
    redis: str
    shards: int
