"""`opportune dead-letters` as operators run it, on a real Redis."""

import base64
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from consumers.dead_letters import InKafka, of_the_intake
from consumers.folding import ProfileFold
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from profiles import keys
from profiles.connection import connected
from profiles.errors import BadFields
from profiles.store import CustomerStore, Record
from tests.builders import NOON_MS, interaction, live, purchase
from tests.consumers.conftest import Counted
from tests.consumers.test_loop import drained, said

ROOT = Path(__file__).parents[2]
SHARDS = 4
ALICE, BOB = "customer:alice", "customer:bob"


@dataclass
class Desk:
    """An operator's terminal, and what is in Redis."""

    redis: Redis
    store: CustomerStore
    environ: dict[str, str]

    def run(
        self, *words: str, code: int = 0, stdin: int | None = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app", "dead-letters", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False, stdin=stdin, timeout=60
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def listed(self, *words: str) -> Any:
        return orjson.loads(self.run("list", "--json", *words).stdout)

    async def fold(self) -> None:
        fold = ProfileFold(live(), Counted())
        streams = RedisStreams(self.redis, SHARDS, "one")
        await drained(GuardedLoop(self.store, streams, lambda: fold, Counted(), keep=100, wait_ms=5))

    async def have(self, *records: Record) -> None:
        await self.store.append(records)
        await self.fold()


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
    async with connected(redis_url) as redis:
        store = await CustomerStore.open(redis, SHARDS)
        yield Desk(redis, store, {**kept, "OPPORTUNE_REDIS": redis_url, "COLUMNS": "200"})


def unheard(number: int, subject: str = ALICE) -> Record:
    return said(interaction("unheard_of", id=f"u-{number}", subject=subject))


async def test_listed_and_shown(desk: Desk) -> None:
    assert desk.run("list").stdout == "0 dead letters\n"
    await desk.have(unheard(1), Record("interactions", "poison", BOB, b"\x1b[31m{not json\n"))
    await desk.have(said(interaction("purchase", id="late", data={"amount": "much"})))
    lines = desk.run("list").stdout.splitlines()
    assert lines[-1] == "3 dead letters: 2 ill_typed, 1 undecodable"
    assert lines[0].split()[2:5] == ["ill_typed", "interactions", ALICE]
    assert "`amount` must be" in lines[0]

    found = desk.listed("--limit", "2")
    assert found["counts"] == {"ill_typed": 2, "undecodable": 1}
    assert [len(found["letters"]), found["more"]] == [2, True]
    last = found["letters"][-1]["id"]
    assert f"--before {last}" in desk.run("list", "--limit", "2").stderr
    assert len(desk.listed("--before", last)["letters"]) == 1
    assert [each["subject"] for each in desk.listed("--reason", "undecodable")["letters"]] == [BOB]
    assert len(desk.listed("--subject", ALICE, "--since", "1h", "--topic", "interactions")["letters"]) == 2
    assert desk.listed("--since", "2100-01-01T00:00Z")["letters"] == []

    (poison,) = desk.listed("--reason", "undecodable")["letters"]
    assert base64.b64decode(poison["original"]) == b"\x1b[31m{not json\n"
    shown = desk.run("show", poison["id"]).stdout
    assert shown.endswith("original, 15 bytes:\n\\x1b[31m{not json\n\n")
    assert "undecodable" in shown
    assert f"in Redis: shard {desk.store.shard(BOB)}, stream id " in shown
    assert orjson.loads(desk.run("show", poison["id"], "--json").stdout) == poison


async def test_a_letter_of_the_intake_is_shown_with_its_place_in_kafka(desk: Desk) -> None:
    found = InKafka("responses", 3, 17, NOON_MS, b"k1", [("ce_id", b"r-1")], b"\xff\xfe")
    letter = of_the_intake(found, BadFields("about nobody"))
    fields: Any = {"topic": letter.topic, "id": letter.id, "subject": letter.subject, "body": letter.body}
    await desk.redis.xadd(keys.dead_letters(2), fields)
    (listed,) = desk.listed()["letters"]
    assert (listed["log"], listed["partition"], listed["offset"], listed["subject"]) == ("kafka", 3, 17, None)
    shown = desk.run("show", listed["id"]).stdout
    for line in ("in Kafka: partition 3, offset 17", "2026-03-10T12:00:00.000Z", "header ce_id  r-1", "(base 64) //4="):
        assert line in shown
    refused = desk.run("retry", "--all", code=1)
    assert refused.stdout == "0 records put back into the log\n"
    assert "cannot be put back: no policy is live" in refused.stderr
    assert len(desk.listed()["letters"]) == 1


async def test_put_back_by_id_by_filter_and_all_at_once(desk: Desk) -> None:
    await desk.have(*(unheard(n) for n in range(3)), unheard(3, BOB), Record("responses", "r", BOB, b"{"))
    one = desk.listed("--subject", ALICE)["letters"][0]["id"]
    assert desk.run("retry", one).stdout == "1 record put back into the log\n"
    again = desk.run("retry", one, code=1)
    assert again.stderr.splitlines()[0] == f"opportune: there is no dead letter {one}"
    assert desk.run("retry", "--topic", "responses").stdout == "1 record put back into the log\n"
    assert desk.run("retry", "--all").stdout == "3 records put back into the log\n"
    assert desk.run("retry", "--all").stdout == "0 records put back into the log\n"
    await desk.fold()
    assert desk.listed()["counts"] == {"ill_typed": 4, "undecodable": 1}, "nothing was mended, so all are back"


async def test_dropped_when_asked_and_only_what_was_meant(desk: Desk) -> None:
    await desk.have(*(unheard(n) for n in range(3)), unheard(3, BOB))
    refused = desk.run("drop", "--subject", ALICE, code=1)
    assert "3 dead letters with the original bytes for good, and nobody can be asked" in refused.stderr
    assert "--yes" in refused.stderr
    assert sum(desk.listed()["counts"].values()) == 4
    terminal, stdin = pty.openpty()
    os.write(terminal, b"n\n")
    assert "Drop 3 dead letters" in desk.run("drop", "--subject", ALICE, code=1, stdin=stdin).stdout
    assert sum(desk.listed()["counts"].values()) == 4
    os.write(terminal, b"y\n")
    assert desk.run("drop", "--subject", ALICE, stdin=stdin).stdout.endswith("3 dead letters dropped\n")
    (left,) = desk.listed()["letters"]
    assert left["subject"] == BOB
    assert desk.run("drop", left["id"], "--yes").stdout == "1 dead letter dropped\n"
    assert desk.run("drop", "--all").stdout == "no dead letter fits\n"
    await desk.have(said(purchase(1)))
    os.close(terminal)
    os.close(stdin)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "0003"), "`0003` is no id of a dead letter; one looks like 0003-1767225600000-0"),
        (("show", "0003-1-1"), "there is no dead letter 0003-1-1"),
        (("retry",), "say which dead letters"),
        (("drop", "0003-1-1", "--all", "--yes"), "say which dead letters"),
        (("retry", "--reason", "bad"), "there is no reason `bad`"),
        (("list", "--topic", "interaction"), "there is no topic `interaction`"),
        (("list", "--since", "yesterday"), "--since yesterday: this is no time"),
    ],
)
async def test_what_cannot_be_is_said_with_what_to_do(desk: Desk, words: tuple[str, ...], said: str) -> None:
    first, hint = desk.run(*words, code=1).stderr.splitlines()
    assert first.startswith(f"opportune: {said}")
    assert hint.strip()


async def test_without_redis_it_says_so(desk: Desk, tmp_path: Path) -> None:
    desk.environ["OPPORTUNE_REDIS"] = f"unix://{tmp_path}/nothing.sock"
    assert "is Redis running" in desk.run("list", code=1).stderr
