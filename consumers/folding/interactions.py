"""Interactions: profile, timers, scorecard count, and what follows from the rules they fire."""

from collections.abc import Mapping
from typing import Any

from consumers.folding.fired import fold_fired
from consumers.folding.occasion import Occasion
from consumers.folding.step import Step
from consumers.folding.timed_rules import watch
from consumers.folding.triggers import follow
from consumers.live import LivePolicy
from consumers.log import LogRecord
from profiles import ledger as ledgers
from profiles.fold import fold, not_after
from schemas.interaction import TIMER_FIRED, CloudEvent, Interaction, from_cloud_event

CLOCK_NOISE_MS = 1_000
"""An event may be ahead of the log's clock by so much before it is counted as one from the future."""


def fold_record(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    """Raises ValidationError and BadFields."""
    event = from_cloud_event(CloudEvent.model_validate_json(record.body), record.at_ms)
    typed = event if event.policy is not None else policy.definition.typed(event)
    timely = not_after(record.at_ms, typed)
    if event.at_ms - timely.at_ms > CLOCK_NOISE_MS:
        step.early += 1
    fold_interaction(step, timely, policy)


def fold_interaction(step: Step, interaction: Interaction, policy: LivePolicy) -> None:
    """One typed interaction: profile, timers, scorecard count, and what follows from the rules it fires."""
    before, folded = step.profile, fold(step.profile, interaction, policy.definition)
    if folded is before:
        return
    if interaction.type == TIMER_FIRED:
        fold_fired(step, folded, interaction, policy)
        return
    occasion = Occasion(interaction, interaction, before, folded, max(step.now_ms, interaction.at_ms))
    fired = policy.ruleset.fired(event_facts(occasion, policy))
    step.profile = folded
    _count_interaction(step, interaction)
    session, earlier = (each.sessions.get(interaction.channel) for each in (folded, before))
    if session is not None and (earlier is None or session.last != earlier.last):
        step.timers[f"session:{interaction.channel}"] = session.last + policy.definition.session_idle_ms
    follow(step, fired, occasion, policy)
    watch(step, before, interaction, policy)


def event_facts(occasion: Occasion, policy: LivePolicy) -> Mapping[str, Any]:
    """What rules see when an interaction fires them; nothing where no rule listens."""
    return occasion.facts(policy) if occasion.event.type in policy.ruleset.rules_of else {}


def _count_interaction(step: Step, interaction: Interaction) -> None:
    day = ledgers.day(interaction.at_ms)
    step.counts[f"{day}|interactions|{interaction.type}|{interaction.channel}"] += 1
