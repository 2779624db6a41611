"""What the rules make of an interaction: what those do that it fires, and the timers of those that a time fires."""

from collections.abc import Mapping
from typing import Any

from consumers.folding import lifecycle
from consumers.folding.occasion import Occasion
from consumers.folding.step import Step
from consumers.folding.timed_rules import watch
from consumers.folding.triggers import follow
from consumers.live import LivePolicy
from profiles.profile import Profile
from schemas.interaction import Interaction


def react(step: Step, before: Profile, after: Profile, interaction: Interaction, policy: LivePolicy) -> None:
    """What the rules that the interaction fires propose and do, the timers that it sets, and the customer's stage.
    `before` and `after`: all that is known of the customer."""
    occasion = Occasion(interaction, interaction, before, after, max(step.now_ms, interaction.at_ms))
    follow(step, policy.ruleset.fired(event_facts(occasion, policy)), occasion, policy)
    watch(step, before, after, interaction, policy)
    lifecycle.record(step, lifecycle.judged(step.subject, after, interaction, policy), policy)


def event_facts(occasion: Occasion, policy: LivePolicy) -> Mapping[str, Any]:
    """What rules see when an interaction fires them; nothing where no rule listens."""
    return occasion.facts(policy) if occasion.event.type in policy.ruleset.rules_of else {}
