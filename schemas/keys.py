"""API keys as they are shown: never the secret."""

from pydantic import AwareDatetime

from schemas.base import Model

SCOPES = ("ingest", "decide", "respond", "read", "publish", "approve", "admin")
"""`publish`: draft policies, make approved ones live, and go back; `approve`: approve drafts of others."""


class KeyView(Model):
    id: str
    name: str
    scopes: tuple[str, ...]
    created: AwareDatetime
