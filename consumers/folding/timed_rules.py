"""Rules that a time fires: their timers are set, replaced and cancelled while interactions are folded, and judged when
they have fired.

    after X, absent Y   the newest X sets it; a Y cancels it if x < y <= x + within, also one that came before a late X.
                        An X that is older than `within` when it arrives sets nothing
    at                  set to the moment that follows from the facts, after every fold; one that is over sets nothing
    inactive            set once; when it fires too early, because something happened meanwhile, it is set again

The profile has the truth (`profiles/waiting.py`). A timer of a rule that is gone does nothing when it fires. Whoever
belongs to somebody else by then passes an `after` on to the owner, who has the whole story; the owner's own timers see
to `at` and `inactive`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from consumers.folding.occasion import Occasion
from consumers.folding.step import Step
from consumers.folding.triggers import follow
from consumers.live import LivePolicy
from profiles.aggregates import digest
from profiles.facts import Situation
from profiles.fold import event_value
from profiles.profile import Profile
from profiles.waiting import Pending, Waiting, restored
from rules.timing import After, At, Inactive, Timed
from schemas.interaction import Interaction

AFTER, AT, INACTIVE = "after", "at", "inactive"


def watch(step: Step, before: Profile, after: Profile, interaction: Interaction, policy: LivePolicy) -> None:
    """Sets, replaces and cancels after an interaction. `before` and `after`: all that is known of the customer."""
    timed = policy.ruleset.timed
    if not timed:
        return
    waiting = Waiting(step.profile)
    newest_ms = after.last or interaction.at_ms
    for rule in timed.listening.get(interaction.type, ()):
        _listen(waiting, rule, interaction, newest_ms)
    for each in timed.inactive.values():
        if newest_ms != before.last and f"{INACTIVE}:{each.rule.id}" not in waiting.pending:
            waiting.set(f"{INACTIVE}:{each.rule.id}", newest_ms + each.span_ms)
    if timed.at:
        now_ms = max(step.now_ms, interaction.at_ms)
        values = policy.moments.read(Situation(step.subject, after, "", now_ms))
        for at in timed.at.values():
            _foresee(waiting, at, values, now_ms)
    _take(step, waiting)


def _take(step: Step, waiting: Waiting) -> None:
    step.profile = waiting.into(step.profile)
    step.timers.update(waiting.timers)
    step.dropped += waiting.dropped


def _listen(waiting: Waiting, rule: After, event: Interaction, newest_ms: int) -> None:
    name = _timer_of(rule, event)
    if name is None:
        return
    at_ms = event.at_ms
    started, absent, until = waiting.seen(name)
    if event.type in rule.absent:
        absent = max(absent, at_ms)
        if _cancels(at_ms, waiting.pending.get(name)):
            waiting.cancel(name)
    if event.type in rule.starting and at_ms > started and at_ms + rule.within_ms > newest_ms:
        started = at_ms
        waiting.set(name, at_ms + rule.within_ms, event)
        if _cancels(absent, waiting.pending.get(name)):
            waiting.cancel(name)
    waiting.saw(name, [started, absent, max(until, at_ms + rule.within_ms)], newest_ms)


def _timer_of(rule: After, event: Interaction) -> str | None:
    """The timer that an event is about; None if it does not carry the key."""
    if not rule.by:
        return f"{AFTER}:{rule.rule.id}"
    key = event_value(event, rule.by)
    return f"{AFTER}:{rule.rule.id}:{digest(key)}" if isinstance(key, str) else None


def _cancels(absent_ms: int, pending: Pending | None) -> bool:
    return pending is not None and pending.event is not None and pending.event["at"] < absent_ms <= pending.due


def _foresee(waiting: Waiting, at: At, values: Mapping[str, Any], now_ms: int) -> None:
    """Keeps a moment that is still right, also one that is due and has not been folded yet."""
    name = f"{AT}:{at.rule.id}"
    pending = waiting.pending.get(name)
    if pending is not None and at.due_ms(values, pending.due - 1) == pending.due:
        return
    due_ms = at.due_ms(values, now_ms)
    if due_ms is None:
        waiting.cancel(name)
    else:
        waiting.set(name, due_ms)


# when they have fired


def after_fired(step: Step, fired: Interaction, policy: LivePolicy) -> None:
    name, waiting = fired.data["timer"], Waiting(step.profile)
    pending = waiting.taken(name, fired.at_ms)
    if pending is None:
        return
    absent_ms = waiting.seen(name)[1]
    _take(step, waiting)
    if step.identity.owner is not None:
        step.passed.append(replace(fired, data={**fired.data, "pending": pending.as_json()}))
    else:
        _judge_after(step, name, pending, absent_ms, fired, policy)


def after_passed(step: Step, fired: Interaction, parts: Iterable[Profile], policy: LivePolicy) -> None:
    """An `after` that was set for somebody before they turned out to be this customer."""
    if "pending" not in fired.data:
        return
    name, pending = fired.data["timer"], Pending(**fired.data["pending"])
    absent_ms = max(Waiting(each).seen(name)[1] for each in (step.profile, *parts))
    _judge_after(step, name, pending, absent_ms, fired, policy)


def _judge_after(
    step: Step, name: str, pending: Pending, absent_ms: int, fired: Interaction, policy: LivePolicy
) -> None:
    rule = policy.ruleset.timed.after.get(_rule_of(name))
    if rule is not None and pending.event is not None and not _cancels(absent_ms, pending):
        _judge(step, rule, restored(pending.event, fired.subject), fired, policy)


def at_fired(step: Step, fired: Interaction, policy: LivePolicy) -> None:
    name, waiting = fired.data["timer"], Waiting(step.profile)
    if waiting.taken(name, fired.at_ms) is None:
        return
    rule = policy.ruleset.timed.at.get(_rule_of(name))
    now_ms = max(step.now_ms, fired.at_ms)
    if rule is not None and rule.every is not None:
        situation = Situation(step.subject, step.whole(step.profile, policy.definition), "", now_ms)
        _foresee(waiting, rule, policy.moments.read(situation), now_ms)
    _take(step, waiting)
    if rule is not None:
        _judge(step, rule, fired, fired, policy)


def inactive_fired(step: Step, fired: Interaction, policy: LivePolicy) -> None:
    name, waiting = fired.data["timer"], Waiting(step.profile)
    if waiting.taken(name, fired.at_ms) is None:
        return
    rule = policy.ruleset.timed.inactive.get(_rule_of(name))
    due_ms = _still_to_come(rule, step.whole(step.profile, policy.definition), fired.at_ms)
    if due_ms is not None:
        waiting.set(name, due_ms)
    _take(step, waiting)
    if rule is not None and due_ms is None:
        _judge(step, rule, fired, fired, policy)


def _still_to_come(rule: Inactive | None, profile: Profile, fired_ms: int) -> int | None:
    """When the customer will have been inactive for long enough, if that is not now."""
    due_ms = (profile.last or 0) + rule.span_ms if rule is not None else 0
    return due_ms if due_ms > fired_ms else None


def _rule_of(timer: str) -> str:
    return timer.split(":")[1]


def _judge(step: Step, timed: Timed, event: Interaction, fired: Interaction, policy: LivePolicy) -> None:
    """The rule's `if`, with the facts of the moment."""
    if step.identity.owner is not None:
        return
    now_ms, whole = max(step.now_ms, fired.at_ms), step.whole(step.profile, policy.definition)
    occasion = Occasion(event, fired, before=None, after=whole, now_ms=now_ms)
    if timed.condition is None or timed.holds(occasion.facts(policy)):
        follow(step, (timed.rule,), occasion, policy)
