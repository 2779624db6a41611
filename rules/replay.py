"""Replay: decide again from a record, bit for bit.

The record holds what conditions saw, the ledger, seed and salt; the policy revision and the model version name the
rest. Nothing else may enter a decision.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from rules.answer import Origin, record
from rules.arbitration import Models
from rules.decide import decide
from rules.ruleset import RuleSet
from schemas.base import at_ms
from schemas.decision import DecisionRecord, Facts
from schemas.identity import identifier_of
from schemas.ledger import Ledger

DURATION = TypeAdapter(timedelta)


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


def facts_of(recorded: DecisionRecord, types: Mapping[str, str]) -> Facts:
    """The facts as they were: JSON knows no times, so those are read by their declared type."""
    return Facts(
        subject=identifier_of(recorded.customer, recorded.visitor, recorded.identifiers),
        channel=recorded.channel,
        placements=tuple((each.placement, each.count) for each in recorded.placements),
        values={name: _value(each, types.get(name, "")) for name, each in recorded.facts.items()},
        ledger=Ledger.from_json(recorded.ledger),
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
