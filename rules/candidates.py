"""Candidates: each offer within each program, with what it inherits. Built once per revision, then only read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from rules.bounds import within
from rules.cells import Shares, shares_of
from rules.counting import Key, keys_of
from rules.language import Condition
from rules.reasons import Reason
from rules.treatments import Place, Wording, wordings_of
from schemas.base import at_ms
from schemas.catalogue import Campaign, Cell, Dated, Offer, Program, Treatment
from schemas.cells import program_key
from schemas.policy import Policy
from schemas.stock import Taking
from schemas.supplies import takes_of

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
    said: str
    """What is said of it when it is false."""
    of_offer: bool
    """Whether it looks at the offer."""


@dataclass(frozen=True, slots=True, eq=False)
class Above:
    """Conditions that all offers of a cell inherit, and the cell's own. Each stands for itself."""

    conditions: tuple[tuple[int, Condition], ...]
    """In their order, each with its level of the funnel; without those that look at the offer."""


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
    """Inherited downwards: campaign, program, cell, offer, and the parts of a bundle."""
    above: Above
    said_above: tuple[str, ...]
    """What is said of each of these conditions when it is false."""
    own: tuple[tuple[int, Owned], ...]
    """Those of the offer and its parts, likewise."""
    looks_at_offer: bool
    """Whether any of all these conditions does."""
    is_plain: bool
    """The cell has the offer, and there is as much of it as one likes."""
    is_holdout: bool


@dataclass(frozen=True, slots=True)
class Period:
    """When something is live: from midnight of its first day to that after its last."""

    owner: str
    from_ms: float
    until_ms: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer within a program."""

    campaign: Campaign
    program: Program
    offer: Offer
    program_key: str
    key: str
    """Campaign, program and offer."""
    offer_id: str
    is_mandatory: bool
    covers: frozenset[str]
    """The offer, and the parts of a bundle."""
    purpose: str | None
    """What consent it needs."""
    manner: tuple[str, str | None]
    """Its class and purpose."""
    counts_for: Mapping[str, Key]
    """What of the catalogue a contact with it counts for, by scope of the contact policy."""
    live_from_ms: float
    live_until_ms: float
    periods: tuple[Period, ...]
    """What these times follow from."""
    levers: float
    """1 + Σ/100 of issue, campaign, program and offer, within the bounds of a factor."""
    treatments: Mapping[tuple[str, str], Treatment]
    """The first choice for each channel and placement."""
    wordings: Mapping[Place, tuple[Wording, ...]]
    cells: Mapping[str, CellView]
    own_conditions: tuple[Condition, ...]
    """Those of the offer and its parts, in the order of the funnel."""
    shares: Shares
    """Of the program's cells."""
    offer_values: Mapping[str, Any]
    """`offer.*` as conditions see it."""
    takes: Mapping[str, Taking]
    """What a treatment of it takes, by supply."""
    written: bytes
    """Its ids as the answer names them, without braces."""

    def live_at(self, now_ms: int) -> bool:
        return self.live_from_ms <= now_ms < self.live_until_ms

    def not_live(self, now_ms: int) -> str:
        """What keeps it from being live."""
        return next(each.owner for each in self.periods if not each.from_ms <= now_ms < each.until_ms)


def candidates_of(policy: Policy, conditions: Conditions) -> Iterable[Candidate]:
    catalogue = Catalogue(policy, conditions)
    for c, campaign in enumerate(policy.campaigns):
        for p, program in enumerate(campaign.programs):
            for name in dict.fromkeys(offer for cell in program.cells for offer in cell.offers):
                yield catalogue.candidate((c, campaign), (p, program), name)


class Catalogue:
    """What candidates are made of."""

    def __init__(self, policy: Policy, conditions: Conditions) -> None:
        self._policy = policy
        # what is written alike is asked once in a decision: all of these know the same names
        first: dict[str, Condition] = {}
        self._conditions = {
            path: first.setdefault(each.source, each)
            for path, each in conditions.items()
            if path[0] in ("offers", "campaigns")
        }
        self._offers = {each.id: (at, each) for at, each in enumerate(policy.offers)}
        self._zone = ZoneInfo(policy.policy.time_zone)
        self._above: dict[tuple[tuple[int, Condition], ...], Above] = {}

    def candidate(self, in_campaign: tuple[int, Campaign], in_program: tuple[int, Program], name: str) -> Candidate:
        (c, campaign), (p, program), (_, offer) = in_campaign, in_program, self._offers[name]
        parts = tuple(self._offers[part][1] for part in offer.bundle)
        periods = self._periods(campaign, program, (offer, *parts))
        issue = self._policy.issues[campaign.issue].lever if campaign.issue else 0.0
        wordings = wordings_of(offer)
        cells = {
            cell.id: self._cell_view(cell, offer, (c, p, at), (campaign, program))
            for at, cell in enumerate(program.cells)
        }
        return Candidate(
            campaign=campaign,
            program=program,
            offer=offer,
            program_key=program_key(campaign.id, program.id),
            key=f"{campaign.id}/{program.id}/{offer.id}",
            offer_id=offer.id,
            is_mandatory=offer.kind == "mandatory",
            covers=frozenset((offer.id, *offer.bundle)),
            purpose=offer.purpose or campaign.purpose,
            manner=(offer.kind, offer.purpose or campaign.purpose),
            counts_for=keys_of(offer, campaign.id, program.id),
            live_from_ms=max((each.from_ms for each in periods), default=float("-inf")),
            live_until_ms=min((each.until_ms for each in periods), default=float("inf")),
            periods=periods,
            levers=within(1 + (issue + campaign.lever + program.lever + offer.lever) / 100),
            treatments={place: each[0].treatment for place, each in wordings.items()},
            wordings=wordings,
            cells=cells,
            own_conditions=tuple(each.condition for _, each in next(iter(cells.values())).own),
            shares=shares_of(program_key(campaign.id, program.id), program.cells),
            offer_values={
                "offer.id": offer.id,
                "offer.name": offer.name,
                "offer.class": offer.kind,
                "offer.category": offer.category or "",
                "offer.value": offer.value,
                "offer.cost": offer.cost,
            },
            takes=self._takes(campaign, offer),
            written=orjson.dumps({"campaign": campaign.id, "program": program.id, "offer": offer.id})[1:-1],
        )

    def _takes(self, campaign: Campaign, offer: Offer) -> dict[str, Taking]:
        return takes_of(campaign, offer, {name: each for name, (_, each) in self._offers.items()})

    def _periods(self, campaign: Campaign, program: Program, offers: Iterable[Offer]) -> tuple[Period, ...]:
        levels: list[tuple[str, Dated]] = [(f"campaign {campaign.id}", campaign), (f"program {program.id}", program)]
        levels += [(f"offer {each.id}", each) for each in offers]
        return tuple(self._period(owner, each) for owner, each in levels if each.starts or each.ends)

    def _period(self, owner: str, dated: Dated) -> Period:
        return Period(
            owner,
            self._midnight_ms(dated.starts) if dated.starts else float("-inf"),
            self._midnight_ms(dated.ends + timedelta(days=1)) if dated.ends else float("inf"),
        )

    def _midnight_ms(self, day: date) -> int:
        return at_ms(datetime.combine(day, time.min, self._zone))

    def _cell_view(
        self, cell: Cell, offer: Offer, at: tuple[int, int, int], above: tuple[Campaign, Program]
    ) -> CellView:
        (c, p, i), (campaign, program) = at, above
        upper = self._owned(
            (f"campaign {campaign.id}", ("campaigns", c)),
            (f"program {program.id}", ("campaigns", c, "programs", p)),
            (f"cell {cell.id}", ("campaigns", c, "programs", p, "cells", i)),
        )
        own = self._owned(*((f"offer {name}", ("offers", self._offers[name][0])) for name in (offer.id, *offer.bundle)))
        stages = tuple(
            Stage((*upper[field], *own[field]), refused, unknown)
            for field, refused, unknown in LEVELS
            if upper[field] or own[field]
        )
        inherited = [(level, each) for level, each in _by_level(upper) if not each.of_offer]
        shared = tuple((level, each.condition) for level, each in inherited)
        has_offer = cell.holdout or offer.id in cell.offers
        return CellView(
            cell=cell,
            has_offer=has_offer,
            stages=stages,
            above=self._above.setdefault(shared, Above(shared)),
            said_above=tuple(each.said for _, each in inherited),
            own=tuple(_by_level(own)),
            looks_at_offer=any(owned.of_offer for stage in stages for owned in stage.conditions),
            is_plain=has_offer and not self._takes(campaign, offer),
            is_holdout=cell.holdout,
        )

    def _owned(self, *levels: tuple[str, tuple[str | int, ...]]) -> dict[str, list[Owned]]:
        """By field, the conditions of these levels."""
        return {
            field: [
                _owned(owner, self._conditions[*path, field])
                for owner, path in levels
                if (*path, field) in self._conditions
            ]
            for field, _, _ in LEVELS
        }


def _by_level(owned: Mapping[str, list[Owned]]) -> Iterator[tuple[int, Owned]]:
    return ((level, each) for level, (field, _, _) in enumerate(LEVELS) for each in owned[field])


def _owned(owner: str, condition: Condition) -> Owned:
    of_offer = any(name.startswith("offer.") for name in condition.reads)
    return Owned(owner, condition, f"{owner}: {condition.source}", of_offer)
