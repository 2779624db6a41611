"""Replay: decide again from a record, bit for bit.

The record holds what conditions saw, the ledger, seed and salt; the policy revision and the model version name the
rest. Nothing else may enter a decision.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rules.answer import DURATION, Origin, record
from rules.arbitration import Models
from rules.decide import decide
from rules.ruleset import RuleSet
from schemas.base import at_ms
from schemas.decision import DecisionRecord, Facts
from schemas.identity import identifier_of
from schemas.ledger import Ledger


def replayed(recorded: DecisionRecord, ruleset: RuleSet, models: Models) -> DecisionRecord:
    """What the rule set decides from a record; equal to the record if it is the revision that decided."""
    now_ms = at_ms(datetime.fromisoformat(recorded.at))
    facts = facts_of(recorded, ruleset.types)
    judgement = decide(facts, ruleset, models, now_ms, recorded.seed)
    origin = Origin(
        decision=recorded.decision,
        at_ms=now_ms,
        shard=int(recorded.decision.partition("-")[0]),
        seed=recorded.seed,
        salt=recorded.salt,
        revision=ruleset.revision,
        model=models.version,
    )
    return record(judgement, facts, origin)


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of a record that came out otherwise; `absent` where there was none."""

    field: str
    """`treatments.0.score`"""
    recorded: Any
    replayed: Any

    def __str__(self) -> str:
        return f"{self.field}: recorded {_short(self.recorded)}, replayed {_short(self.replayed)}"


ABSENT = "absent"
SHOWN = 200


def differences(recorded: DecisionRecord, again: DecisionRecord) -> tuple[Difference, ...]:
    """Every value that is not the same, bit for bit; none if the decision replays."""
    if recorded.model_dump_json() == again.model_dump_json():
        return ()
    return tuple(_compared("", recorded.model_dump(mode="json"), again.model_dump(mode="json")))


def _compared(field: str, one: Any, other: Any) -> Iterator[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*one, *other)):
            yield from _compared(f"{field}.{name}", one.get(name, ABSENT), other.get(name, ABSENT))
    elif isinstance(one, list) and isinstance(other, list):
        for at in range(max(len(one), len(other))):
            each, its = (found[at] if at < len(found) else ABSENT for found in (one, other))
            yield from _compared(f"{field}.{at}", each, its)
    elif repr(one) != repr(other):  # 1 and 1.0, 0.0 and -0.0 are equal, and not the same
        yield Difference(field.removeprefix("."), one, other)


def _short(value: Any) -> str:
    text = value if value == ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def facts_of(recorded: DecisionRecord, types: Mapping[str, str]) -> Facts:
    """The facts as they were: JSON knows no times, so those are read by their declared type."""
    return Facts(
        subject=identifier_of(recorded.customer, recorded.visitor, recorded.identifiers),
        channel=recorded.channel,
        placements=tuple((each.placement, each.count) for each in recorded.placements),
        values={name: _value(each, types.get(name, "")) for name, each in recorded.facts.items()},
        ledger=Ledger.from_json(recorded.ledger),
        stock=recorded.stock or {},
    )


def _value(value: Any, type_name: str) -> Any:
    match type_name:
        case "timestamp":
            return datetime.fromisoformat(value)
        case "list<timestamp>":
            return [datetime.fromisoformat(each) for each in value]
        case "map<string, timestamp>":
            return {key: datetime.fromisoformat(each) for key, each in value.items()}
        case "duration":
            return DURATION.validate_python(value)
        case "double":
            return float(value)
        case _:
            return value
