"""Whether this process can serve, and with what."""

from app.publishing import LivePolicies
from profiles.store import CustomerStore
from schemas.status import Ready


class Status:
    """`configured` and `replicas_needed`: what the settings ask of an accepted write."""

    def __init__(self, store: CustomerStore, policies: LivePolicies, configured: str, replicas_needed: int) -> None:
        self._store = store
        self._policies = policies
        self._configured = configured
        self._replicas_needed = replicas_needed

    async def ready(self) -> Ready:
        """Raises StoreUnavailable."""
        server = await self._store.server()
        policy = self._policies.current
        return Ready(
            policy=policy.revision if policy else None,
            configured=self._configured,
            durability=server.durability,
            replicas_needed=self._replicas_needed,
            replicas=server.replicas,
            redis=server.version,
            shards=self._store.shards,
        )
