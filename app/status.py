"""Whether this process can serve, and with what."""

from app.publishing import LivePolicies
from profiles.store import CustomerStore
from schemas.status import Ready


class Status:
    def __init__(self, store: CustomerStore, policies: LivePolicies) -> None:
        self._store = store
        self._policies = policies

    async def ready(self) -> Ready:
        """Raises StoreUnavailable."""
        server = await self._store.server()
        policy = self._policies.current
        return Ready(
            policy=policy.revision if policy else None,
            durability=server.durability,
            redis=server.version,
            shards=self._store.shards,
        )
