"""Interactions: profile, timers, scorecard count, links, and what follows from the rules they fire."""

from consumers.dead_letters import decoded
from consumers.folding.fired import fold_fired
from consumers.folding.identities import link
from consumers.folding.rules import react
from consumers.folding.sessions import set_timer, summaries
from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.log import LogRecord
from profiles import ledger as ledgers
from profiles.errors import BadFields
from profiles.fold import fold, not_after
from schemas.interaction import TIMER_FIRED, CloudEvent, Interaction, from_cloud_event
from schemas.logged import as_we_wrote_it

CLOCK_NOISE_MS = 1_000
"""An event may be ahead of the log's clock by so much before it is counted as one from the future."""


def fold_record(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    """Raises Undecodable and BadFields."""
    event = _event(record, policy)
    typed = event if event.policy is not None else policy.definition.typed(event)
    timely = not_after(record.at_ms, typed)
    if event.at_ms - timely.at_ms > CLOCK_NOISE_MS:
        step.early += 1
    step.now_ms = record.at_ms
    fold_interaction(step, timely, policy)


def _event(record: LogRecord, policy: LivePolicy) -> Interaction:
    if (written := as_we_wrote_it(record.body, record.subject)) is not None:
        return written
    event = decoded(CloudEvent.model_validate_json, record.body)
    try:
        return from_cloud_event(event, record.at_ms, policy.definition.identifiers, record.subject)
    except ValueError as cause:
        raise BadFields(str(cause)) from cause


def fold_interaction(step: Step, interaction: Interaction, policy: LivePolicy) -> None:
    """One typed interaction. The rules of somebody who belongs to another one are that one's to judge."""
    before, folded = step.profile, fold(step.profile, interaction, policy.definition)
    if folded is before:
        return
    said = summaries(step, folded, interaction, policy)
    if interaction.type == TIMER_FIRED:
        step.records += said
        fold_fired(step, folded, interaction, policy)
        return
    step.profile = folded
    step.records += said
    _count_interaction(step, interaction)
    set_timer(step, before, interaction, policy)
    link(step, interaction, policy.definition)
    if step.identity.owner is not None:
        step.passed.append(interaction)
        return
    react(step, step.whole(before, policy.definition), step.whole(folded, policy.definition), interaction, policy)


def _count_interaction(step: Step, interaction: Interaction) -> None:
    day = ledgers.day(interaction.at_ms)
    step.counts[f"{day}|interactions|{interaction.type}|{interaction.channel}"] += 1
