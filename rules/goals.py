"""Goals, compiled: what an interaction means for the treatments before it. Built once per revision, then only read.

The nearest goal counts: that of the offer, else of its cell, else of the program; what the universal holdout keeps back
is in none of the program's cells. An interaction that no goal names
costs one look into a table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rules.candidates import Candidate
from rules.language import Condition
from schemas.cells import HOLDOUT
from schemas.goals import Attribution, Goal
from schemas.ledger import LedgerEntry
from schemas.policy import Policy

Conditions = Mapping[tuple[str | int, ...], Condition]
Place = tuple[str, str, str, str]
"""campaign, program, cell, offer"""
EVERY_EVENT = frozenset({"type", "time", "channel"})
"""What is kept of a goal event in any case."""


@dataclass(frozen=True, slots=True)
class CompiledGoal:
    goal: Goal
    condition: Condition | None
    offer_values: Mapping[str, Any]

    def met_by(self, values: Mapping[str, Any]) -> bool:
        """`values`: `event.*`, of one of the types that the goal names."""
        return self.condition is None or self.condition.holds({**values, **self.offer_values})


@dataclass(frozen=True, slots=True)
class Goals:
    attribution: Attribution
    by_place: Mapping[Place, CompiledGoal]
    fields: Mapping[str, frozenset[str]]
    """By interaction type that any goal names: the fields that goals look at."""
    reads: frozenset[str]
    """The names that conditions of goals look at."""
    longest_ms: int

    def of(self, entry: LedgerEntry) -> CompiledGoal | None:
        return self.by_place.get((entry.campaign, entry.program, entry.cell, entry.offer))


def compile_goals(policy: Policy, candidates: Iterable[Candidate], conditions: Conditions) -> Goals:
    offers = {each.id: at for at, each in enumerate(policy.offers)}
    at_program = {
        (campaign.id, program.id): ("campaigns", c, "programs", p)
        for c, campaign in enumerate(policy.campaigns)
        for p, program in enumerate(campaign.programs)
    }
    found: dict[Place, CompiledGoal] = {}
    for each in candidates:
        program_path = at_program[each.campaign.id, each.program.id]
        at_cells = {cell.id: ((*program_path, "cells", nth), cell.goal) for nth, cell in enumerate(each.program.cells)}
        for cell in (HOLDOUT, *at_cells):
            levels = (
                (("offers", offers[each.offer.id]), each.offer.goal),
                at_cells.get(cell, ((), None)),
                (program_path, each.program.goal),
            )
            path, goal = next(((path, goal) for path, goal in levels if goal is not None), ((), None))
            if goal is not None:
                condition = conditions.get((*path, "goal", "condition"))
                place = (each.campaign.id, each.program.id, cell, each.offer.id)
                found[place] = CompiledGoal(goal, condition, each.offer_values)
    conditions_asked = [each.condition for each in found.values() if each.condition is not None]
    return Goals(
        attribution=policy.attribution,
        by_place=found,
        fields=_fields(found.values()),
        reads=frozenset(name for each in conditions_asked for name in each.reads if name.startswith("event.")),
        longest_ms=max((each.goal.within for each in found.values()), default=0),
    )


def _fields(goals: Iterable[CompiledGoal]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for each in goals:
        names = {name.removeprefix("event.") for name in (each.condition.reads if each.condition else ())}
        names |= {each.goal.amount.removeprefix("event.")} if each.goal.amount else set()
        for kind in each.goal.when:
            found[kind] = found.get(kind, frozenset()) | (names - EVERY_EVENT)
    return found
