"""What the rules make of an interaction."""

from collections.abc import Mapping
from typing import Any

from consumers.folding import lifecycle
from consumers.folding.step import Step
from consumers.live import LivePolicy
from profiles import ledger as ledgers
from profiles.facts import Situation
from profiles.profile import Profile
from schemas.interaction import Interaction


def react(step: Step, before: Profile, after: Profile, interaction: Interaction, policy: LivePolicy) -> None:
    """Proposals of the rules that the interaction fires, and the stage of the lifecycle. `before` and `after`: all that
    is known of the customer."""
    proposals = policy.ruleset.proposals(event_facts(before, after, interaction, policy), interaction.at_ms)
    if proposals:
        newest_ms = max(interaction.at_ms, after.last or interaction.at_ms)
        step.ledger = ledgers.proposed(step.ledger, proposals, newest_ms)
    lifecycle.record(step, lifecycle.judged(step.subject, after, interaction, policy), policy)


def event_facts(before: Profile, after: Profile, interaction: Interaction, policy: LivePolicy) -> Mapping[str, Any]:
    """What rules see when an interaction fires them; nothing where no rule listens."""
    if interaction.type not in policy.ruleset.rules_of:
        return {}
    channel, at_ms = interaction.channel, interaction.at_ms
    situation = Situation(interaction.subject, after, channel, at_ms, interaction, before=before)
    return policy.ruleset.classified(policy.facts.read(situation))
