"""A folder and S3 behave alike: a file is there as a whole, under its name, or it is not there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from pyarrow import fs  # type: ignore[import-untyped]

from consumers.archive.archiver import Archiver
from consumers.archive.draft import Draft
from consumers.archive.names import held
from consumers.archive.place import Place
from consumers.dead_letters import InKafka
from consumers.kafka.errors import LogMisfit, LogUnavailable
from consumers.kafka.reading import Part
from tests.consumers.archive.conftest import MakeArchiver, all_files, archived, ended, held_offsets, send
from tests.s3_server import CREDENTIALS, S3Server

PART = Part("interactions", 3)
HOUR_13_MS = 1_795_784_400_000
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        files, _ = fs.FileSystem.from_uri(server.uri("bucket") + "&allow_bucket_creation=true")
        files.create_dir("bucket")
        yield server


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Place(str(tmp_path / "archive"))
    server: S3Server = request.getfixturevalue("s3")
    return Place(server.uri(f"bucket/{tmp_path.name}"))


async def put(place: Place, first: int, last: int, at_ms: int = HOUR_13_MS) -> None:
    drafts = place.prepare()
    draft = Draft(drafts, PART)
    for offset in range(first, last + 1):
        await draft.add(InKafka(*PART, offset, at_ms + offset, b"customer:ada", (), b"{}"))
    file = held(PART, first, last, at_ms)
    await draft.finish(file)
    place.publish(draft.path, file)
    draft.discard()
    place.leave(drafts)


async def test_files_are_found_and_read_again(place: Place) -> None:
    assert place.days("interactions") == []
    await put(place, 10, 15)
    await put(place, 10, 15)  # once more, as a second archiver would
    await put(place, 16, 20, HOUR_13_MS + DAY_MS)
    assert place.days("interactions") == ["2026-11-28", "2026-11-27"]
    first, second = place.files("interactions", "2026-11-27") + place.files("interactions", "2026-11-28")
    assert (first.first, first.last, second.first, second.last) == (10, 15, 16, 20)
    assert (place.footer(first).records, place.footer(first).last_taken_ms) == (6, HOUR_13_MS + 15)
    assert place.table(second, ["offset"]).to_pylist() == [{"offset": each} for each in range(16, 21)]


async def test_the_last_file_is_found_also_where_midnight_came_twice(place: Place) -> None:
    await put(place, 0, 1, HOUR_13_MS - DAY_MS)
    await put(place, 2, 3, HOUR_13_MS + DAY_MS)
    await put(place, 4, 5, HOUR_13_MS)  # the next leader's clock was behind
    assert max(each.last for each in place.newest_files("interactions", [3])) == 5
    await put(place, 6, 7, HOUR_13_MS + 9 * DAY_MS)
    assert min(each.first for each in place.newest_files("interactions", [3])) > 1, "it looks no further than needed"
    assert [each.first for each in place.newest_files("interactions", [7])] == [6, 2, 4, 0]


async def test_the_archiver_on_it(archiver: MakeArchiver, produce: AIOKafkaProducer, place: Place) -> None:
    await send(produce, 30)
    one: Archiver = archiver(place)
    await archived(one, 30)
    await ended(one)
    await send(produce, 10)
    await archived(archiver(place), 40)
    assert held_offsets(place) == {0: list(range(40))}
    assert len(all_files(place)) >= 2


async def test_a_damaged_file_is_said_to_be_one(tmp_path: Path) -> None:
    place = Place(str(tmp_path))
    await put(place, 10, 15)
    (file,) = place.files("interactions", "2026-11-27")
    path = tmp_path / file.path
    whole = path.read_bytes()
    for damaged in (b"", b"PAR1", whole[:-30], whole[:-4], whole[: len(whole) // 2] + b"PAR1", bytes(len(whole))):
        path.write_bytes(damaged)
        with pytest.raises(LogMisfit, match="no sound Parquet file"):
            place.footer(file)
    path.write_bytes(whole)
    path.rename(path.with_name(held(PART, 10, 99, HOUR_13_MS).name))
    with pytest.raises(LogMisfit, match="given another name"):
        place.footer(held(PART, 10, 99, HOUR_13_MS))


@pytest.mark.parametrize("where", ["ftp://x/y", "s3://", "s3://key:secret@bucket/x", "s3://bucket/x?nonsense=1"])
def test_what_is_no_place_is_refused(where: str) -> None:
    with pytest.raises(LogMisfit) as caught:
        Place(where)
    assert "secret" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_said(s3: S3Server) -> None:
    with pytest.raises(LogMisfit, match="no bucket nowhere"):
        Place(s3.uri("nowhere/x")).prepare()


def test_an_s3_that_does_not_answer_is_waited_for(s3: S3Server) -> None:
    place = Place(s3.uri("bucket/x").replace(str(s3.port), "1"))
    with pytest.raises(LogUnavailable, match="the archive at"):
        place.days("interactions")
