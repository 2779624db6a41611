"""The profile worker's judgement: what a customer's new log records make of that customer. Pure.

    interactions → profile, timers, what follows from the rules they fire: proposals, actions
    decisions    → ledger: reservations confirmed, answers awaited
    responses    → ledger: outcomes
    goals        → ledger: outcomes inferred from interactions, once and in any order
    identities   → whose an identifier is, and what it passes on

A record that cannot be folded goes to the dead letters with the reason and the original bytes; the rest of the
batch goes on.
"""

from consumers.folding.interactions import fold_interaction, fold_said
from consumers.folding.ledgers import fold_decision
from consumers.folding.profile_fold import ProfileFold
from consumers.folding.step import Around, Step

__all__ = ["Around", "ProfileFold", "Step", "fold_decision", "fold_interaction", "fold_said"]
