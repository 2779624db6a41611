"""Candidates: each offer within each program, with what it inherits. Built once per revision, then only read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rules.counting import Key, keys_of
from rules.language import Condition
from rules.reasons import Reason
from schemas.base import at_ms
from schemas.policy import Campaign, Cell, Offer, Policy, Program, Treatment

Conditions = Mapping[tuple[str | int, ...], Condition]
LEVELS = (
    ("eligible", Reason.NOT_ELIGIBLE, Reason.ELIGIBILITY_UNKNOWN),
    ("applicable", Reason.NOT_APPLICABLE, Reason.APPLICABILITY_UNKNOWN),
    ("suitable", Reason.NOT_SUITABLE, Reason.SUITABILITY_UNKNOWN),
)
"""The funnel's conditions in their order: the field, the reason when false, the reason when not evaluable."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A condition and what it was written at, such as `program outbound`."""

    owner: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the funnel for one candidate: all of its conditions must hold."""

    conditions: tuple[Owned, ...]
    refused: Reason
    unknown: Reason


@dataclass(frozen=True, slots=True)
class CellView:
    """What one cell of a program means for one of its offers."""

    cell: Cell
    has_offer: bool
    stages: tuple[Stage, ...]
    """Inherited downwards: campaign, program, cell, offer."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer within a program."""

    campaign: Campaign
    program: Program
    offer: Offer
    purpose: str | None
    """What consent it needs."""
    counts_for: Mapping[str, Key]
    """What of the catalogue a contact with it counts for, by scope of the contact policy."""
    live_from_ms: float
    live_until_ms: float
    levers: float
    """1 + Σ/100 of issue, campaign, program and offer."""
    treatments: Mapping[tuple[str, str], Treatment]
    """By channel and placement."""
    cells: Mapping[str, CellView]
    offer_values: Mapping[str, Any]
    """`offer.*` as conditions see it."""

    @property
    def program_key(self) -> str:
        return f"{self.campaign.id}/{self.program.id}"

    @property
    def key(self) -> str:
        return f"{self.program_key}/{self.offer.id}"

    def live_at(self, now_ms: int) -> bool:
        return self.live_from_ms <= now_ms < self.live_until_ms


def candidates_of(policy: Policy, conditions: Conditions) -> Iterable[Candidate]:
    offers = {each.id: (index, each) for index, each in enumerate(policy.offers)}
    zone = ZoneInfo(policy.policy.time_zone)
    for c, campaign in enumerate(policy.campaigns):
        for p, program in enumerate(campaign.programs):
            for name in dict.fromkeys(offer for cell in program.cells for offer in cell.offers):
                o, offer = offers[name]
                issue = policy.issues[campaign.issue].lever if campaign.issue else 0.0
                levers = issue + campaign.lever + program.lever + offer.lever
                yield Candidate(
                    campaign=campaign,
                    program=program,
                    offer=offer,
                    purpose=offer.purpose or campaign.purpose,
                    counts_for=keys_of(offer, campaign.id, program.id),
                    live_from_ms=_midnight_ms(campaign.starts, zone) if campaign.starts else float("-inf"),
                    live_until_ms=_midnight_ms(campaign.ends + timedelta(days=1), zone)
                    if campaign.ends
                    else float("inf"),
                    levers=1 + levers / 100,
                    treatments={(each.channel, each.placement): each for each in offer.treatments},
                    cells={
                        cell.id: _cell_view(cell, offer, (c, p, i, o), (campaign, program), conditions)
                        for i, cell in enumerate(program.cells)
                    },
                    offer_values={
                        "offer.id": offer.id,
                        "offer.name": offer.name,
                        "offer.class": offer.kind,
                        "offer.category": offer.category or "",
                        "offer.value": offer.value,
                        "offer.cost": offer.cost,
                    },
                )


def _midnight_ms(day: date, zone: ZoneInfo) -> int:
    return at_ms(datetime.combine(day, time.min, zone))


def _cell_view(
    cell: Cell,
    offer: Offer,
    at: tuple[int, int, int, int],
    above: tuple[Campaign, Program],
    conditions: Conditions,
) -> CellView:
    c, p, i, o = at
    campaign, program = above
    levels: tuple[tuple[str, tuple[str | int, ...]], ...] = (
        (f"campaign {campaign.id}", ("campaigns", c)),
        (f"program {program.id}", ("campaigns", c, "programs", p)),
        (f"cell {cell.id}", ("campaigns", c, "programs", p, "cells", i)),
        (f"offer {offer.id}", ("offers", o)),
    )
    stages = []
    for field, refused, unknown in LEVELS:
        owned = [Owned(owner, conditions[*path, field]) for owner, path in levels if (*path, field) in conditions]
        if owned:
            stages.append(Stage(tuple(owned), refused, unknown))
    return CellView(cell, cell.holdout or offer.id in cell.offers, tuple(stages))
