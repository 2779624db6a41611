"""Which candidates have words for a place: an index, so that offers for other places cost next to nothing.

A candidate that has none there is left out with a sentence that is the same for everybody, so that it is made once. One
with dates is looked at each time, since that it is not live comes first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rules.arbitration import Scored
from rules.candidates import Above, Candidate
from rules.left_out import Together
from rules.own_conditions import OwnConditions
from rules.ready import Prepared, Ready
from rules.treatments import Wording
from schemas.policy import Arbitration

MOST_KEPT = 200
"""How many combinations of placements are remembered: who asks names them."""
NONE_ASKED = OwnConditions((), {})


@dataclass(frozen=True, slots=True)
class Section:
    """Candidates that inherit the same conditions."""

    above: Above
    ready: tuple[Ready, ...]
    numbers: tuple[int, ...]
    """Of their own conditions, among those of the group."""


@dataclass(frozen=True, slots=True)
class Block:
    """The candidates of one program; or of several, where no condition depends on the customer's cell."""

    first: Candidate
    everywhere: Section | None
    """In whatever cell."""
    cells: Mapping[str, Section]
    """By cell, where that makes a difference."""


@dataclass(frozen=True, slots=True)
class Group:
    """The candidates of some offers at some placements of a channel."""

    blocks: tuple[Block, ...]
    own: OwnConditions
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
            found = self._groups[offer] = _group(candidates, self.channel, self.placements, self._prepared, NONE_ASKED)
        return found


@dataclass(slots=True)
class Places:
    _always: Sequence[Candidate]
    _others: Mapping[str, tuple[Candidate, ...]]
    _prepared: Prepared
    _known: dict[tuple[str, tuple[str, ...]], Place] = field(init=False, default_factory=dict)
    _own: dict[tuple[str, str], OwnConditions] = field(init=False, default_factory=dict)
    """Of the offers that are always on, by channel and placement."""

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
            worded = [each for each in self._always if _is_ready(each, channel, (placement,))]
            self._own[channel, placement] = OwnConditions.of(each.own_conditions for each in worded)
            self.at(channel, (placement,))

    def at(self, channel: str, placements: tuple[str, ...]) -> Place:
        found = self._known.get((channel, placements))
        if found is None:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            own = OwnConditions.joined(self._own[channel, name] for name in placements if (channel, name) in self._own)
            always = _group(self._always, channel, placements, self._prepared, own)
            found = self._known[channel, placements] = Place(channel, placements, always, self._prepared, self._others)
        return found


def _group(
    candidates: Iterable[Candidate],
    channel: str,
    placements: tuple[str, ...],
    prepared: Prepared,
    own: OwnConditions,
) -> Group:
    ready: dict[str, list[Candidate]] = {}
    to_judge, unworded = [], []
    for each in candidates:
        if _is_ready(each, channel, placements):
            ready.setdefault(each.program_key, []).append(each)
        elif each.periods or _wordings(each, channel, placements):
            to_judge.append(prepared.alone(each))
        else:
            unworded.append(prepared.unworded(each, channel))
    return Group(
        blocks=tuple(_blocks(ready.values(), prepared, own)),
        own=own,
        samples=tuple({each.manner: each for found in ready.values() for each in found}.values()),
        to_judge=tuple(to_judge),
        unworded=Together(unworded) if unworded else None,
    )


def _is_ready(candidate: Candidate, channel: str, placements: tuple[str, ...]) -> bool:
    """Whether it can be made there whatever the moment and the facts are, but for its conditions."""
    found = _wordings(candidate, channel, placements)
    return not candidate.periods and any(not each.variables for wordings in found for each in wordings)


def _wordings(candidate: Candidate, channel: str, placements: tuple[str, ...]) -> list[tuple[Wording, ...]]:
    return [candidate.wordings[channel, name] for name in placements if (channel, name) in candidate.wordings]


def _blocks(programs: Iterable[Sequence[Candidate]], prepared: Prepared, own: OwnConditions) -> Iterator[Block]:
    """Programs that follow each other and inherit the same in every cell are one block."""
    waiting: list[Block] = []
    for candidates in programs:
        block = _block([prepared.ready(each) for each in candidates], own)
        if waiting and not _same_above(waiting[-1], block):
            yield _together(waiting)
            waiting = []
        waiting.append(block)
    if waiting:
        yield _together(waiting)


def _block(program: Sequence[Mapping[str, Ready]], own: OwnConditions) -> Block:
    """Of candidates of one program, each by cell."""
    cells = {cell: tuple(each[cell] for each in program) for cell in program[0]}
    first = next(iter(cells.values()))
    is_everywhere = not any(each.looks_at_offer for each in first) and all(each == first for each in cells.values())
    sections = {cell: _section(each, own) for cell, each in cells.items()}
    return Block(first[0].candidate, _section(first, own) if is_everywhere else None, sections)


def _section(ready: tuple[Ready, ...], own: OwnConditions) -> Section:
    return Section(ready[0].above, ready, tuple(own.number(each.candidate.own_conditions) for each in ready))


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
    numbers = tuple(one for each in sections for one in each.numbers)
    return Block(first.first, Section(sections[0].above, ready, numbers), {})
