"""Interactions: profile, session timer, scorecard count, and what the rules propose."""

from collections.abc import Mapping
from typing import Any

from consumers.folding import lifecycle
from consumers.folding.fired import fold_fired
from consumers.folding.sessions import set_timer, summaries
from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.log import LogRecord
from profiles import ledger as ledgers
from profiles.facts import Situation
from profiles.fold import fold, not_after
from profiles.profile import Profile
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
    step.now_ms = record.at_ms
    fold_interaction(step, timely, policy)


def fold_interaction(step: Step, interaction: Interaction, policy: LivePolicy) -> None:
    """One typed interaction: profile, session timer, scorecard count, and what the rules propose."""
    before, folded = step.profile, fold(step.profile, interaction, policy.definition)
    if folded is before:
        return
    said = summaries(step, folded, interaction, policy)
    if interaction.type == TIMER_FIRED:
        step.records += said
        fold_fired(step, folded, interaction, policy)
        return
    proposals = policy.ruleset.proposals(event_facts(before, folded, interaction, policy), interaction.at_ms)
    stage = lifecycle.judged(step.subject, folded, interaction, policy)
    # from here on nothing can fail: a record is folded whole or not at all
    step.profile = folded
    step.records += said
    _count_interaction(step, interaction)
    set_timer(step, before, interaction, policy)
    lifecycle.record(step, stage, policy)
    if proposals:
        newest_ms = max(interaction.at_ms, folded.last or interaction.at_ms)
        step.ledger = ledgers.proposed(step.ledger, proposals, newest_ms)


def event_facts(before: Profile, after: Profile, interaction: Interaction, policy: LivePolicy) -> Mapping[str, Any]:
    """What rules see when an interaction fires them; nothing where no rule listens."""
    if interaction.type not in policy.ruleset.rules_of:
        return {}
    channel, at_ms = interaction.channel, interaction.at_ms
    situation = Situation(interaction.subject, after, channel, at_ms, interaction, before=before)
    return policy.ruleset.classified(policy.facts.read(situation))


def _count_interaction(step: Step, interaction: Interaction) -> None:
    day = ledgers.day(interaction.at_ms)
    step.counts[f"{day}|interactions|{interaction.type}|{interaction.channel}"] += 1
