"""API keys: `opp_<id>_<secret>`, hashed at rest, with scopes.

The secret has 256 random bits, so a plain SHA-256 of it cannot be searched; a slow password hash would only
cost every call time.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import orjson

from app.availability import Availability
from app.errors import NotAllowed, NotAuthenticated
from profiles.errors import StoreUnavailable
from profiles.registry import Registry
from schemas.keys import SCOPES, KeyView

KEYS = "keys"
REMEMBER_S = 1.0
"""How long a verified key is believed: a revocation takes effect within this time."""
BELIEVED_S = 600.0
"""How long one is believed while the store does not answer: decisions go on, with defaults."""
LOOK_UP_WITHIN_S = 0.05
"""A key that was verified before waits no longer than this for the store."""
MOST_REMEMBERED = 10_000
NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Made:
    """A new key; the token is shown once and kept nowhere."""

    token: str
    view: KeyView


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose key a call carries."""

    id: str
    name: str
    scopes: frozenset[str]


class KeyStore:
    """Makes, lists and revokes keys. Raises StoreUnavailable."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def make(self, name: str, scopes: Iterable[str], now: datetime) -> Made:
        """Raises ValueError for a scope that there is not."""
        wanted = tuple(scope for scope in SCOPES if scope in set(scopes))
        unknown = set(scopes) - set(SCOPES)
        if unknown or not wanted:
            named = ", ".join(sorted(unknown)) or "none given"
            raise ValueError(f"no such scope: {named}; there are {', '.join(SCOPES)}")
        secret = secrets.token_urlsafe(32)
        while True:
            view = KeyView(id=_new_id(), name=name, scopes=wanted, created=now)
            document = orjson.dumps({**view.model_dump(mode="json"), "hash": _hash(secret)})
            if await self._kept(view.id, document):
                return Made(f"opp_{view.id}_{secret}", view)

    async def _kept(self, key_id: str, document: bytes) -> bool:
        """Whether the key has this id; False if another one has it."""
        is_new = await self._registry.put_new(KEYS, key_id, document)
        return is_new or await self._registry.get(KEYS, key_id) == document

    async def all(self) -> list[KeyView]:
        found = (orjson.loads(each) for each in (await self._registry.all(KEYS)).values())
        views = [KeyView(**{name: each[name] for name in KeyView.model_fields}) for each in found]
        return sorted(views, key=lambda each: each.created)

    async def holders(self, scope: str) -> list[str]:
        """The names of those who have the scope, oldest key first."""
        return [each.name for each in await self.all() if scope in each.scopes]

    async def revoke(self, key_id: str) -> bool:
        """Whether there was such a key."""
        return await self._registry.delete(KEYS, key_id)


class Verifier:
    """Says what a token may do. Believes what it has seen for a second, and longer while the store does not answer."""

    def __init__(self, registry: Registry, store: Availability) -> None:
        self._registry = registry
        self._store = store
        self._seen: dict[str, tuple[float, Holder | None]] = {}
        self._asking: dict[str, asyncio.Future[Holder | None]] = {}
        """Look-ups under way: whoever comes meanwhile with the same key waits for the same answer."""

    async def require(self, token: str | None, scope: str, *others: str) -> Holder:
        """The key must have the scope, or one of the others. Raises NotAuthenticated, NotAllowed, StoreUnavailable."""
        if not token:
            raise NotAuthenticated("The call carries no API key.")
        return allowed(await self._holder(token), scope, *others)

    async def _holder(self, token: str) -> Holder | None:
        fingerprint = _hash(token)
        until, holder = self._seen.get(fingerprint, (NEVER, None))
        if time.monotonic() < until:
            return holder
        is_believed = time.monotonic() < until + BELIEVED_S
        try:
            found = await self._asked(fingerprint, token, is_believed)
        except StoreUnavailable:
            self._store.suspect()
            if not is_believed:
                raise
            return holder
        if found is None:
            self._seen.pop(fingerprint, None)
            return None
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.clear()
        self._seen[fingerprint] = time.monotonic() + REMEMBER_S, found
        return found

    async def _asked(self, fingerprint: str, token: str, is_believed: bool) -> Holder | None:
        asking = self._asking.get(fingerprint)
        if asking is None:
            asking = self._asking[fingerprint] = asyncio.ensure_future(self._looked_up(token, is_believed))
            asking.add_done_callback(lambda _: self._asking.pop(fingerprint, None))
        return await asyncio.shield(asking)

    async def _looked_up(self, token: str, is_believed: bool) -> Holder | None:
        """One that is believed waits for no slow store. Raises StoreUnavailable."""
        if is_believed:
            return await self._store.ask(lambda: holder_of(token, self._registry), LOOK_UP_WITHIN_S)
        self._store.require()
        return await holder_of(token, self._registry)


def allowed(holder: Holder | None, scope: str, *others: str) -> Holder:
    """Raises NotAuthenticated and NotAllowed."""
    if holder is None:
        hint = "`opportune keys list` shows the keys there are; `opportune keys make` makes another."
        raise NotAuthenticated("The API key is not known here, or was revoked.", hint=hint)
    if holder.scopes.isdisjoint((scope, *others)):
        named = " or ".join(f"`{each}`" for each in (scope, *others))
        raise NotAllowed(f"This call needs a key with the scope {named}.")
    return holder


async def holder_of(token: str, registry: Registry) -> Holder | None:
    """Raises StoreUnavailable."""
    prefix, _, rest = token.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != "opp" or not secret:
        return None
    document = await registry.get(KEYS, key_id)
    if document is None:
        return None
    known = orjson.loads(document)
    same = hmac.compare_digest(str(known["hash"]), _hash(secret))
    return Holder(key_id, known["name"], frozenset(known["scopes"])) if same else None


def _new_id() -> str:
    return secrets.token_hex(4)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
