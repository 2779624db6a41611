"""What the rules make of an interaction: what those do that it fires, and the timers of those that a time fires."""

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
    group = policy.ruleset.rules_of.get(interaction.type)
    if group is not None:
        occasion = Occasion(interaction, interaction, before, after, max(step.now_ms, interaction.at_ms))
        follow(step, group.fired(occasion.fired_facts(policy)), occasion, policy)
    if policy.ruleset.timed:
        watch(step, before, after, interaction, policy)
    if policy.stage_classes.stages:
        lifecycle.record(step, lifecycle.judged(step.subject, after, interaction, policy), policy)
