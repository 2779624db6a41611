"""Which candidates have words for a place: an index, so that offers for other places cost next to nothing.

A candidate that has none there is left out with a sentence that is the same for everybody, so that it is made once. One
with dates is looked at each time, since that it is not live comes first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rules.candidates import Above, Candidate, CellView
from rules.judgement import LeftOut, Refusal
from rules.language import Condition
from rules.reasons import Reason
from rules.treatments import Wording

MOST_KEPT = 1_000
"""How many combinations of placements are remembered: who asks names them."""


class Ready(NamedTuple):
    """A candidate that is live and worded, whatever the facts are, and what its cell means for it."""

    candidate: Candidate
    view: CellView
    own: tuple[tuple[Condition, Refusal | None], ...]
    """Its own conditions, each with what follows if it is false where all above hold; None: others of its stage say."""


class InCell(NamedTuple):
    above: Above
    ready: tuple[Ready, ...]


class Block(NamedTuple):
    """The candidates of one program: its cell is worked out once for all of them."""

    first: Candidate
    cells: Mapping[str, InCell]


class Group(NamedTuple):
    """The candidates of some offers at some placements of a channel."""

    blocks: tuple[Block, ...]
    to_judge: tuple[Candidate, ...]
    """Those with dates, or with facts in their texts: whether they can be made depends on the moment."""
    unworded: tuple[LeftOut, ...]


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
    _known: dict[tuple[str, tuple[str, ...]], Place] = field(init=False, default_factory=dict)

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
            always=_group(always, channel, placements),
            by_offer={name: _group(each, channel, placements) for name, each in others.items()},
        )


def _group(candidates: Iterable[Candidate], channel: str, placements: tuple[str, ...]) -> Group:
    ready: dict[str, list[Candidate]] = {}
    to_judge, unworded = [], []
    for each in candidates:
        wordings = [each.wordings[channel, name] for name in placements if (channel, name) in each.wordings]
        if each.periods or (wordings and not any(_is_plain(found) for found in wordings)):
            to_judge.append(each)
        elif wordings:
            ready.setdefault(each.program_key, []).append(each)
        else:
            unworded.append(LeftOut(each, Reason.NO_TREATMENT, f"channel {channel}"))
    return Group(tuple(map(_block, ready.values())), tuple(to_judge), tuple(unworded))


def _is_plain(wordings: Sequence[Wording]) -> bool:
    return any(not each.variables for each in wordings)


def _block(candidates: Sequence[Candidate]) -> Block:
    first = candidates[0]
    return Block(first, {cell.id: _in_cell(cell.id, candidates) for cell in first.program.cells})


def _in_cell(cell: str, candidates: Sequence[Candidate]) -> InCell:
    views = [(each, each.cells[cell]) for each in candidates]
    return InCell(views[0][1].above, tuple(Ready(each, view, tuple(_own(view))) for each, view in views))


def _own(view: CellView) -> Iterator[tuple[Condition, Refusal | None]]:
    for stage in view.stages:
        mine = [owned for owned in stage.conditions if owned in view.own]
        for owned in mine:
            yield owned.condition, (stage.refused, owned.said) if len(mine) == 1 else None
