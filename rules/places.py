"""Which candidates have words for a place: an index, so that offers for other places cost next to nothing.

A candidate that has none there is left out with a sentence that is the same for everybody, so that it is made once. One
with dates is looked at each time, since that it is not live comes first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rules.arbitration import Scored, alone
from rules.candidates import LEVELS, Above, Candidate, CellView
from rules.language import Condition
from rules.left_out import LeftOut, Together, left_out
from rules.reasons import Reason
from rules.treatments import Wording
from schemas.policy import Arbitration

MOST_KEPT = 200
"""How many combinations of placements are remembered: who asks names them."""


class Ready(NamedTuple):
    """A candidate that is live and worded, whatever the facts are, and what its cell means for it."""

    candidate: Candidate
    own: tuple[tuple[int, Condition, LeftOut], ...]
    """Its own conditions, each with its level and what follows if it is false where all before it hold."""
    inherited: tuple[LeftOut, ...]
    """What follows if one of the conditions above is false where all before it hold; in their order."""
    looks_at_offer: bool
    """One of all these conditions does."""
    is_plain: bool
    """Every cell has it or holds it back, and there is as much of it as one likes."""
    alone: Scored


class Section(NamedTuple):
    """Candidates that inherit the same conditions."""

    above: Above
    ready: tuple[Ready, ...]


class Block(NamedTuple):
    """The candidates of one program; or of several, where no condition depends on the customer's cell."""

    first: Candidate
    everywhere: Section | None
    """In whatever cell."""
    cells: Mapping[str, Section]
    """By cell, where that depends on it."""


class Group(NamedTuple):
    """The candidates of some offers at some placements of a channel."""

    blocks: tuple[Block, ...]
    samples: tuple[Candidate, ...]
    """One candidate in these of each class and purpose."""
    to_judge: tuple[Scored, ...]
    """Those with dates, or with facts in their texts: whether they can be made depends on the moment."""
    unworded: Together | None


@dataclass(frozen=True, slots=True)
class Place:
    always: Group
    """The offers that are always on."""
    by_offer: Mapping[str, Group]
    """All others."""


@dataclass(slots=True)
class Places:
    always: Sequence[str]
    by_offer: Mapping[str, tuple[Candidate, ...]]
    arbitration: Arbitration
    _known: dict[tuple[str, tuple[str, ...]], Place] = field(init=False, default_factory=dict)
    _alone: dict[str, Scored] = field(init=False, default_factory=dict)

    def at(self, channel: str, placements: tuple[str, ...]) -> Place:
        found = self._known.get((channel, placements))
        if found is None:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            found = self._known[channel, placements] = self._place(channel, placements)
        return found

    def _place(self, channel: str, placements: tuple[str, ...]) -> Place:
        always = [each for offer in self.always for each in self.by_offer.get(offer, ())]
        others = {name: each for name, each in self.by_offer.items() if name not in set(self.always)}
        return Place(
            always=self._group(always, channel, placements),
            by_offer={name: self._group(each, channel, placements) for name, each in others.items()},
        )

    def _group(self, candidates: Iterable[Candidate], channel: str, placements: tuple[str, ...]) -> Group:
        ready: dict[str, list[Candidate]] = {}
        to_judge, unworded = [], []
        for each in candidates:
            wordings = [each.wordings[channel, name] for name in placements if (channel, name) in each.wordings]
            if each.periods or (wordings and not any(_is_plain(found) for found in wordings)):
                to_judge.append(self.alone(each))
            elif wordings:
                ready.setdefault(each.program_key, []).append(each)
            else:
                unworded.append(left_out(each, Reason.NO_TREATMENT, f"channel {channel}"))
        return Group(
            blocks=tuple(self._blocks(ready.values())),
            samples=tuple({each.manner: each for found in ready.values() for each in found}.values()),
            to_judge=tuple(to_judge),
            unworded=Together(unworded) if unworded else None,
        )

    def alone(self, candidate: Candidate) -> Scored:
        found = self._alone.get(candidate.key)
        if found is None:
            found = self._alone[candidate.key] = alone(candidate, self.arbitration)
        return found

    def _blocks(self, programs: Iterable[Sequence[Candidate]]) -> Iterator[Block]:
        """Programs that follow each other and inherit the same in every cell are one block."""
        waiting: list[Block] = []
        for candidates in programs:
            block = self._block(candidates)
            if waiting and not _same_above(waiting[-1], block):
                yield _together(waiting)
                waiting = []
            waiting.append(block)
        if waiting:
            yield _together(waiting)

    def _block(self, candidates: Sequence[Candidate]) -> Block:
        first = candidates[0]
        cells = {cell.id: self._section(cell.id, candidates) for cell in first.program.cells}
        everywhere, *others = cells.values()
        if any(each.looks_at_offer for each in everywhere.ready) or any(each != everywhere for each in others):
            return Block(first, None, cells)
        return Block(first, everywhere, {})

    def _section(self, cell: str, candidates: Sequence[Candidate]) -> Section:
        return Section(
            candidates[0].cells[cell].above, tuple(self._ready(each, each.cells[cell]) for each in candidates)
        )

    def _ready(self, candidate: Candidate, view: CellView) -> Ready:
        above = zip(view.above.conditions, view.said_above, strict=True)
        return Ready(
            candidate=candidate,
            own=tuple(
                (level, owned.condition, left_out(candidate, LEVELS[level][1], owned.said)) for level, owned in view.own
            ),
            inherited=tuple(left_out(candidate, LEVELS[level][1], said) for (level, _), said in above),
            looks_at_offer=view.looks_at_offer,
            is_plain=all(each.is_plain for each in candidate.cells.values()),
            alone=self.alone(candidate),
        )


def _same_above(one: Block, other: Block) -> bool:
    return (
        one.everywhere is not None and other.everywhere is not None and one.everywhere.above is other.everywhere.above
    )


def _together(blocks: Sequence[Block]) -> Block:
    first, *others = blocks
    sections = [each.everywhere for each in blocks if each.everywhere is not None]
    if not others or not sections:
        return first
    ready = tuple(one for each in sections for one in each.ready)
    return Block(first.first, Section(sections[0].above, ready), {})


def _is_plain(wordings: Sequence[Wording]) -> bool:
    return any(not each.variables for each in wordings)
