"""The real service as its users run it: `opportune up` in a folder of its own, driven over HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


def eventually(what: str, found: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """The first true value of `found`; fails when there is none in time."""
    give_up = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < give_up, f"not within {within_s:g} s: {what}"
        time.sleep(0.05)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Service:
    """`opportune up`, with a key for everything. Start it again to see what it kept."""

    def __init__(self, var: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")},
            "OPPORTUNE_VAR": str(var),
            "OPPORTUNE_PORT": str(self.port),
        }
        self._log = var.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None
        self._key = ""

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self.command("up"), cwd=ROOT, env=self.environ, stdout=log, stderr=log)
        eventually("the service is ready", self._ready)
        if not self._key:
            scopes = "ingest,decide,respond,read,admin"
            self._key = self.run("keys", "make", "tests", "--scopes", scopes).stdout.split()[-1]

    def stop(self) -> None:
        """Ctrl-C; it must end by itself and cleanly."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(PATIENCE_S) == 0, self.log()
        self._process = None

    def close(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE_S)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """One command of the CLI beside the running service."""
        done = subprocess.run(
            self.command(*command), cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def children(self, word: str) -> list[int]:
        """The process ids below `up` whose command line has this word."""
        assert self._process is not None
        listed = subprocess.run(["ps", "-eww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        parents = {int(pid): int(ppid) for pid, ppid, _ in rows}
        return [int(pid) for pid, _, args in rows if word in args and self._is_below(int(pid), parents)]

    def _is_below(self, pid: int, parents: dict[int, int]) -> bool:
        assert self._process is not None
        while pid in parents:
            pid = parents[pid]
            if pid == self._process.pid:
                return True
        return False

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._key}", **options.pop("headers", {})}
        with httpx.Client(base_url=self.url, timeout=30) as client:
            return client.request(method, path, headers=headers, **options)

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        answer = self.call("POST", path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def log(self) -> str:
        return self._log.read_text()

    def publish(self, folder: Path) -> None:
        self.run("publish", str(folder))
        eventually("the policy is live", lambda: self.get("/readyz")["policy"])

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    @staticmethod
    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "app", *words]
