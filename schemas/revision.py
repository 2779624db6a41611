"""The life of a policy: its revisions with their states, and the log of everything that was done to them."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.base import Model

RevisionState = Literal["draft", "approved", "scheduled", "live", "retired", "rolled_back"]
AuditStep = Literal[
    "drafted", "approved", "scheduled", "live", "rolled_back", "withdrawn", "refused", "key_made", "key_revoked"
]
FileName = Annotated[str, Field(pattern=r"^[^/\x00][^\x00]*\.ya?ml$", max_length=300)]
Note = Annotated[str, Field(max_length=1_000, description="Why, for those who read the log")]
Revision = Annotated[str, Field(pattern=r"^(live|[0-9a-f]{16})$", description="A revision, or `live`")]


class Mark(Model):
    """Who did something, and when."""

    at: str
    by: str
    """The name of the key; without a key, who was at which terminal."""
    key: str | None = None
    """The id of the key."""


class RevisionRecord(Model):
    """A revision as it is kept."""

    revision: str
    name: str
    """As the policy's header has it."""
    note: str = ""
    drafted: Mark
    approved: Mark | None = None
    live: Mark | None = None
    """When it went live, the last time."""
    rolled_back: Mark | None = None
    """When it was taken back, unless it has gone live again."""
    warnings: tuple[str, ...] = ()
    """What the check had to say about it."""
    identifiers: tuple[str, ...] = ()
    """Ranked; every policy that goes live ranks them as the one before."""


class RevisionView(RevisionRecord):
    """A revision, and where it stands."""

    state: RevisionState
    goes_live: str | None = None
    """Of one that is scheduled."""


class RevisionContent(RevisionView):
    files: dict[str, str]
    """Text by path."""


class RevisionList(Model):
    revisions: tuple[RevisionView, ...]
    """The latest draft first."""
    four_eyes: bool
    """Whether a draft needs somebody else's approval before it goes live."""


class DraftRequest(Model):
    files: dict[FileName, str] = Field(min_length=1, max_length=2_000)
    """Text by path relative to the policy's folder."""
    note: Note = ""


class StepRequest(Model):
    note: Note = ""


class LiveRequest(StepRequest):
    live: Revision | None = None
    """The revision that the caller takes to be live: refused if another one is."""


class PublishRequest(LiveRequest):
    at: AwareDatetime | None = None
    """When it goes live; at once if left out."""


class AuditEntry(Model):
    """One step in the life of a policy."""

    cursor: str
    at: str
    step: AuditStep
    revision: str | None = None
    """Not of keys."""
    who: str
    key: str | None = None
    """The id of the key of whoever did it."""
    before: str | None = Field(default=None, alias="from")
    """The revision that was live before, where the step has changed that."""
    approved_by: str | None = None
    """Of what goes live: who has approved it; nobody, where nobody had to."""
    goes_live: str | None = None
    """Of what is scheduled."""
    note: str = ""


class AuditPage(Model):
    entries: tuple[AuditEntry, ...]
    """Oldest first."""
    cursor: str | None
    """To go on behind the last one."""
