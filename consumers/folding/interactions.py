"""Interactions: profile, timers, scorecard count, links, and what follows from the rules they fire."""

from functools import lru_cache

from consumers.dead_letters import decoded
from consumers.folding import goals
from consumers.folding.emitted import say_once
from consumers.folding.fired import fold_fired
from consumers.folding.identities import link
from consumers.folding.ledgers import visit_ended
from consumers.folding.rules import react
from consumers.folding.sessions import set_timer, summaries
from consumers.folding.step import DAY_MS, Step
from consumers.folding.visits import place, set_timers
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.said import SAID
from profiles import ledger as ledgers
from profiles.errors import BadFields
from profiles.fold import fold, not_after
from schemas.interaction import SESSION_ENDED, TIMER_FIRED, CloudEvent, Interaction, from_cloud_event
from schemas.logged import as_we_wrote_it

CLOCK_NOISE_MS = 1_000
"""An event may be ahead of the log's clock by so much before it is counted as one from the future."""


def fold_record(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    """Raises Undecodable and BadFields."""
    event = _event(record, policy)
    if step.around.again and event.type in SAID:
        return  # it follows again from what it followed from
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
        return from_cloud_event(event, record.first_ms or record.at_ms, policy.definition.identifiers, record.subject)
    except ValueError as cause:
        raise BadFields(str(cause)) from cause


def fold_interaction(step: Step, interaction: Interaction, policy: LivePolicy) -> None:
    """One typed interaction. The rules of somebody who belongs to another one are that one's to judge."""
    before, folded = step.profile, fold(step.profile, interaction, policy.definition)
    if folded is before:
        return
    over = summaries(step, folded, interaction, policy)
    step.profile = folded
    goals.record(step, interaction, policy)
    for summary in over:
        say_once(step, summary, policy)
    if interaction.type == TIMER_FIRED:
        fold_fired(step, interaction, policy)
        return
    _count_interaction(step, interaction)
    if interaction.type == SESSION_ENDED:
        visit_ended(step, interaction, policy)
    if not before.visits:
        set_timer(step, before, interaction, policy)
    if interaction.links:
        link(step, interaction, policy.definition)
    if step.identity.owner is not None:
        step.passed.append(interaction)
        return
    if not step.identity.sources and not before.visits:
        react(step, before, folded, interaction, policy)
        return
    known, now_known = step.whole(before, policy.definition), step.whole(folded, policy.definition)
    if before.visits:
        place(step, interaction, known, now_known, policy)
        set_timers(step, before, policy.definition)
    react(step, known, now_known, interaction, policy)


def fold_said(step: Step, policy: LivePolicy) -> None:
    """What the record in hand has made the step say, in order, and what that makes it say: no end of a visit follows
    from one, and no change of stage from another."""
    while step.said:
        fold_interaction(step, step.said[0], policy)
        del step.said[0]


def _count_interaction(step: Step, interaction: Interaction) -> None:
    step.counts[_name_of(interaction.at_ms // DAY_MS, interaction.type, interaction.channel)] += 1


@lru_cache(maxsize=10_000)
def _name_of(day: int, interaction_type: str, channel: str) -> str:
    return f"{ledgers.day(day * DAY_MS)}|interactions|{interaction_type}|{channel}"
