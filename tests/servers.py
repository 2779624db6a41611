"""Real servers for tests: what a test starts here, it stops."""

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import redis

from app.launcher import launched
from app.redis_binary import find_redis_server

START_WITHIN_S = 20.0
STOP_WITHIN_S = 10.0
PROBE_EVERY_S = 0.01


class RedisServer:
    """A real redis-server on a unix socket, in a folder of its own that is removed at the end.

    `with RedisServer() as server: connect(server.url)`. With `persistent=True` every write is on disk before
    it is answered, so that `kill()` and `start()` find all of it again. With a `port` replicas can follow it.
    """

    def __init__(self, *options: str, persistent: bool = False, port: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="opp-"))
        self.socket = self.folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        durable = ("--appendonly", "yes", "--appendfsync", "always") if persistent else ("--appendonly", "no")
        self._options = ("--bind", "127.0.0.1", "--port", str(port), *durable, *options)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        assert self._process is None, "already started"
        where = ("--unixsocket", str(self.socket), "--dir", str(self.folder))
        log = ("--logfile", str(self.folder / "redis.log"), "--save", "")
        command = [str(find_redis_server()), *where, *log, *self._options]
        self._process = subprocess.Popen(launched(command), start_new_session=True)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Ends it as an operator would (SIGTERM). Its data stays in the folder."""
        self._end_with(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as a crash would (SIGKILL)."""
        self._end_with(signal.SIGKILL)

    def flush(self) -> None:
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            client.flushall()
            client.script_flush()

    def __enter__(self) -> "RedisServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder)

    def _end_with(self, number: signal.Signals) -> None:
        assert self._process is not None, "not started"
        self._process.send_signal(number)
        self._process.wait(STOP_WITHIN_S)
        self._process = None

    def _wait_until_it_answers(self) -> None:
        give_up = time.monotonic() + START_WITHIN_S
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            while not _answers(client):
                assert self._process is not None
                assert self._process.poll() is None, (self.folder / "redis.log").read_text()
                assert time.monotonic() < give_up, "redis-server does not answer"
                time.sleep(PROBE_EVERY_S)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
