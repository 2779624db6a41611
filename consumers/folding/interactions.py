"""Interactions: profile, timers, scorecard count, links, and what follows from the rules they fire."""

from pydantic import ValidationError

from consumers.folding.fired import fold_fired
from consumers.folding.identities import link
from consumers.folding.rules import react
from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.log import LogRecord
from profiles import ledger as ledgers
from profiles.errors import BadFields
from profiles.fold import fold, not_after
from schemas.interaction import TIMER_FIRED, Interaction
from schemas.logged import read_interaction

CLOCK_NOISE_MS = 1_000
"""An event may be ahead of the log's clock by so much before it is counted as one from the future."""


def fold_record(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    """Raises ValidationError and BadFields."""
    event = _event(record, policy)
    typed = event if event.policy is not None else policy.definition.typed(event)
    timely = not_after(record.at_ms, typed)
    if event.at_ms - timely.at_ms > CLOCK_NOISE_MS:
        step.early += 1
    fold_interaction(step, timely, policy)


def _event(record: LogRecord, policy: LivePolicy) -> Interaction:
    try:
        return read_interaction(record.body, record.at_ms, record.subject, policy.definition.identifiers)
    except ValidationError:
        raise
    except ValueError as cause:
        raise BadFields(str(cause)) from cause


def fold_interaction(step: Step, interaction: Interaction, policy: LivePolicy) -> None:
    """One typed interaction. The rules of somebody who belongs to another one are that one's to judge."""
    before, folded = step.profile, fold(step.profile, interaction, policy.definition)
    if folded is before:
        return
    if interaction.type == TIMER_FIRED:
        fold_fired(step, folded, interaction, policy)
        return
    step.profile = folded
    _count_interaction(step, interaction)
    session, earlier = (each.sessions.get(interaction.channel) for each in (folded, before))
    if session is not None and (earlier is None or session.last != earlier.last):
        step.timers[f"session:{interaction.channel}"] = session.last + policy.definition.session_idle_ms
    link(step, interaction, policy.definition)
    if step.identity.owner is not None:
        step.passed.append(interaction)
        return
    whole_before, whole = (step.whole(each, policy.definition) for each in (before, folded))
    react(step, whole_before, whole, interaction, policy)


def _count_interaction(step: Step, interaction: Interaction) -> None:
    day = ledgers.day(interaction.at_ms)
    step.counts[f"{day}|interactions|{interaction.type}|{interaction.channel}"] += 1
