"""One header of a request, without a mapping of all."""

from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str | None:
    """The first one of this name, in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None
