"""Who may call what: an API key with the scope of the route."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from app.api.dependencies import ServicesOf
from app.api.headers import header
from app.keys import Holder
from app.services import Services

BEARER = HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer opp_…`")
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key in a header of its own")

Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
Header = Annotated[str | None, Depends(HEADER)]


def require(scope: str, needs_store: bool = True) -> Callable[..., Awaitable[Holder]]:
    """A dependency that answers 401 or 403 unless the call has a key with this scope, and says whose it is; 503 at once
    where the store is known to be away, and the call needs it."""

    async def check(request: Request, services: ServicesOf, _bearer: Bearer, _header: Header) -> Holder:
        return await permitted(services, token_of(request), scope, needs_store)

    return check


async def permitted(services: Services, token: str | None, scope: str, needs_store: bool) -> Holder:
    """Raises NotAuthenticated, NotAllowed and StoreUnavailable."""
    holder = await services.keys.require(token, scope)
    if needs_store:
        services.store.require()
    return holder


def token_of(request: Request) -> str | None:
    """The key that a call carries. FastAPI's own readers only describe where it may stand."""
    kind, _, credentials = (header(request.scope, b"authorization") or "").partition(" ")
    token = credentials.strip() if kind.lower() == "bearer" else ""
    return token or header(request.scope, b"x-api-key")
