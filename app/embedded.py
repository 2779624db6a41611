"""The embedded default: a real redis-server of our own, on a unix socket in the state folder.

It promises that there is one per folder (also right after a crash of ours: the lock is handed to Redis, so
that it is held as long as either of us lives), that nobody else on the machine can read it, that no TCP port
is opened, and that it is started again if it dies. `<var>/redis.url` tells other processes where it is.
"""

import asyncio
import fcntl
import hashlib
import os
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from app.children import Child
from app.errors import ChildEnded, FolderInUse, StartError
from app.redis_binary import find_redis_server, redis_version
from app.redis_settings import as_arguments, redis_settings
from profiles.connection import connected, wait_until_ready
from profiles.errors import StoreUnavailable

READY_WITHIN_S = 120.0
"""Includes loading the append-only file: about 1 GB in 10 s."""
STOP_WITHIN_S = 20.0
LOCK_EVERY_S = 0.05
LOCK_WITHIN_S = 3.0
"""A Redis that outlived its Opportune (kill -9) ends within this time as a rule."""
SOCKET_PATH_MAX_BYTES = 100
"""The system's limit is 107 on Linux and 103 elsewhere."""
PRIVATE = 0o700


class EmbeddedRedis:
    def __init__(self, var: Path, durability: str) -> None:
        self.var = var.absolute()
        self.folder = self.var / "redis"
        self.socket = socket_path(self.var)
        self.url = f"unix://{quote(str(self.socket))}"
        self._durability = durability
        self._lock: int | None = None
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """Returns when it answers. Raises StartError if it cannot be had, having left nothing behind."""
        for folder in (self.var, self.folder, self.socket.parent):
            _private_folder(folder)
        self._lock = await _lock(self.var / "lock", LOCK_WITHIN_S)
        try:
            await self._start_locked(self._lock)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop(STOP_WITHIN_S)
            self._child = None
        if self._lock is not None:
            url_file(self.var).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    async def _start_locked(self, lock: int) -> None:
        self._child = Child("redis", self._command(), environ=os.environ, keep_open=(lock,))
        try:
            await self._child.start(lambda: _answers(self.url))
        except (ChildEnded, StoreUnavailable) as cause:
            raise StartError(str(cause), hint=f"its log is {self._log_file()}") from cause
        _write_private(url_file(self.var), self.url + "\n")

    def _command(self) -> list[str]:
        binary = find_redis_server()
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "logfile": str(self._log_file()),
            **redis_settings(redis_version(binary), self._durability),
        }
        return [str(binary), *as_arguments(settings)]

    def _log_file(self) -> Path:
        return self.folder / "redis.log"


def socket_path(var: Path) -> Path:
    """In the folder itself, or in a short one of the temp folder where the path would be too long."""
    usual = var / "redis.sock"
    if len(os.fsencode(usual)) <= SOCKET_PATH_MAX_BYTES:
        return usual
    digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"opportune-{os.getuid()}-{digest}" / "redis.sock"


def url_file(var: Path) -> Path:
    return var / "redis.url"


async def _answers(url: str) -> None:
    async with connected(url) as redis:
        await wait_until_ready(redis, READY_WITHIN_S)


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise StartError(f"{folder} belongs to another user", hint="set OPPORTUNE_VAR to a folder of your own")
    folder.chmod(PRIVATE)


async def _lock(path: Path, within_s: float) -> int:
    """The descriptor that holds the lock. Raises FolderInUse."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        await _until_locked(descriptor, path.parent, within_s)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


async def _until_locked(descriptor: int, folder: Path, within_s: float) -> None:
    give_up = time.monotonic() + within_s
    while not _locked(descriptor):
        if time.monotonic() >= give_up:
            hint = "stop that one, or set OPPORTUNE_VAR to another folder"
            raise FolderInUse(f"another Opportune runs on {folder}", hint=hint)
        await asyncio.sleep(LOCK_EVERY_S)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_private(path: Path, text: str) -> None:
    """Readers see the old content or the new one, never half of it."""
    draft = path.with_suffix(".new")
    draft.write_text(text)
    draft.chmod(0o600)
    draft.replace(path)
