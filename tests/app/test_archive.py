"""`opportune archive`, and what docs/archive.md shows of it, on an archive of records as they stand in the log."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
from typer.testing import CliRunner

from app.archive import archive_status, archiver
from app.cli import app
from app.errors import BadSettings, StartError
from app.settings import Settings
from consumers.archive.draft import Draft
from consumers.archive.layout import layout
from consumers.archive.names import Held, held
from consumers.archive.place import Place
from consumers.dead_letters import InKafka
from consumers.kafka.admin import ensure_topics
from consumers.kafka.messages import message
from consumers.kafka.reading import Part
from consumers.kafka.topics import LogPlan
from profiles.store import Record
from schemas.decision import DecisionRecord
from schemas.interaction import to_cloud_event
from schemas.response import ResponseRecord
from tests.builders import interaction
from tests.consumers.conftest import Counted
from tests.kafka_server import KafkaServer

PAGE = (Path(__file__).parents[2] / "docs" / "archive.md").read_text(encoding="utf-8")
AT_MS = 1_795_784_400_000
"""2026-11-27T13:00:00Z"""
NONSENSE = 2
"""Records of each topic that nobody can read: no query may stumble over them."""
DECIDED = DecisionRecord.model_validate(
    {
        "decision": "0003-1",
        "at": "2026-11-27T13:00:00.000Z",
        "customer": "ada",
        "channel": "web",
        "policy": "abc",
        "model": "none",
        "candidates": 3,
        "treatments": [
            {
                "code": "C1",
                "placement": "hero",
                "rank": 1,
                "campaign": "c",
                "program": "p",
                "cell": "all",
                "offer": "o",
                "offer_name": "O",
                "kind": "standard",
                "treatment": "t",
                "language": "en",
                "content": {"title": "x"},
                "score": 0.25,
                "factors": {},
            }
        ],
        "left_out": [{"campaign": "c", "program": "p", "offer": "q", "reason": "not_eligible"}],
        "withheld": [
            {"placement": "hero", "kind": "standard", "campaign": "c", "program": "p", "cell": "out", "offer": "r"}
        ],
        "seed": 1,
        "salt": 0,
        "placements": [{"placement": "hero", "count": 1}],
        "facts": {},
        "ledger": {},
    }
)
RESPONDED = ResponseRecord(
    code="C1", decision="0003-1", outcome="accepted", outcomes={"accepted": "positive"}, at_ms=AT_MS, amount=125_000
)


def bought(number: int) -> dict[str, Any]:
    data = {"amount": 12.5, "product": "x"}
    return to_cloud_event(interaction("purchase", AT_MS, id=f"i-{number}", subject="customer:ada", data=data))


def records() -> dict[str, list[Record]]:
    events = [orjson.dumps(bought(each)) for each in (1, 2, 2)]
    return {
        "interactions": [Record("interactions", f"i-{n}", "customer:ada", body) for n, body in enumerate(events)],
        "decisions": [Record("decisions", "0003-1", "customer:ada", DECIDED.model_dump_json().encode())],
        "responses": [Record("responses", "r-1", "customer:ada", RESPONDED.model_dump_json().encode())],
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the archive in `archive`, as it is written where Kafka has given these records."""
    place = Place(str(tmp_path / "archive"))
    asyncio.run(_filled(place))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPPORTUNE_ARCHIVE", "archive")
    return tmp_path / "archive"


async def _filled(place: Place) -> None:
    drafts = place.prepare()
    for topic, several in records().items():
        draft = Draft(drafts, Part(topic, 3))
        for offset, each in enumerate(several):
            sent = message(each, 3, AT_MS)
            await draft.add(InKafka(topic, 3, offset, AT_MS, sent.key, sent.headers, sent.value))
        assert draft.unreadable == 0
        for offset in range(len(several), len(several) + NONSENSE):
            await draft.add(InKafka(topic, 3, offset, AT_MS, None, (), b"nonsense"))
        file = held(Part(topic, 3), 0, len(several) + NONSENSE - 1, AT_MS)
        await draft.finish(file)
        assert draft.unreadable == NONSENSE
        place.publish(draft.path, file)
        draft.discard()


def queries() -> Iterator[str]:
    yield from re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_of_the_page_run(folder: Path) -> None:
    found = [duckdb.execute(each).fetchall() for each in queries()]
    day, data, offers, reasons, doubles = ([tuple(map(str, row)) for row in rows] for rows in found)
    assert day == [("purchase", "web", "3")]
    assert [row[0] for row in data] == ["customer:ada"] * 3
    assert [row[2] for row in data] == ["12.50"] * 3
    assert offers == [("o", "all", "1", "1", "12.5000")]
    assert reasons == [("not_eligible", "1")]
    assert doubles == [("test", "i-2", "2")]


def test_the_page_names_every_column(folder: Path) -> None:
    names = {name for topic in ("interactions", "decisions", "responses") for name in layout(topic).names}
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_the_very_bytes_are_in_it(folder: Path) -> None:
    ((key, headers, value),) = duckdb.execute(
        "SELECT key, headers, value FROM 'archive/decisions/**/*.parquet' WHERE unreadable IS NULL"
    ).fetchall()
    sent = message(records()["decisions"][0], 3, AT_MS)
    assert (key, value.encode()) == (sent.key, sent.value)
    assert tuple((each["name"], each["value"]) for each in headers) == sent.headers


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["archive", *words])
    return done.exit_code, done.output


def test_it_is_said_how_far_it_is(folder: Path) -> None:
    code, said = run("status")
    assert code == 0
    assert "interactions  1 files, 2026-11-27 13:00 to 2026-11-27 13:00 UTC" in said
    assert "erasures      nothing yet" in said
    assert json.loads(run("status", "--json")[1])[0]["positions"] == {"3": 3 + NONSENSE}


def test_a_check_counts_and_finds_what_is_wrong(folder: Path) -> None:
    assert run("check") == (
        0,
        "interactions  2026-11-27  5 records\ndecisions  2026-11-27  3 records\nresponses  2026-11-27  3 records\n"
        "3 files: whole\n",
    )
    assert run("check", "--since", "2026-11-28")[1] == "0 files: whole\n"
    (file,) = folder.glob("interactions/*/*/*.parquet")
    file.with_name(held(Part("interactions", 3), 7, 9, AT_MS).name).write_bytes(file.read_bytes()[:-10])
    code, said = run("check")
    assert code == 1
    assert "gap: interactions/3: offsets 5 to 6 are in no file" in said
    assert "damaged: interactions/3: interactions/day=2026-11-27" in said
    assert not json.loads(run("check", "--json")[1])["sound"]


async def late(place: Place, file: Held) -> None:
    draft = Draft(place.prepare(), file.part)
    for offset in range(file.first, file.last + 1):
        await draft.add(InKafka(*file.part, offset, AT_MS, None, (), b"{}"))
    await draft.finish(file)
    place.publish(draft.path, file)
    draft.discard()


def test_a_check_says_where_a_partition_begins_late(folder: Path) -> None:
    asyncio.run(late(Place(str(folder)), held(Part("interactions", 4), 7, 8, AT_MS)))
    code, said = run("check")
    assert code == 0
    assert "interactions/4 begins at offset 7: what came before is in no file\n4 files: whole" in said
    assert json.loads(run("check", "--json")[1])["begins"] == {"interactions/4": 7}
    assert "begins" not in run("check", "--since", "2026-11-27")[1]


def test_settings_that_make_no_archive_are_refused() -> None:
    with pytest.raises(BadSettings, match="divides an hour"):
        Settings.from_env({"OPPORTUNE_ARCHIVE_EVERY": "7m"})
    with pytest.raises(StartError, match="there is no archive"):
        archiver(Settings.from_env({"OPPORTUNE_KAFKA": "127.0.0.1:1"}), Counted())


async def test_it_is_said_what_waits_in_kafka(
    kafka_server: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(2, 1, 86_400_000))
    await kafka_server.produce("responses", b"{}", b"{}", b"{}")
    given = {"OPPORTUNE_KAFKA": kafka_server.servers, "OPPORTUNE_ARCHIVE": str(tmp_path)}
    found = {each.topic: each.waiting for each in await archive_status(Settings.from_env(given))}
    assert found == {"interactions": 0, "decisions": 0, "responses": 3, "identities": 0, "erasures": 0}
