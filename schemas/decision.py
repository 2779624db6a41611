"""Decisions: the request, the answer, the record that replays, and the facts that a decision stands on."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from pydantic import AwareDatetime, Field, model_validator

from schemas.base import Model, Name, SubjectId
from schemas.identity import CUSTOMER, VISITOR, named
from schemas.ledger import Ledger
from schemas.plain import NameText, SubjectText, Text, Time
from schemas.stock import Taking

MOST_TREATMENTS = 100
LONGEST_DEADLINE_MS = 60_000
Degraded = Literal["store", "profile", "contention", "commit"]
"""What kept a request from being decided: Redis is away or full; the customer was not read in time; others changed the
customer again and again; the decision was not written in time."""


class Placement(Model):
    """A slot of the touchpoint and how many treatments fit into it."""

    placement: Name
    count: int = Field(default=1, ge=1, le=50)


class HappenedNow(Model):
    """The interaction that just happened, for this customer and channel; it is folded in and logged."""

    id: str = Field(min_length=1, max_length=200)
    source: str = Field(min_length=1, max_length=200)
    type: str = Field(min_length=1, max_length=120)
    time: AwareDatetime | None = None
    data: dict[str, Any] = {}


class DecisionRequest(Model):
    """Ask for the next best action. Whoever is named by several identifiers is known by all of them from then on."""

    customer: SubjectId | None = None
    visitor: SubjectId | None = None
    """Somebody anonymous; beside `customer`: who they turned out to be."""
    identifiers: dict[Name, SubjectId] = {}
    """By kind, as the policy declares them."""
    channel: Name
    placements: tuple[Placement, ...] = Field(min_length=1, max_length=20)
    id: str | None = Field(default=None, min_length=1, max_length=200)
    """An id of the caller's: repeating the request with the same id gives the same decision."""
    context: dict[Name, Any] = {}
    """Facts of the moment, as the policy's `context` section declares them."""
    interaction: HappenedNow | None = None
    deadline_ms: int | None = Field(default=None, ge=1, le=LONGEST_DEADLINE_MS)
    """Within so many ms of its arrival the request is answered, if need be with the defaults of its placements."""

    def named(self, kinds: Iterable[str]) -> list[str]:
        """The identifiers given, strongest first. Raises ValueError."""
        return named({**self.identifiers, CUSTOMER: self.customer, VISITOR: self.visitor}, kinds)

    @model_validator(mode="after")
    def _whom_and_where(self) -> "DecisionRequest":
        if self.customer is None and self.visitor is None and not self.identifiers:
            raise ValueError("say whom this is about: `customer`, `visitor` or `identifiers`")
        names = [each.placement for each in self.placements]
        if len(names) != len(set(names)):
            raise ValueError("a placement is named twice; give it once, with a larger `count`")
        if sum(each.count for each in self.placements) > MOST_TREATMENTS:
            raise ValueError(f"at most {MOST_TREATMENTS} treatments can be asked for at once")
        return self


class Slot(Struct, frozen=True, forbid_unknown_fields=True):
    placement: NameText
    count: Annotated[int, Meta(ge=1, le=50)] = 1


class Happened(Struct, frozen=True, forbid_unknown_fields=True):
    id: Text
    source: Text
    type: Annotated[str, Meta(min_length=1, max_length=120)]
    time: Time | None = None
    data: dict[str, Any] = {}


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """A `DecisionRequest`, checked as it is read (schemas/plain.py)."""

    channel: NameText
    placements: Annotated[tuple[Slot, ...], Meta(min_length=1, max_length=20)]
    customer: SubjectText | None = None
    visitor: SubjectText | None = None
    identifiers: dict[NameText, SubjectText] = {}
    id: Text | None = None
    context: dict[NameText, Any] = {}
    interaction: Happened | None = None
    deadline_ms: Annotated[int, Meta(ge=1, le=LONGEST_DEADLINE_MS)] | None = None

    def __post_init__(self) -> None:
        names = {each.placement for each in self.placements}
        is_about_nobody = self.customer is None and self.visitor is None and not self.identifiers
        most = sum(each.count for each in self.placements)
        if is_about_nobody or len(names) < len(self.placements) or most > MOST_TREATMENTS:
            raise ValueError("the model says why")

    def named(self, kinds: Iterable[str]) -> list[str]:
        """The identifiers given, strongest first. Raises ValueError."""
        return named({**self.identifiers, CUSTOMER: self.customer, VISITOR: self.visitor}, kinds)


class Facts(Struct, frozen=True):
    """All that a decision may look at. Everything else it needs is the rule set, the models and the seed."""

    subject: str
    channel: str
    placements: tuple[tuple[str, int], ...]
    """Name and count of each."""
    values: Mapping[str, Any]
    """What conditions see, by qualified name; a name that is missing is not known."""
    ledger: Ledger
    cells: Mapping[str, str] = {}
    """Cell by program, where somebody chose it (a test customer); otherwise the hash assigns it."""
    stock: Mapping[str, int] = {}
    """What is left of each supply within reach (schemas/supplies.py); of one that is not named, all of it."""


class ChosenTreatment(Model):
    """One proposal to make, and the code to answer with."""

    code: str
    placement: str
    rank: int
    """1 is best, within the placement."""
    campaign: str
    program: str
    cell: str
    offer: str
    offer_name: str
    kind: str
    """The class of the offer: standard, mandatory or transactional."""
    treatment: str
    language: str
    content: dict[str, str]
    score: float
    factors: dict[str, float]
    continues: str | None = None
    """The code with which the proposal began, where it was handed over from another channel: an answer to either
    settles both."""
    same_contact: bool | None = None
    """Of one that continues: it does not count towards caps."""


class DefaultTreatment(Model):
    """What stands in a placement for which no offer was chosen. It carries no code: no answer to it is taken."""

    placement: str
    offer: str
    offer_name: str
    treatment: str
    language: str
    content: dict[str, str]


class LeftOut(Model):
    """A candidate that was not chosen, and the one reason."""

    campaign: str
    program: str
    offer: str
    reason: str
    detail: str = ""


class Withheld(Model):
    """A candidate that would have been chosen, had the customer not been in a holdout."""

    placement: str
    kind: str
    campaign: str
    program: str
    cell: str
    offer: str


class Decision(Model):
    """The answer to one request."""

    decision: str
    at: str
    customer: str | None = None
    """Whom it is about; a visitor or another identifier who belongs to a customer is answered as that customer."""
    visitor: str | None = None
    identifiers: dict[str, str] | None = None
    channel: str
    policy: str
    """The policy revision that decided."""
    model: str
    """The model version; `none` while propensity is not learned."""
    candidates: int
    treatments: tuple[ChosenTreatment, ...]
    left_out: tuple[LeftOut, ...]
    withheld: tuple[Withheld, ...] = ()
    defaults: tuple[DefaultTreatment, ...] = ()
    """Of the placements that have one and for which nothing was chosen."""


class Undecided(Model):
    """The answer where nothing could be decided in time: defaults, and nothing that is recorded."""

    decision: None = None
    at: str
    channel: str
    policy: str
    treatments: tuple[ChosenTreatment, ...] = Field(default=(), max_length=0)
    """Always none."""
    defaults: tuple[DefaultTreatment, ...]
    degraded: tuple[Degraded, ...]
    """What could not be done in time."""


class DecisionRecord(Decision):
    """The answer and all that it stands on: enough to decide again, bit for bit."""

    seed: int
    salt: int
    """How often the response codes had to be drawn anew because one was taken."""
    placements: tuple[Placement, ...]
    facts: dict[str, Any]
    """The values that conditions could see."""
    ledger: dict[str, Any]
    """The customer's ledger as it was, as far back as the contact policy looks."""
    stock: dict[str, int] | None = None
    """What was left of each supply where it was decided, in units or millionths of the currency."""
    takes: dict[str, dict[str, Taking]] | None = None
    """By response code and supply, what each treatment takes."""
    holdout: dict[str, bool] | None = None
    """By universal holdout, where the policy has one: whether the customer is in it."""
