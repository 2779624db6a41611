"""`opportune up` and `serve` as real processes: what may go wrong around them. (The loop itself: tests/e2e.)"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.e2e.service import ROOT, eventually, free_port
from tests.servers import RedisServer

PATIENCE_S = 30.0


def environ(**settings: str) -> dict[str, str]:
    ours = {f"OPPORTUNE_{name.upper()}": value for name, value in settings.items()}
    return {**{name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}, **ours}


@contextmanager
def opportune(known: Mapping[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "app", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=dict(known), text=True, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def refusal(known: Mapping[str, str], *words: str) -> str:
    """What a command complains of; it must end by itself, and not well."""
    with opportune(known, *words) as process:
        said = process.communicate(timeout=PATIENCE_S)[1]
        assert process.returncode == 1, said
    return said


def running(pid: int) -> bool:
    """A process that has ended, but whose parent has not asked how, does not run any more."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def below(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(each) for each in listed.stdout.split() if running(int(each))]


def test_everything_ends_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    known = environ(var=str(tmp_path), port="0")
    with opportune(known, "up") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Opportune is up")
        children = below(process.pid)
        assert len(children) == 3, "Redis, worker and API"
        process.kill()
        process.wait(PATIENCE_S)
        eventually("every child has ended", lambda: not any(map(running, children)), PATIENCE_S)
    assert "Opportune is up" in until_up(known, tmp_path), "on the same folder, at once"


def test_a_second_one_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with opportune(environ(var=str(tmp_path), port="0"), "up") as first:
        eventually("the first one is there", (tmp_path / "redis.url").exists, PATIENCE_S)
        assert f"another Opportune runs on {tmp_path}" in refusal(environ(var=str(tmp_path), port="0"), "up")
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=PATIENCE_S)
        assert first.returncode == 0
    assert not (tmp_path / "redis.url").exists()


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refusal(environ(var=str(tmp_path / "var"), port=port), "up")
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "OPPORTUNE_PORT" in said
    assert not (tmp_path / "var").exists()


def test_without_a_redis_the_others_say_what_to_do(tmp_path: Path) -> None:
    for command in (["worker"], ["serve"], ["scorecard"], ["keys", "list"]):
        said = refusal(environ(var=str(tmp_path), port="0"), *command)
        assert "there is no Redis to work with" in said
        assert "opportune up" in said


def test_a_misspelt_setting_stops_every_command(tmp_path: Path) -> None:
    for words in (["serve"], ["check", "examples/bank-contact-centre"], ["keys", "list"]):
        assert "did you mean OPPORTUNE_PORT?" in refusal(environ(ports="1"), *words)


def test_a_command_does_not_wait_long_for_a_redis_that_is_away() -> None:
    began = time.monotonic()
    said = refusal(environ(redis=f"redis://127.0.0.1:{free_port()}"), "scorecard")
    assert "did not answer within 5 s" in said
    assert time.monotonic() - began < 25


def test_writes_that_wait_for_replicas_need_a_redis_that_has_them(tmp_path: Path) -> None:
    said = refusal(environ(var=str(tmp_path / "var"), durability="replicated"), "up")
    assert "the embedded one has none" in said
    assert "set OPPORTUNE_REDIS" in said
    assert not (tmp_path / "var").exists()


def test_a_key_without_scopes_is_answered_with_the_list_of_them() -> None:
    said = refusal(environ(), "keys", "make", "desk")
    assert "--scopes with some of ingest,decide,respond,read,publish,approve,admin" in said
    assert "opportune keys make desk --scopes decide,respond" in said


def test_a_start_that_fails_makes_no_key(redis_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refusal(environ(redis=redis_url, port=str(taken.getsockname()[1])), "up")
    assert "An API key was made, for everything but approving policies" in until_up(
        environ(redis=redis_url, port="0"), tmp_path
    )


def test_check_says_everything_on_standard_output(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("policy: {name: shop}\nrule: []\n")
    with opportune(environ(), "check", str(tmp_path)) as process:
        said, complaint = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert complaint == ""
    assert "policy.yaml:2:1: error" in said
    assert said.endswith("1 file, 1 error: the policy does not fit; its examples were not run\n")


def test_without_an_environment_the_script_says_what_to_do(tmp_path: Path) -> None:
    script = tmp_path / "opportune"
    script.write_bytes((ROOT / "opportune").read_bytes())
    done = subprocess.run(["sh", str(script), "up"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "run `make setup`" in done.stderr


def test_several_processes_share_a_port_and_end_together() -> None:
    port = free_port()
    words = ("serve", "--port", str(port), "--workers", "2")
    with RedisServer() as redis, opportune(environ(redis=redis.url), *words) as api:
        eventually("it serves", lambda: _status(port) == 200, PATIENCE_S)
        processes = below(api.pid)
        assert len(processes) >= 2
        api.kill()
        api.wait(PATIENCE_S)
        eventually("its processes have ended", lambda: not any(map(running, processes)), PATIENCE_S)


def test_the_key_is_shown_once_with_a_line_to_try(redis_url: str, tmp_path: Path) -> None:
    token = r"opp_[0-9a-f]{8}_[\w-]{43}"
    known = environ(redis=redis_url, port="0")
    shown = [until_up(known, tmp_path) for _ in range(2)]
    line = rf"curl -s -H 'Authorization: Bearer {token}' http://127\.0\.0\.1:\d+/v1/scorecard$"
    assert re.search(line, shown[0], re.MULTILINE)
    assert not re.search(token, shown[1])


def until_up(known: Mapping[str, str], folder: Path) -> str:
    """What a start says until it is up; then it is stopped, and must end well."""
    said = folder / "said"
    with said.open("w") as output:
        command = [sys.executable, "-m", "app", "up"]
        process = subprocess.Popen(command, cwd=ROOT, env=dict(known), stdout=output, stderr=subprocess.DEVNULL)
    try:
        eventually("it is up", lambda: process.poll() is not None or "is up" in said.read_text(), PATIENCE_S)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE_S)
    return said.read_text()


def _status(port: int) -> int | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code
    except httpx.TransportError:
        return None
