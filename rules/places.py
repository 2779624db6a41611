"""Which candidates have words for a place: an index, so that offers for other places cost next to nothing.

A candidate that has none there is left out with a sentence that is the same for everybody, so that it is made once. One
with dates is looked at each time, since that it is not live comes first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rules.arbitration import Scored
from rules.candidates import Above, Candidate
from rules.left_out import Together
from rules.ready import Prepared, Ready
from rules.treatments import Wording
from schemas.policy import Arbitration

MOST_KEPT = 200
"""How many combinations of placements are remembered: who asks names them."""


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
    """By cell, where that makes a difference."""


class Group(NamedTuple):
    """The candidates of some offers at some placements of a channel."""

    blocks: tuple[Block, ...]
    samples: tuple[Candidate, ...]
    """One candidate in these of each class and purpose."""
    to_judge: tuple[Scored, ...]
    """Those with dates, or with facts in their texts: whether they can be made depends on the moment."""
    unworded: Together | None


@dataclass(slots=True)
class Place:
    """Some placements of a channel."""

    channel: str
    placements: tuple[str, ...]
    always: Group
    """The offers that are always on."""
    _prepared: Prepared
    _others: Mapping[str, tuple[Candidate, ...]]
    _groups: dict[str, Group] = field(init=False, default_factory=dict)

    def of(self, offer: str) -> Group | None:
        """The candidates of an offer that is not always on; made when it is first proposed here."""
        found = self._groups.get(offer)
        if found is None and offer in self._others:
            candidates = self._others[offer]
            found = self._groups[offer] = _group(candidates, self.channel, self.placements, self._prepared)
        return found


@dataclass(slots=True)
class Places:
    _always: Sequence[Candidate]
    _others: Mapping[str, tuple[Candidate, ...]]
    _prepared: Prepared
    _known: dict[tuple[str, tuple[str, ...]], Place] = field(init=False, default_factory=dict)

    @staticmethod
    def of(always: Sequence[str], by_offer: Mapping[str, tuple[Candidate, ...]], arbitration: Arbitration) -> "Places":
        others = by_offer.keys() - set(always)
        return Places(
            [each for offer in always for each in by_offer.get(offer, ())],
            {offer: each for offer, each in by_offer.items() if offer in others},
            Prepared(arbitration),
        )

    def prepare(self) -> None:
        """Every placement by itself: so that the first who asks does not wait for it."""
        for channel, placement in sorted({place for each in self._always for place in each.wordings}):
            self.at(channel, (placement,))

    def at(self, channel: str, placements: tuple[str, ...]) -> Place:
        found = self._known.get((channel, placements))
        if found is None:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            always = _group(self._always, channel, placements, self._prepared)
            found = self._known[channel, placements] = Place(channel, placements, always, self._prepared, self._others)
        return found


def _group(candidates: Iterable[Candidate], channel: str, placements: tuple[str, ...], prepared: Prepared) -> Group:
    ready: dict[str, list[Candidate]] = {}
    to_judge, unworded = [], []
    for each in candidates:
        wordings = [each.wordings[channel, name] for name in placements if (channel, name) in each.wordings]
        if each.periods or (wordings and not any(_is_plain(found) for found in wordings)):
            to_judge.append(prepared.alone(each))
        elif wordings:
            ready.setdefault(each.program_key, []).append(each)
        else:
            unworded.append(prepared.unworded(each, channel))
    return Group(
        blocks=tuple(_blocks(ready.values(), prepared)),
        samples=tuple({each.manner: each for found in ready.values() for each in found}.values()),
        to_judge=tuple(to_judge),
        unworded=Together(unworded) if unworded else None,
    )


def _is_plain(wordings: Sequence[Wording]) -> bool:
    return any(not each.variables for each in wordings)


def _blocks(programs: Iterable[Sequence[Candidate]], prepared: Prepared) -> Iterator[Block]:
    """Programs that follow each other and inherit the same in every cell are one block."""
    waiting: list[Block] = []
    for candidates in programs:
        block = _block([prepared.ready(each) for each in candidates])
        if waiting and not _same_above(waiting[-1], block):
            yield _together(waiting)
            waiting = []
        waiting.append(block)
    if waiting:
        yield _together(waiting)


def _block(program: Sequence[Mapping[str, Ready]]) -> Block:
    """Of candidates of one program, each by cell."""
    cells = {cell: tuple(each[cell] for each in program) for cell in program[0]}
    first = next(iter(cells.values()))
    is_everywhere = not any(each.looks_at_offer for each in first) and all(each == first for each in cells.values())
    sections = {cell: Section(each[0].above, each) for cell, each in cells.items()}
    return Block(first[0].candidate, Section(first[0].above, first) if is_everywhere else None, sections)


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
