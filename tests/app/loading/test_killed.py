"""The command as a real process: killed with -9 again and again, every row is there once in the end."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml
from redis import Redis

from app.bootstrap import opened
from app.settings import Settings
from tests.app.loading.test_load import TELCO, TELECOM
from tests.e2e.service import PATIENCE_S, ROOT, eventually
from tests.e2e.test_apart import process
from tests.servers import RedisServer

ROWS = 9_000


class Command:
    """The command line on one Redis."""

    def __init__(self, redis: RedisServer) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
        self.environ = {**inherited, "OPPORTUNE_REDIS": redis.url, "OPPORTUNE_LOG_LEVEL": "warning"}
        self._socket = str(redis.socket)

    def run(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(self._words(*words), cwd=ROOT, env=self.environ, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._words(*words), cwd=ROOT, env=self.environ, stderr=subprocess.DEVNULL)

    def is_at(self, row: int) -> bool:
        """Whether a load has come so far."""
        with Redis(unix_socket_path=self._socket) as client:
            return any(json.loads(each)["rows"] >= row for each in client.hvals("opportune:loads"))

    @staticmethod
    def _words(*words: str) -> list[str]:
        return [sys.executable, "-m", "app", *words]


@pytest.fixture
def command(redis_url: str, redis_server: RedisServer, tmp_path: Path) -> Command:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "policy.yaml").write_text(yaml.safe_dump({"policy": {"name": "telecom"}, **TELECOM}))
    found = Command(redis_server)
    found.run("publish", str(tmp_path / "policy"))
    return found


def customers(path: Path) -> dict[str, int]:
    """Writes the telecom customers again and again with new ids; the tenure of each. Every thousandth row is bad."""
    with gzip.open(TELCO, "rt") as real, path.open("w", newline="") as file:
        header, *rows = csv.reader(real)
        writer = csv.writer(file)
        writer.writerow(header)
        tenures = {}
        for number in range(ROWS):
            row = rows[number % len(rows)][1:]
            if number % 1_000 == 999:
                row[4] = "long"
            else:
                tenures[f"c{number}"] = int(row[4])
            writer.writerow([f"c{number}", *row])
    return tenures


async def test_a_load_that_is_killed_goes_on_and_every_row_is_there_once(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    tenures = customers(path)
    with process(command.environ, "worker"):
        for goal in (1, 2_000, 6_000):
            loading = command.start("load", str(path))
            eventually(f"row {goal}", partial(command.is_at, goal))
            assert loading.poll() is None, "it was to be killed in the middle"
            os.kill(loading.pid, signal.SIGKILL)
            loading.wait()
        said = command.run("load", str(path), "--json")
    found: dict[str, Any] = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert (found["rows"], found["accepted"], found["bad"]) == (ROWS, len(tenures), ROWS - len(tenures))
    assert found["quality"]["filled"]["tenure"] == len(tenures)
    async with opened(Settings.from_env({"OPPORTUNE_REDIS": command.environ["OPPORTUNE_REDIS"]})) as parts:

        async def folded() -> int:
            counts = await parts.store.counts()
            return sum(amount for name, amount in counts.items() if "|interactions|identify|" in name)

        with process(command.environ, "worker"), anyio.fail_after(PATIENCE_S):
            while await folded() < len(tenures):  # noqa: ASYNC110 (another process)
                await anyio.sleep(0.05)
        assert await folded() == len(tenures), "a row was counted twice"
        for name, tenure in tenures.items():
            customer = await parts.store.read(f"customer:{name}")
            assert customer.profile.attributes["tenure"] == tenure
    with (tmp_path / "customers.bad.csv").open() as file:
        assert [int(row["line"]) for row in csv.DictReader(file)] == list(range(1_001, ROWS + 2, 1_000))


def test_what_the_command_says(command: Command, tmp_path: Path) -> None:
    rows = [f"c{number},{'x' if number % 2 else number}" for number in range(50)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["id,tenure", *rows]))
    checked = command.run("load", str(path), "--dry-run", code=1)
    assert "a.csv:3: `tenure` must be a whole number of 64 bits, not 'x'" in checked
    assert checked.count("a.csv:") == 21, "twenty rows, and the counts"
    assert "more bad rows are only counted here" in checked
    loaded = command.run("load", str(path))
    assert "loaded a.csv: 50 rows, 25 accepted, 25 bad" in loaded
    assert f"the bad rows with their reasons: {tmp_path / 'a.bad.csv'}" in loaded
    assert "long_enough" in loaded
    assert "was loaded before: 50 rows" in command.run("load", str(path))
    listed = command.run("loads", "a.csv")
    assert "finished" in listed
    assert "long_enough" in listed
    assert "there is no load b.csv" in command.run("loads", "b.csv", code=1)
