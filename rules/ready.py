"""What can be said of a candidate before anybody asks: made once per revision, when it is first needed or the policy is
compiled, and only read from then on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rules.arbitration import Scored, alone
from rules.candidates import LEVELS, Above, Candidate, CellView
from rules.language import Quick
from rules.left_out import LeftOut, left_out
from rules.reasons import Reason
from schemas.policy import Arbitration


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition of the candidate's own."""

    level: int
    quick: Quick
    if_false: LeftOut
    """What follows if it is false where all before it hold."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A candidate that is live and worded, whatever the facts are, and what its cell means for it."""

    candidate: Candidate
    above: Above
    own: tuple[Asked, ...]
    """Its own conditions, in their order."""
    inherited: tuple[LeftOut, ...]
    """What follows if one of the conditions above is false where all before it hold; in their order."""
    looks_at_offer: bool
    """One of all these conditions does."""
    is_free: bool
    """There is as much of it as one likes."""
    other_cell: LeftOut | None
    """What follows where nothing else stands against it, as the cell has other offers."""
    alone: Scored


@dataclass(slots=True)
class Prepared:
    """By candidate."""

    arbitration: Arbitration
    _alone: dict[str, Scored] = field(init=False, default_factory=dict)
    _ready: dict[str, Mapping[str, Ready]] = field(init=False, default_factory=dict)
    _unworded: dict[tuple[str, str], LeftOut] = field(init=False, default_factory=dict)

    def alone(self, candidate: Candidate) -> Scored:
        found = self._alone.get(candidate.key)
        if found is None:
            found = self._alone[candidate.key] = alone(candidate, self.arbitration)
        return found

    def unworded(self, candidate: Candidate, channel: str) -> LeftOut:
        """It has no words for what was asked for on this channel."""
        found = self._unworded.get((candidate.key, channel))
        if found is None:
            found = left_out(candidate, Reason.NO_TREATMENT, f"channel {channel}")
            self._unworded[candidate.key, channel] = found
        return found

    def ready(self, candidate: Candidate) -> Mapping[str, Ready]:
        """By cell of its program; one and the same where that makes no difference."""
        found = self._ready.get(candidate.key)
        if found is None:
            cells = {cell: self._in_cell(candidate, view) for cell, view in candidate.cells.items()}
            first = next(iter(cells.values()))
            found = {cell: first if each == first else each for cell, each in cells.items()}
            self._ready[candidate.key] = found
        return found

    def _in_cell(self, candidate: Candidate, view: CellView) -> Ready:
        above = zip(view.above.conditions, view.said_above, strict=True)
        return Ready(
            candidate=candidate,
            above=view.above,
            own=tuple(
                Asked(level, owned.condition.quick(), left_out(candidate, LEVELS[level][1], owned.said))
                for level, owned in view.own
            ),
            inherited=tuple(left_out(candidate, LEVELS[level][1], said) for (level, _), said in above),
            looks_at_offer=view.looks_at_offer,
            is_free=not candidate.takes,
            other_cell=None if view.has_offer else left_out(candidate, Reason.OTHER_CELL, f"cell {view.cell.id}"),
            alone=self.alone(candidate),
        )
