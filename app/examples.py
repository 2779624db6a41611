"""Runs the examples written beside the rules, with the very `fold` and `decide` that serve customers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from app.story import Story
from consumers.folding import Around, goals
from consumers.live import LivePolicy
from profiles.errors import BadFields
from profiles.facts import Situation
from profiles.fields import checked
from profiles.fold import fold
from profiles.ledger import fold_response, implied
from rules.arbitration import NothingLearned
from rules.decide import Judgement, decide
from rules.policy import Path
from schemas.action import Action
from schemas.cells import HOLDOUT, SERVED
from schemas.decision import Facts
from schemas.example import Example, ExampleInteraction, ExampleResponse
from schemas.interaction import IDENTIFY, TAGGED, Interaction
from schemas.ledger import Ledger, LedgerEntry
from schemas.observed import FieldType
from schemas.policy import Rule
from schemas.response import ResponseRecord
from schemas.supplies import counted

SUBJECT = "customer:example"
SEED = 1


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What the policy does otherwise, and the path within the example to the words that say so."""

    path: Path
    message: str
    hint: str | None = None


class BadExample(BadFields):
    """What the example tells of could not happen; `path` leads to it."""

    def __init__(self, path: Path, cause: BadFields) -> None:
        super().__init__(cause.reason, cause.hint)
        self.path = path


def mismatches(example: Example, policy: LivePolicy, now_ms: int) -> list[Mismatch]:
    """What the policy does otherwise than the example says; empty if it is right."""
    try:
        outcome = judged(example, policy, now_ms)
    except BadExample as wrong:
        return [Mismatch(wrong.path, f"the example itself is wrong: {wrong.reason}", wrong.hint)]
    said = (
        outcome.of_offers(),
        outcome.of_withheld(),
        outcome.of_reasons(),
        outcome.of_classes(),
        outcome.of_actions(),
    )
    return [wrong for each in said for wrong in each]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an example beside what it expects."""

    example: Example
    policy: LivePolicy
    judgement: Judgement
    values: Mapping[str, Any]
    """What conditions saw."""
    actions: Sequence[Action]
    """What rules have done, the interaction of the example included."""

    @property
    def offers(self) -> list[str]:
        return [each.scored.candidate.offer.id for each in self.judgement.choices]

    @property
    def withheld(self) -> list[str]:
        return [each.candidate.offer.id for each in self.judgement.held_back]

    def wrong(self) -> Iterator[Mismatch]:
        yield from self.of_offers()
        yield from self.of_withheld()
        yield from self.of_reasons()
        yield from self.of_classes()
        yield from self.of_actions()

    def of_offers(self) -> Iterator[Mismatch]:
        yield from self._differs("offers", self.example.then.offers, self.offers)

    def of_withheld(self) -> Iterator[Mismatch]:
        yield from self._differs("withheld", self.example.then.withheld, self.withheld)

    def of_reasons(self) -> Iterator[Mismatch]:
        for offer, reason in self.example.then.reasons.items():
            given = [each.reason.value for each in self.judgement.left_out if each.candidate.offer.id == offer]
            if reason not in given:
                message = f"`{offer}` should be left out as `{reason}`, but {self._state(offer)}"
                yield Mismatch(("then", "reasons", offer), message)

    def of_classes(self) -> Iterator[Mismatch]:
        """Stage, segments and purpose."""
        then = self.example.then
        segments = None if then.segments is None else sorted(then.segments)
        yield from self._is_not("stage", then.stage, self.values.get("customer.stage"))
        yield from self._is_not("purpose", then.purpose, self.values.get("session.purpose"))
        yield from self._is_not("segments", segments, sorted(self.values["customer.segments"]))

    def _is_not(self, what: str, expected: str | list[str] | None, found: str | list[str] | None) -> Iterator[Mismatch]:
        if expected is not None and expected != found:
            shown = [_listed([each] if isinstance(each, str) else each or []) for each in (expected, found)]
            yield Mismatch(("then", what), f"`{what}` should be {shown[0]}, but is {shown[1]}")

    def of_actions(self) -> Iterator[Mismatch]:
        expected = self.example.then.actions
        if expected is not None:
            wanted = [f"{each.rule}: {each.kind}" for each in expected]
            yield from self._differs("actions", wanted, [f"{each.rule}: {each.kind}" for each in self.actions])

    def _differs(self, what: str, expected: Sequence[str] | None, found: Sequence[str]) -> Iterator[Mismatch]:
        if expected is not None and list(expected) != list(found):
            offers = () if what == "actions" else expected
            missing = [f"; `{offer}` {self._state(offer)}" for offer in offers if offer not in found]
            message = f"`{what}` should be {_listed(expected)}, but is {_listed(found)}{''.join(missing)}"
            yield Mismatch(("then", what), message)

    def _state(self, offer: str) -> str:
        """What became of an offer, as the end of a sentence that begins with it."""
        left_out = [each for each in self.judgement.left_out if each.candidate.offer.id == offer]
        if offer in self.offers:
            return "is chosen"
        if left_out:
            return f"is left out as {', '.join(f'`{each.reason}` ({each.detail})' for each in left_out)}"
        return f"is no candidate: {self._why_none(offer)}"

    def _why_none(self, offer: str) -> str:
        if offer not in self.policy.ruleset.by_offer:
            return "it is in no cell of any program"
        rules = [rule for rule in self.policy.ruleset.policy.rules if offer in rule.propose]
        if not rules:
            return "no rule proposes it, and it is not `always`"
        silent = ", ".join(_why_silent(rule, self.example) for rule in rules)
        return f"no rule proposed it, and it is not `always` ({silent})"


def _why_silent(rule: Rule, example: Example) -> str:
    if rule.channels and example.when.channel not in rule.channels:
        return f"`{rule.id}` is for {_listed(rule.channels)}"
    now = [example.when.interaction] if example.when.interaction else []
    firing = {each.type for each in (*now, *(example.given.interactions if rule.lifetime else ()))}
    if rule.timing:
        return f"`{rule.id}` is fired by a time"
    if rule.types and firing.isdisjoint(rule.types):
        return f"`{rule.id}` is fired by {_listed(rule.types)}"
    return f"`{rule.id}` does not hold"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"


@contextmanager
def _at(*path: str | int) -> Iterator[None]:
    """Gives what is wrong with the example its place."""
    try:
        yield
    except BadExample:
        raise
    except BadFields as wrong:
        raise BadExample(path, wrong) from wrong


def _each_checked(data: Mapping[str, Any], types: Mapping[str, FieldType], path: Path) -> None:
    """Field by field, so that the one that is wrong is known. Raises BadExample."""
    for name in data.keys() & types.keys():
        with _at(*path, name):
            checked({name: data[name]}, {name: types[name]}, f"`{name}`")


def judged(example: Example, policy: LivePolicy, now_ms: int) -> Outcome:
    """The judgement that the example asks for. Raises BadExample."""
    given, when = example.given, example.when
    now_ms = int(when.at.timestamp() * 1000) if when.at else now_ms
    story = _told(example, policy, now_ms)
    for index, response in enumerate(given.responses):
        with _at("given", "responses", index, "offer"):
            story.step.ledger = _answered(story.step.ledger, index, response, when.channel, policy, now_ms)
    goals.judge(story.step, policy)
    before, waiting = story.step.profile, story.step.ledger
    profile, event = before, None
    if when.interaction is not None:
        event = _interaction(when.interaction, ("when", "interaction"), when.channel, policy, now_ms)
        profile = fold(before, event, policy.definition)
        story.happen(event)
    _each_checked(when.context, policy.definition.context, ("when", "context"))
    with _at("when", "context"):
        context = checked(when.context, policy.definition.context, "`context`")
    situation = Situation(SUBJECT, profile, when.channel, now_ms, event, context, before)
    placements = ((when.placement, when.count),)
    values, stock = policy.facts.read(situation), _stock(example, policy)
    facts = Facts(SUBJECT, when.channel, placements, values, waiting, _cells(example, policy), stock)
    judgement = decide(facts, policy.ruleset, NothingLearned(), now_ms, SEED)
    return Outcome(example, policy, judgement, policy.ruleset.classified(facts.values), story.actions)


def _told(example: Example, policy: LivePolicy, now_ms: int) -> Story:
    """The customer as the question finds them."""
    story = Story(SUBJECT, policy, Around(cells=_cells(example, policy), stock=_stock(example, policy)))
    history = _history(example, policy, now_ms)
    for past in history:
        story.happen(past)
    story.until(now_ms)
    if example.given.stage is not None:
        since_ms = history[0].at_ms if history else now_ms
        story.step.profile = structs.replace(story.step.profile, stages=((example.given.stage, since_ms),))
    return story


def _stock(example: Example, policy: LivePolicy) -> dict[str, int]:
    """What is left of each supply that the example names."""
    found, known = {}, policy.ruleset.supplies
    for name, amount in example.given.stock.items():
        with _at("given", "stock", name):
            if name not in known:
                hint = f"it has {', '.join(known)}" if known else "it has no `inventory`, and no `budget`"
                raise BadFields(f"the policy has no stock `{name}`", hint)
        found[name] = counted(name, amount)
    return found


def _cells(example: Example, policy: LivePolicy) -> dict[str, str]:
    """Chance puts nobody of an example into the universal holdout."""
    universal = policy.ruleset.holdout
    if universal is None:
        return example.given.cells
    return {**example.given.cells, universal.program_key: HOLDOUT if example.given.held_out else SERVED}


def _history(example: Example, policy: LivePolicy, now_ms: int) -> list[Interaction]:
    given, channel = example.given, example.when.channel
    events = [
        _interaction(each, ("given", "interactions", index), channel, policy, now_ms)
        for index, each in enumerate(given.interactions)
    ]
    oldest_first = sorted(events, key=lambda each: each.at_ms)
    first_ms = oldest_first[0].at_ms if oldest_first else now_ms - policy.definition.session_idle_ms - 1
    said = []
    if given.attributes:
        _each_checked(given.attributes, policy.definition.attributes, ("given", "attributes"))
        attributes = ExampleInteraction(type=IDENTIFY, data=given.attributes)
        said.append(_interaction(attributes, ("given", "attributes"), channel, policy, first_ms))
    if given.tags:
        said.append(Interaction("given-tags", "example", TAGGED, SUBJECT, "", first_ms, {"tags": list(given.tags)}))
    return [*said, *oldest_first]


def _interaction(given: ExampleInteraction, path: Path, channel: str, policy: LivePolicy, now_ms: int) -> Interaction:
    at_ms = now_ms - (given.ago or 0)
    declared = policy.definition.interactions.get(given.type)
    where = (declared.channel if declared else None) or channel
    name = "-".join(map(str, path))
    event = Interaction(name, "example", given.type, SUBJECT, where, at_ms, given.data)
    if declared:
        _each_checked(given.data, declared.fields, (*path, "data"))
    with _at(*path):
        return policy.definition.typed(event)


def _answered(
    ledger: Ledger, index: int, given: ExampleResponse, channel: str, policy: LivePolicy, now_ms: int
) -> Ledger:
    """The ledger with an offer that was made, and answered, as long ago as the example says."""
    candidates = policy.ruleset.by_offer.get(given.offer, ())
    if not candidates:
        raise BadFields(f"no program has the offer `{given.offer}`")
    candidate, at_ms = candidates[0], now_ms - given.ago
    cell = next(name for name, view in candidate.cells.items() if view.has_offer and not view.cell.holdout)
    entry = LedgerEntry(
        code=f"example-{index}",
        decision=f"example-{index}",
        campaign=candidate.campaign.id,
        program=candidate.program.id,
        cell=cell,
        offer=given.offer,
        treatment=candidate.offer.treatments[0].id,
        channel=channel,
        at_ms=at_ms,
        until_ms=at_ms + policy.definition.reservation_ms,
        logged=True,
        transactional=candidate.offer.kind == "transactional",
    )
    response = ResponseRecord(
        code=entry.code,
        decision=entry.decision,
        outcome=given.outcome,
        outcomes=implied(given.outcome, policy.definition.outcomes),
        at_ms=at_ms,
    )
    return fold_response(replace(ledger, entries=(*ledger.entries, entry)), response)[0]
