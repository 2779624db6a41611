"""API keys as they are shown: never the secret."""

from pydantic import AwareDatetime

from schemas.base import Model

SCOPES = ("ingest", "decide", "respond", "read", "admin")


class KeyView(Model):
    id: str
    name: str
    scopes: tuple[str, ...]
    created: AwareDatetime
