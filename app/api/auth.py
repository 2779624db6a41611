"""Who may call what: an API key with the scope of the route."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from app.api.dependencies import ServicesOf
from app.keys import Holder

BEARER = HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer opp_…`")
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key in a header of its own")

Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
Header = Annotated[str | None, Depends(HEADER)]


def require(scope: str, needs_store: bool = True) -> Callable[..., Awaitable[Holder]]:
    """A dependency that answers 401 or 403 unless the call has a key with this scope, and says whose it is; 503 at once
    where the store is known to be away, and the call needs it."""

    async def check(services: ServicesOf, bearer: Bearer, header: Header) -> Holder:
        holder = await services.keys.require(bearer.credentials if bearer else header, scope)
        if needs_store:
            services.store.require()
        return holder

    return check
