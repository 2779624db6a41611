"""Runs the examples written beside the rules, with the very `fold` and `decide` that serve customers."""

from collections.abc import Iterable
from dataclasses import replace

from consumers.live import LivePolicy
from consumers.profile_worker import Step, fold_interaction
from profiles.errors import BadFields
from profiles.facts import Situation
from profiles.fields import checked
from profiles.ledger import fold_response, implied
from profiles.profile import Profile
from rules.arbitration import NothingLearned
from rules.decide import Judgement, decide
from schemas.decision import Facts
from schemas.interaction import IDENTIFY, Interaction
from schemas.ledger import Ledger, LedgerEntry
from schemas.policy import Example, ExampleInteraction, ExampleResponse
from schemas.response import ResponseRecord

SUBJECT = "customer:example"
SEED = 1


def mismatches(example: Example, policy: LivePolicy, now_ms: int) -> list[str]:
    """What the policy does otherwise than the example says; empty if it is right."""
    try:
        judgement = judged(example, policy, now_ms)
    except BadFields as wrong:
        return [f"the example itself is wrong: {wrong.reason}"]
    offers = [each.scored.candidate.offer.id for each in judgement.choices]
    withheld = [each.candidate.offer.id for each in judgement.held_back]
    found = [
        *_differs("offers", example.then.offers, offers, judgement),
        *_differs("withheld", example.then.withheld, withheld, judgement),
    ]
    for offer, reason in example.then.reasons.items():
        given = [each.reason.value for each in judgement.left_out if each.candidate.offer.id == offer]
        if reason not in given:
            found.append(
                f"`{offer}` should be left out as {reason}, but is {', '.join(given) or _state(offer, offers)}"
            )
    return found


def _state(offer: str, offers: Iterable[str]) -> str:
    return "chosen" if offer in offers else "no candidate"


def _differs(what: str, expected: tuple[str, ...] | None, found: list[str], judgement: Judgement) -> list[str]:
    if expected is None or list(expected) == found:
        return []
    why = "; ".join(f"{e.candidate.offer.id}: {e.reason} ({e.detail})" for e in judgement.left_out)
    left_out = f" (left out: {why})" if why else ""
    return [f"{what} should be {list(expected)}, but are {found}{left_out}"]


def judged(example: Example, policy: LivePolicy, now_ms: int) -> Judgement:
    """The judgement that the example asks for. Raises BadFields."""
    given, when = example.given, example.when
    now_ms = int(when.at.timestamp() * 1000) if when.at else now_ms
    step = Step(SUBJECT, Profile(), Ledger())
    for past in _history(example, policy, now_ms):
        fold_interaction(step, past, policy)
    for index, response in enumerate(given.responses):
        step.ledger = _answered(step.ledger, index, response, when.channel, policy, now_ms)
    waiting, before = step.ledger, step.profile
    event: Interaction | None = None
    if when.interaction is not None:
        event = _interaction(when.interaction, "now", when.channel, policy, now_ms)
        fold_interaction(step, event, policy)
    context = checked(when.context, policy.definition.context, "`context`")
    situation = Situation(SUBJECT, step.profile, when.channel, now_ms, event, context, before)
    placements = ((when.placement, when.count),)
    facts = Facts(SUBJECT, when.channel, placements, policy.facts.read(situation), waiting, given.cells)
    return decide(facts, policy.ruleset, NothingLearned(), now_ms, SEED)


def _history(example: Example, policy: LivePolicy, now_ms: int) -> list[Interaction]:
    given, channel = example.given, example.when.channel
    events = [_interaction(each, str(index), channel, policy, now_ms) for index, each in enumerate(given.interactions)]
    oldest_first = sorted(events, key=lambda each: each.at_ms)
    if not given.attributes:
        return oldest_first
    attributes = ExampleInteraction(type=IDENTIFY, data=given.attributes)
    first_ms = oldest_first[0].at_ms if oldest_first else now_ms - policy.definition.session_idle_ms - 1
    return [_interaction(attributes, "attributes", channel, policy, first_ms), *oldest_first]


def _interaction(given: ExampleInteraction, name: str, channel: str, policy: LivePolicy, now_ms: int) -> Interaction:
    at_ms = now_ms - (given.ago or 0)
    declared = policy.definition.interactions.get(given.type)
    where = (declared.channel if declared else None) or channel
    event = Interaction(name, "example", given.type, SUBJECT, where, at_ms, given.data)
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
