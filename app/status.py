"""Whether this process can serve, and with what."""

from app.publishing import LivePolicies
from profiles.store import CustomerStore
from schemas.status import Ready


class Status:
    def __init__(self, store: CustomerStore, policies: LivePolicies, durability: str) -> None:
        self._store = store
        self._policies = policies
        self._durability = durability

    async def ready(self) -> Ready:
        """Raises StoreUnavailable."""
        redis_version = await self._store.redis_version()
        policy = self._policies.current
        return Ready(
            policy=policy.revision if policy else None,
            durability=self._durability,
            redis=redis_version,
            shards=self._store.shards,
        )
