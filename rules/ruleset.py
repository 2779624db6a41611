"""The rule set: a checked policy made ready to decide. Built once per revision, then only read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rules.classes import Classes, classes_of
from rules.language import Condition, Matcher, Vocabulary, compile_condition
from rules.policy import Checked
from rules.policy.desktops import desktops
from rules.reasons import Reason
from rules.texts import names
from rules.timing import TimedRules, compile_timed
from schemas.base import at_ms
from schemas.ledger import Proposal
from schemas.policy import Arbitration, Campaign, Cell, ContactPolicy, Offer, Policy, Program, Rule, Treatment

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
    live_from_ms: float
    live_until_ms: float
    levers: float
    """1 + Σ/100 of campaign, program and offer."""
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


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """The rules that one interaction type fires, or those that are asked at every decision."""

    rules: tuple[Rule, ...]
    conditions: tuple[Condition, ...]
    """The `if` of each, to explain it by."""
    matcher: Matcher

    def fired(self, values: Mapping[str, Any]) -> list[Rule]:
        return [self.rules[index] for index in self.matcher.hits(values)]


@dataclass(frozen=True, slots=True)
class RuleSet:
    revision: str
    policy: Policy
    types: Mapping[str, str]
    """The CEL type of every name that conditions may use."""
    reads: frozenset[str]
    """The names that any condition looks at."""
    by_offer: Mapping[str, tuple[Candidate, ...]]
    always: tuple[str, ...]
    rules_of: Mapping[str, RuleGroup]
    """By interaction type."""
    standing: RuleGroup
    classes: Classes
    requirements: tuple[Condition, ...]
    """Of the contact policy, in its order."""

    quality: Mapping[str, Condition]
    """The expectations of data quality, by name. They are asked at a load, not at a decision."""

    lookback_ms: int
    """How far back the contact policy looks into the ledger."""
    timed: TimedRules
    """The rules that a time fires."""
    written: frozenset[str]
    """The names that the texts of actions write."""
    desktops: Mapping[str, str]
    """The channel of each placement; the first by name where there are several."""

    @property
    def contact_policy(self) -> ContactPolicy:
        return self.policy.contact_policy

    @property
    def arbitration(self) -> Arbitration:
        return self.policy.arbitration

    def classified(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values with the judgements added: scores, segments, the purpose of the visit and the stage."""
        return self.classes.classified(values)

    def fired(self, values: Mapping[str, Any]) -> list[Rule]:
        """The rules that the event among the values fires. The values are classified."""
        group = self.rules_of.get(values.get("event.type", ""))
        return group.fired(values) if group else []


def proposals(rules: Iterable[Rule], at_ms: int) -> list[Proposal]:
    """What fired rules leave waiting for the next contact."""
    return [
        Proposal(rule.id, rule.propose, rule.channels, rule.boost, at_ms + rule.lifetime)
        for rule in rules
        if rule.propose and rule.lifetime is not None
    ]


def compile_rules(checked: Checked) -> RuleSet:
    """The rule set of a policy that was checked and found without errors."""
    policy = checked.policy
    if policy is None or not checked.ok:
        raise ValueError("only a policy without errors can be made live")
    conditions = checked.conditions
    for expression in (*conditions.values(), *checked.scores.values()):
        expression.value({})  # code is generated at the first use, which must not be a customer's
    candidates = list(_candidates(policy, conditions))
    offers = {each.offer.id for each in candidates}
    classes = classes_of(policy, checked)
    return RuleSet(
        revision=checked.revision,
        policy=policy,
        types=checked.vocabulary.types,
        lookback_ms=_lookback_ms(policy.contact_policy),
        timed=compile_timed(policy, conditions, checked.moments),
        written=frozenset().union(*(names(act.note + act.text) for rule in policy.rules for act in rule.act)),
        desktops={placement: min(channels) for placement, channels in desktops(policy).items()},
        reads=_asked_of_customers(conditions) | classes.reads | {"event.type"},
        by_offer={offer: tuple(c for c in candidates if c.offer.id == offer) for offer in offers},
        always=tuple(each.id for each in policy.offers if each.always),
        rules_of=_rules_by_event(policy, conditions),
        standing=_group((rule for rule in enumerate(policy.rules) if not rule[1].when), conditions),
        classes=classes,
        quality={name: conditions["quality", name, "expect"] for name in policy.quality},
        requirements=tuple(
            conditions["contact_policy", "requirements", index, "require"]
            for index in range(len(policy.contact_policy.requirements))
        ),
    )


def _asked_of_customers(conditions: "Conditions") -> frozenset[str]:
    """The names that deciding and folding look at: all but those of data quality."""
    return frozenset().union(*(each.reads for path, each in conditions.items() if path[0] != "quality"))


def _lookback_ms(policy: ContactPolicy) -> int:
    """How far back any cap or cool-down looks."""
    windows = [*(cap.within for cap in policy.caps), *(each.lasting for each in policy.cool_downs)]
    return max(windows, default=0)


Conditions = Mapping[tuple[str | int, ...], Condition]


def _rules_by_event(policy: Policy, conditions: Conditions) -> dict[str, RuleGroup]:
    numbered = list(enumerate(policy.rules))
    types = {each for rule in policy.rules for each in rule.types}
    return {each: _group((rule for rule in numbered if each in rule[1].types), conditions) for each in types}


def _group(numbered: Iterable[tuple[int, Rule]], conditions: Conditions) -> RuleGroup:
    found = list(numbered)
    unconditional = compile_condition("true", Vocabulary({}))
    asked = tuple(conditions.get(("rules", index, "condition"), unconditional) for index, _ in found)
    return RuleGroup(tuple(rule for _, rule in found), asked, Matcher(asked))


def _candidates(policy: Policy, conditions: Conditions) -> Iterable[Candidate]:
    offers = {each.id: (index, each) for index, each in enumerate(policy.offers)}
    zone = ZoneInfo(policy.policy.time_zone)
    for c, campaign in enumerate(policy.campaigns):
        for p, program in enumerate(campaign.programs):
            for name in dict.fromkeys(offer for cell in program.cells for offer in cell.offers):
                o, offer = offers[name]
                levers = campaign.lever + program.lever + offer.lever
                yield Candidate(
                    campaign=campaign,
                    program=program,
                    offer=offer,
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
