"""A decision that is opened again: what `decide` makes of its record, step by step. Nothing else is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rules.arbitration import Models, Scored
from rules.decide import Judgement, Weighed, judged, weighed
from rules.replay import facts_of
from rules.ruleset import RuleSet
from schemas.base import at_ms
from schemas.decision import DecisionRecord, Facts


@dataclass(frozen=True, slots=True)
class Case:
    recorded: DecisionRecord
    ruleset: RuleSet
    facts: Facts
    now_ms: int
    """When it was decided."""
    weighed: Weighed
    judgement: Judgement

    scored: Mapping[str, Scored]
    """By candidate, of those that came as far as arbitration."""
    propensities: Mapping[str, float]
    """Likewise."""
    fired: frozenset[str]
    """The rules that fire now, on whatever channel they count."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.ruleset.policy.policy.time_zone)


def opened(recorded: DecisionRecord, ruleset: RuleSet, models: Models) -> Case:
    """`ruleset` and `models` are those that the record names."""
    now_ms = at_ms(datetime.fromisoformat(recorded.at))
    facts = facts_of(recorded, ruleset.types)
    found = weighed(facts, ruleset, models, now_ms, recorded.seed)
    values = found.funnel.values
    return Case(
        recorded=recorded,
        ruleset=ruleset,
        facts=facts,
        now_ms=now_ms,
        weighed=found,
        judgement=judged(found),
        scored={each.candidate.key: each for each in found.order},
        propensities={each.key: p for each, p in zip(found.surviving, found.propensities, strict=True)},
        fired=frozenset(rule.id for rule in (*ruleset.fired(values), *ruleset.standing.fired(values))),
    )
