"""An S3 for tests: moto's server, over HTTP on this machine."""

import os
import socket
import subprocess
import sys
import time
from types import TracebackType

from app.launcher import launched

START_WITHIN_S = 60.0
PROBE_EVERY_S = 0.05
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class S3Server:
    """`with S3Server() as server: Place(server.uri("bucket/prefix"))`, with CREDENTIALS in the environment."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def uri(self, path: str) -> str:
        return f"s3://{path}?endpoint_override=127.0.0.1:{self.port}&scheme=http&region=us-east-1"

    def __enter__(self) -> "S3Server":
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(launched(command), env={**os.environ, **CREDENTIALS}, **quiet)  # type: ignore[call-overload]
        give_up = time.monotonic() + START_WITHIN_S
        while not self._answers():
            assert time.monotonic() < give_up, "the S3 server does not answer"
            time.sleep(PROBE_EVERY_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the S3 server has ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True
