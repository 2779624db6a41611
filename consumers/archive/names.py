"""What the files are called: the offsets that they hold stand in their names. Pure.

    interactions/day=2026-11-27/hour=13/interactions-0003-0000012000-0000012345.parquet

Day and hour are those (UTC) in which the log took the records. `first` to `last` is what the file covers: an offset
in it that has no row is no record (a transaction's end, or what it took back).
"""

import re
from dataclasses import dataclass

from consumers.kafka.reading import Part
from schemas.base import moment

SUFFIX = ".parquet"
PATTERN = re.compile(r"([a-z-]+)/day=(\d{4}-\d\d-\d\d)/hour=(\d\d)/([a-z-]+)-(\d{4,})-(\d{10,})-(\d{10,})\.parquet")


@dataclass(frozen=True, slots=True)
class Held:
    """A file, and the offsets that it holds, `last` included."""

    part: Part
    first: int
    last: int
    day: str
    hour: str

    @property
    def folder(self) -> str:
        return f"{self.part.topic}/day={self.day}/hour={self.hour}"

    @property
    def name(self) -> str:
        return f"{self.part.topic}-{self.part.number:04d}-{self.first:010d}-{self.last:010d}{SUFFIX}"

    @property
    def path(self) -> str:
        """From the root of the archive."""
        return f"{self.folder}/{self.name}"


def held(part: Part, first: int, last: int, at_ms: int) -> Held:
    """`at_ms`: when the log took its first record."""
    at = moment(at_ms)
    return Held(part, first, last, at.strftime("%Y-%m-%d"), at.strftime("%H"))


def parsed(path: str) -> Held | None:
    """None for what is no file of ours."""
    match = PATTERN.fullmatch(path)
    if match is None or match[1] != match[4]:
        return None
    return Held(Part(match[1], int(match[5])), int(match[6]), int(match[7]), match[2], match[3])
