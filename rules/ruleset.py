"""The rule set: a checked policy made ready to decide. Built once per revision, then only read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rules.candidates import Candidate as Candidate
from rules.candidates import CellView as CellView
from rules.candidates import Stage as Stage
from rules.candidates import candidates_of
from rules.cell_codes import CellPlace, places_of
from rules.cells import Shares, universal_shares
from rules.classes import Classes, classes_of
from rules.contact_rules import ContactRules
from rules.defaults import Defaults, defaults_of
from rules.goals import Goals, compile_goals
from rules.handing import HandOvers, hand_overs_of, settling_of
from rules.language import Condition, Matcher, Vocabulary, compile_condition
from rules.places import Places
from rules.policy import Checked
from rules.policy.desktops import desktops
from rules.texts import names
from rules.timing import TimedRules, compile_timed
from schemas.ledger import Proposal
from schemas.policy import Arbitration, ContactPolicy, Policy, Rule
from schemas.supplies import Supply, supplies_of


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """The rules that one interaction type fires, or those that are asked at every decision."""

    rules: tuple[Rule, ...]
    conditions: tuple[Condition, ...]
    """The `if` of each, to explain it by."""
    matcher: Matcher

    @property
    def reads(self) -> frozenset[str]:
        """The names that any of them looks at."""
        return frozenset().union(*(each.reads for each in self.conditions))

    def fired(self, values: Mapping[str, Any]) -> list[Rule]:
        return [self.rules[index] for index in self.matcher.hits(values)]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class RuleSet:
    revision: str
    policy: Policy
    types: Mapping[str, str]
    """The CEL type of every name that conditions may use."""
    reads: frozenset[str]
    """The names that any condition looks at, and treatments write."""
    by_offer: Mapping[str, tuple[Candidate, ...]]
    places: Places
    """The same by where they can be made."""
    always: tuple[str, ...]
    always_boosts: Mapping[str, float]
    """What nothing but being always on gives them: nothing."""
    rules_of: Mapping[str, RuleGroup]
    """By interaction type."""
    standing: RuleGroup
    classes: Classes
    requirements: tuple[Condition, ...]
    """Of the contact policy, in its order."""
    contact: ContactRules
    quality: Mapping[str, Condition]
    """The expectations of data quality, by name. They are asked at a load, not at a decision."""

    lookback_ms: int
    """How far back a decision looks into the ledger."""
    lifetimes: Mapping[str, int]
    """How long what a rule proposes waits, in ms."""
    ending: frozenset[str]
    """The outcomes after which no answer is awaited."""
    timed: TimedRules
    """The rules that a time fires."""
    written: frozenset[str]
    """The names that the texts of actions write."""
    goals: Goals
    cell_codes: Mapping[str, CellPlace]
    """By printed code, as `read_code` reads it."""
    desktops: Mapping[str, str]
    """The channel of each placement; the first by name where there are several."""
    supplies: Mapping[str, Supply]
    """Inventories and budgets, by name."""
    holdout: Shares | None
    """Of the universal holdout."""
    defaults: Defaults
    hand_overs: HandOvers
    settling: frozenset[str]
    """The outcomes after which what was handed over does not wait any more."""

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
    candidates = list(candidates_of(policy, conditions))
    contact = ContactRules.of(policy, conditions, candidates)
    by_offer = _by_offer(candidates)
    always = tuple(each.id for each in policy.offers if each.always)
    classes = classes_of(policy, checked)
    hand_overs = hand_overs_of(policy)
    waiting_ms = [each.lasting for each in hand_overs.values()]
    places = Places.of(always, by_offer, policy.arbitration)
    places.prepare()
    lifetimes = {rule.id: rule.lifetime for rule in policy.rules if rule.lifetime is not None}
    return RuleSet(
        revision=checked.revision,
        policy=policy,
        types=checked.vocabulary.types,
        lookback_ms=max(contact.lookback_ms, *lifetimes.values(), *waiting_ms, 0),
        lifetimes=lifetimes,
        ending=frozenset(name for name, each in policy.outcomes.items() if each.ends),
        timed=compile_timed(policy, conditions, checked.moments),
        written=frozenset().union(*(names(act.note + act.text) for rule in policy.rules for act in rule.act)),
        goals=compile_goals(policy, candidates, conditions),
        cell_codes=places_of(policy),
        supplies=supplies_of(policy),
        desktops={placement: min(channels) for placement, channels in desktops(policy).items()},
        reads=_asked_of_customers(conditions) | classes.reads | contact.reads | _written(candidates) | {"event.type"},
        by_offer=by_offer,
        places=places,
        always=always,
        always_boosts=dict.fromkeys(always, 0.0),
        rules_of=_rules_by_event(policy, conditions),
        standing=_group((rule for rule in enumerate(policy.rules) if not rule[1].when), conditions),
        classes=classes,
        quality={name: conditions["quality", name, "expect"] for name in policy.quality},
        requirements=_requirements(policy, conditions),
        contact=contact,
        holdout=None if policy.holdout is None else universal_shares(policy.holdout),
        defaults=defaults_of(policy),
        hand_overs=hand_overs,
        settling=settling_of(policy),
    )


def _by_offer(candidates: Iterable[Candidate]) -> dict[str, tuple[Candidate, ...]]:
    found: dict[str, list[Candidate]] = {}
    for each in candidates:
        found.setdefault(each.offer.id, []).append(each)
    return {offer: tuple(several) for offer, several in found.items()}


def _requirements(policy: Policy, conditions: "Conditions") -> tuple[Condition, ...]:
    count = len(policy.contact_policy.requirements)
    return tuple(conditions["contact_policy", "requirements", index, "require"] for index in range(count))


def _written(candidates: Iterable[Candidate]) -> frozenset[str]:
    """The names that treatments write."""
    wordings = [each for candidate in candidates for place in candidate.wordings.values() for each in place]
    return frozenset().union(*(each.variables for each in wordings))


def _asked_of_customers(conditions: "Conditions") -> frozenset[str]:
    """The names that deciding and folding look at: all but those of data quality and of goals."""
    asked = (each for path, each in conditions.items() if path[0] != "quality" and "goal" not in path)
    return frozenset().union(*(each.reads for each in asked))


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
