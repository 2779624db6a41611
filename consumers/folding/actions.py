"""What a fired rule does: entries of call lists, nudges to an open desktop, messages to the customer.

Each becomes a record of the stream of actions, in the commit of the fold that took it. Its id follows from the rule
and the event, so that it is the same however often the event is folded.
"""

from zoneinfo import ZoneInfo

from msgspec.structs import replace

from consumers.folding.messages import message
from consumers.folding.occasion import Occasion
from consumers.folding.step import Step
from consumers.live import LivePolicy
from profiles.store import ACTIONS, Record
from rules import codes
from rules.texts import names, rendered
from schemas.action import Action, EventRef
from schemas.base import rfc3339
from schemas.policy import Rule

MOST_HELD_BACK = 50
"""Actions of which a profile remembers when they were last taken."""


def act(step: Step, rule: Rule, occasion: Occasion, policy: LivePolicy) -> None:
    for index, what in enumerate(rule.act):
        held = f"{rule.id}/{index}"
        if what.at_most_once and occasion.now_ms - step.profile.acted.get(held, -what.at_most_once) < what.at_most_once:
            continue
        taken = _taken(step, rule, index, occasion, policy)
        if taken is None:
            continue
        step.records.append(Record(ACTIONS, taken.id, step.subject, taken.model_dump_json(exclude_none=True).encode()))
        step.taken.append(taken.kind)
        if what.at_most_once:
            acted = sorted({**step.profile.acted, held: occasion.now_ms}.items(), key=lambda each: each[1])
            step.profile = replace(step.profile, acted=dict(acted[-MOST_HELD_BACK:]))


def _taken(step: Step, rule: Rule, index: int, occasion: Occasion, policy: LivePolicy) -> Action | None:
    """The action; None for a message that nobody may or needs to get."""
    what = rule.act[index]
    action = _action(step, rule, index, occasion, policy)
    match what.kind:
        case "call_list":
            text = _text(what.note, occasion, policy)
            return action.model_copy(update={"list": what.call_list, "priority": what.priority, "text": text})
        case "nudge":
            channel = what.channel or policy.ruleset.desktops.get(str(what.nudge))
            text = _text(what.text, occasion, policy)
            return action.model_copy(update={"channel": channel, "placement": what.nudge, "text": text})
        case "message":
            return message(step, rule, what, action, occasion, policy)


def _action(step: Step, rule: Rule, index: int, occasion: Occasion, policy: LivePolicy) -> Action:
    kind, _, name = step.subject.partition(":")
    what, event = rule.act[index], occasion.event
    number = codes.hashed("action", step.subject, occasion.cause.identity, rule.id, str(index))
    return Action(
        id=codes.decision_id(step.around.shard, number),
        kind=what.kind,
        rule=rule.id,
        customer=name if kind == "customer" else None,
        visitor=name if kind == "visitor" else None,
        at=rfc3339(occasion.now_ms),
        expires=rfc3339(occasion.now_ms + what.lasts_ms),
        event=EventRef(source=event.source, id=event.id, type=event.type),
        policy=policy.revision,
    )


def _text(text: str, occasion: Occasion, policy: LivePolicy) -> str:
    if not names(text):
        return rendered(text, {}, ZoneInfo("UTC"))
    return rendered(text, occasion.written(policy), ZoneInfo(policy.ruleset.policy.policy.time_zone))
