"""What an answer is made of, and what it comes to (rules/answer.py)."""

import orjson
from msgspec import Struct

from rules.judgement import Judgement
from schemas.decision import Decision, DecisionRecord
from schemas.stock import Taking


class Origin(Struct, frozen=True):
    """What makes a decision this decision: enough to draw it again."""

    decision: str
    at_ms: int
    shard: int
    seed: int
    salt: int
    """How often codes had to be drawn anew, because one was taken."""
    revision: str
    model: str


class Treated(Struct, frozen=True, omit_defaults=True):
    """A treatment as it is written: `ChosenTreatment` says what each field means."""

    code: str
    placement: str
    rank: int
    campaign: str
    program: str
    cell: str
    offer: str
    offer_name: str
    kind: str
    treatment: str
    language: str
    content: dict[str, str]
    score: float
    factors: dict[str, float]
    continues: str | None = None
    same_contact: bool | None = None


class Kept(Struct, frozen=True):
    """What a holdout kept back, as it is written: `Withheld`."""

    placement: str
    kind: str
    campaign: str
    program: str
    cell: str
    offer: str


class Answered(Struct, frozen=True):
    """A decision in its two forms, and what a commit and the metrics need of it."""

    decision: str
    channel: str
    treatments: tuple[Treated, ...]
    withheld: tuple[Kept, ...]
    takes: dict[str, dict[str, Taking]] | None
    holdout: dict[str, bool] | None
    judgement: Judgement
    answer: bytes
    """What the caller gets: a `Decision`."""
    record: bytes
    """What is stored and logged: a `DecisionRecord`."""

    @property
    def document(self) -> DecisionRecord:
        """The record, read back."""
        return DecisionRecord.model_validate_json(self.record)


class Recorded(Struct, frozen=True):
    """A decision that was made before."""

    record: bytes

    @property
    def answer(self) -> bytes:
        found = orjson.loads(self.record)
        return orjson.dumps({name: found[name] for name in Decision.model_fields if name in found})

    @property
    def document(self) -> DecisionRecord:
        return DecisionRecord.model_validate_json(self.record)


Reply = Answered | Recorded
