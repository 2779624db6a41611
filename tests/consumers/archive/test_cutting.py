"""Where files end follows from the log alone: whoever looks, whenever, at however much of it."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from consumers.archive import cutting
from consumers.archive.cutting import Cut, closes_ms
from consumers.archive.names import held, parsed
from consumers.archive.survey import faults
from consumers.dead_letters import InKafka
from consumers.kafka.reading import Part

SLOT_MS, GRACE_MS, SKEW_MS = 1_000, 300, 100
PART = Part("interactions", 3)
Range = tuple[int, int]


@dataclass
class Appended:
    entry: InKafka
    seen_ms: int
    """From when on it can be read, by a clock that is right."""


@st.composite
def logs(draw: st.DrawFn) -> list[Appended]:
    """Brokers' clocks are wrong by up to SKEW_MS, another way whenever the leader changes, and copies take up to
    SKEW_MS; offsets have holes."""
    appended, now_ms, offset, seen_ms = list[Appended](), 10_000, 0, 0
    steps = st.tuples(st.integers(0, 400), st.integers(-SKEW_MS, SKEW_MS), st.integers(0, SKEW_MS), st.integers(0, 2))
    for step, skew_ms, delay_ms, hole in draw(st.lists(steps, max_size=60)):
        now_ms += step
        offset += 1 + hole
        seen_ms = max(seen_ms, now_ms + delay_ms)
        value = b"x" * draw(st.sampled_from([1, 1, 40, 400]))
        appended.append(Appended(InKafka(*PART, offset, now_ms + skew_ms, None, (), value), seen_ms))
    return appended


def next_file(log: list[Appended], start: int, now_ms: int, skew_ms: int) -> Range | None:
    """What FileWriter does, over what can be read at a moment, with a clock that is wrong by `skew_ms`."""
    cut: Cut | None = None
    for entry in (each.entry for each in log if each.entry.offset >= start and each.seen_ms <= now_ms):
        if cut is None:
            if now_ms + skew_ms < closes_ms(entry.at_ms, SLOT_MS, GRACE_MS):
                return None
            cut = Cut(entry, SLOT_MS)
        elif not cut.takes(entry):
            break
    return None if cut is None else (start, cut.last)


@given(logs(), st.lists(st.integers(9_000, 45_000), min_size=1, max_size=30).map(sorted), st.data())
def test_archivers_that_look_at_different_times_write_the_same_files(
    log: list[Appended], looks: list[int], data: st.DataObject
) -> None:
    small = data.draw(st.sampled_from([(3, 1_000), (100, 100), (100, 10_000)]))
    before = cutting.MOST_RECORDS, cutting.MOST_BYTES
    cutting.MOST_RECORDS, cutting.MOST_BYTES = small
    try:
        owner = written(log, list(range(9_000, 60_000, 50)), data.draw(st.integers(-SKEW_MS, SKEW_MS)))
        zombie = written(log, looks, data.draw(st.integers(-SKEW_MS, SKEW_MS)))
    finally:
        cutting.MOST_RECORDS, cutting.MOST_BYTES = before
    assert zombie == owner[: len(zombie)]
    assert owner[-1:] == ([(owner[-1][0], log[-1].entry.offset)] if log else [])
    assert faults(held(PART, first, last, 0) for first, last in owner) == []


def written(log: list[Appended], looks: list[int], skew_ms: int) -> list[Range]:
    files: list[Range] = []
    for now_ms in looks:
        while file := next_file(log, files[-1][1] + 1 if files else 0, now_ms, skew_ms):
            files.append(file)
    return files


def test_a_name_says_what_a_file_holds() -> None:
    file = held(PART, 12_000, 12_345, 1_795_784_400_000)
    assert file.path == "interactions/day=2026-11-27/hour=13/interactions-0003-0000012000-0000012345.parquet"
    assert parsed(file.path) == file
    assert parsed(file.path + ".tmp") is None
    assert parsed(file.path.replace("/interactions-", "/decisions-")) is None


def test_gaps_and_doubles_are_found() -> None:
    ranges = [(5, 9), (10, 19), (15, 24), (30, 31), (30, 31)]
    found = faults(held(PART, first, last, 0) for first, last in ranges)
    assert [(each.kind, each.first, each.last) for each in found] == [
        ("overlap", 15, 19),
        ("gap", 25, 29),
        ("overlap", 30, 31),
    ]
