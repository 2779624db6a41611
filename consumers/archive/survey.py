"""Which offsets the files of an archive hold: what is missing between them, and what is there twice. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from consumers.archive.names import Held
from consumers.kafka.reading import Part


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind`: gap, overlap or damaged."""

    kind: str
    part: Part
    first: int
    last: int
    """Offsets, `last` included."""
    where: str
    """The file behind a gap, the second of two that overlap, or the one that is damaged."""
    why: str = ""

    def __str__(self) -> str:
        said = {
            "gap": f"offsets {self.first} to {self.last} are in no file, before {self.where}",
            "overlap": f"offsets {self.first} to {self.last} are in two files, the second is {self.where}",
        }
        return f"{self.part}: {said.get(self.kind) or f'{self.where}: {self.why}'}"


def faults(files: Iterable[Held]) -> list[Fault]:
    """Gaps and overlaps of every partition, in order. What is missing before its first file is none."""
    found: list[Fault] = []
    reached: dict[Part, int] = {}
    for each in sorted(files, key=lambda file: (file.part, file.first, file.last)):
        last = reached.get(each.part)
        if last is not None and each.first > last + 1:
            found.append(Fault("gap", each.part, last + 1, each.first - 1, each.path))
        if last is not None and each.first <= last:
            found.append(Fault("overlap", each.part, each.first, min(last, each.last), each.path))
        reached[each.part] = max(each.last, -1 if last is None else last)
    return found


def late_beginnings(files: Iterable[Held]) -> dict[Part, int]:
    """The first offset of each partition whose first file does not begin with 0. Whether the first was ever there the
    names do not say: retention may have passed when the archive began, or the oldest days were deleted."""
    first: dict[Part, int] = {}
    for each in files:
        first[each.part] = min(each.first, first.get(each.part, each.first))
    return {part: at for part, at in sorted(first.items()) if at}


def newest(files: Iterable[Held]) -> dict[Part, Held]:
    """The file with the highest offsets of each partition."""
    found: dict[Part, Held] = {}
    for each in files:
        if each.part not in found or each.last > found[each.part].last:
            found[each.part] = each
    return found
