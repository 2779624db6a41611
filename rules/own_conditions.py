"""The conditions of the offers themselves, asked for all offers of some placements at once. Made once per revision."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rules.language import Condition, FirstFalse, Firsts

Own = tuple[Condition, ...]
"""Of one candidate, in the order of the funnel."""
ALONE = -1
"""The number of one that is not among those asked together."""


@dataclass(frozen=True, slots=True)
class OwnConditions:
    parts: tuple[FirstFalse, ...]
    numbers: Mapping[Own, int]

    @staticmethod
    def of(several: Iterable[Own]) -> "OwnConditions":
        distinct = list(dict.fromkeys(several))
        return OwnConditions((FirstFalse(distinct),), {own: number for number, own in enumerate(distinct)})

    @staticmethod
    def joined(several: Iterable["OwnConditions"]) -> "OwnConditions":
        """What was made for each of some placements, for all of them."""
        parts: list[FirstFalse] = []
        numbers: dict[Own, int] = {}
        for each in several:
            before = sum(len(part) for part in parts)
            parts += each.parts
            numbers = {**{own: before + number for own, number in each.numbers.items()}, **numbers}
        return OwnConditions(tuple(parts), numbers)

    def number(self, own: Own) -> int:
        return self.numbers.get(own, ALONE)

    def firsts(self, values: Mapping[str, object]) -> Firsts:
        """By number, as `FirstFalse` has them."""
        found: Firsts = []
        for part in self.parts:
            found += part.of(values)
        return found
