"""The profile worker's judgement: what a customer's new log records make of that customer. Pure.

    interactions → profile, session timer, proposals of the rules they fire
    decisions    → ledger: reservations confirmed
    responses    → ledger: outcomes
    identities   → whose an identifier is, and what it passes on

A record that cannot be folded goes to the dead letters with the reason and the original bytes; the rest of the
batch goes on.
"""

from consumers.folding.interactions import fold_interaction
from consumers.folding.profile_fold import ProfileFold
from consumers.folding.rules import event_facts
from consumers.folding.step import Step

__all__ = ["ProfileFold", "Step", "event_facts", "fold_interaction"]
