"""Candidates weighed against each other, before any of them is chosen."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from rules.arbitration import Scored
from rules.candidates import Candidate
from rules.funnel import Funnel
from rules.left_out import Fallen, LeftOut, one_by_one


class Weighed(Struct, frozen=True):
    """The candidates before the slots are filled: who has fallen by then, and in which order the others come."""

    funnel: Funnel
    pushed: Mapping[str, float]
    """By offer that is proposed, unless it is merely always on, Σ(boost − 1)."""
    order: Sequence[Scored]
    """Best first."""
    propensities: Sequence[float]
    """Of `surviving`."""
    surviving: Sequence[Candidate]
    fallen: Sequence[Fallen]

    @property
    def boosts(self) -> Mapping[str, float]:
        """By offer that is a candidate."""
        return {**self.funnel.ruleset.always_boosts, **self.pushed}

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(one_by_one(self.fallen))
