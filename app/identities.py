"""Linking identifiers by hand, and undoing a link that was wrong. Both are said in the log of the weaker identifier."""

from datetime import datetime

import orjson

from app.errors import IdentifierTaken, Invalid, NotLinked
from app.policy import required
from consumers.live import PolicySource
from profiles.customer import Customer
from profiles.store import IDENTITIES, CustomerStore, Record
from schemas.base import at_ms
from schemas.identity import Judged, LinkRequest, kind_of


class Identities:
    def __init__(self, store: CustomerStore, policies: PolicySource) -> None:
        self._store = store
        self._policies = policies

    async def link(self, request: LinkRequest, now: datetime) -> None:
        """From now on the identifier belongs to the owner, with all its history. Raises NoPolicy, Invalid,
        IdentifierTaken and StoreUnavailable."""
        definition = required(self._policies).definition
        for field in ("identifier", "owner"):
            kind = kind_of(getattr(request, field))
            if kind not in definition.identifiers:
                reason = f"the policy knows no identifier `{kind}`; it knows {', '.join(definition.identifiers)}"
                raise Invalid(errors=[{"field": field, "reason": reason}])
        if definition.rank(request.owner) >= definition.rank(request.identifier):
            ranked = ", ".join(definition.identifiers)
            raise Invalid(errors=[{"field": "owner", "reason": f"the owner must be the stronger one of {ranked}"}])
        owner = (await self._store.read(request.identifier)).identity.owner
        if owner not in (None, request.owner):
            raise IdentifierTaken(f"{request.identifier} belongs to {owner}.")
        await self._say(request, now, wrong=False)

    async def unlink(self, request: LinkRequest, now: datetime) -> None:
        """Undoes a link, until somebody links the two again by hand. Raises NotLinked and StoreUnavailable."""
        found = await self._store.read(request.identifier)
        if request.owner not in found.identity.claims or found.identity.is_lifted(request.owner):
            raise NotLinked(f"{request.identifier} {_whose(found)}.")
        await self._say(request, now, wrong=True)

    async def _say(self, request: LinkRequest, now: datetime, *, wrong: bool) -> None:
        said = Judged(claimant=request.owner, at_ms=at_ms(now), wrong=wrong)
        record_id = f"{request.owner}>{request.identifier}@{said.at_ms}"
        body = orjson.dumps(said.model_dump())
        await self._store.append([Record(IDENTITIES, record_id, request.identifier, body)])


def _whose(found: Customer) -> str:
    owner = found.identity.owner
    return f"belongs to {owner}" if owner else "belongs to nobody else"
