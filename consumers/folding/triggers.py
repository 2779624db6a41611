"""What follows from rules that were fired: proposals that wait, and actions.

A function of what was fired and of the profile before and after, so that it can be called with the facts of more than
one part of a customer.
"""

from collections.abc import Iterable

from consumers.folding.actions import act
from consumers.folding.occasion import Occasion
from consumers.folding.step import Step
from consumers.live import LivePolicy
from profiles import ledger as ledgers
from rules.ruleset import proposals
from schemas.policy import Rule


def follow(step: Step, rules: Iterable[Rule], occasion: Occasion, policy: LivePolicy) -> None:
    """Puts into the step what these rules propose and do."""
    fired = tuple(rules)
    if not fired:
        return
    waiting = proposals(fired, occasion.at_ms)
    if waiting:
        newest_ms = max(occasion.at_ms, occasion.after.last or occasion.at_ms)
        step.ledger = ledgers.proposed(step.ledger, waiting, newest_ms)
    for rule in fired:
        if rule.act:
            act(step, rule, occasion, policy)
