"""The arrow of imports, one door per library, and that importing a module opens nothing (docs/architecture.md)."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_IMPORT: Mapping[str, frozenset[str]] = {
    "schemas": frozenset(),
    "rules": frozenset({"schemas"}),
    "profiles": frozenset({"schemas"}),
    "consumers": frozenset({"schemas", "rules", "profiles"}),
    "app": frozenset({"schemas", "rules", "profiles", "consumers"}),
}
DOORS: Mapping[str, tuple[str, ...]] = {
    "aiokafka": ("consumers/kafka/",),
    "redis": ("profiles/", "consumers/redis_streams.py"),
    "fastapi": ("app/",),
    "starlette": ("app/",),
    "uvicorn": ("app/",),
    "pyarrow": ("app/loading/parquet_rows.py", "consumers/archive/"),
}


def sources() -> dict[str, str]:
    """Text by path of every module of the five folders."""
    files = (file for folder in MAY_IMPORT for file in sorted((ROOT / folder).rglob("*.py")))
    return {file.relative_to(ROOT).as_posix(): file.read_text() for file in files}


def violations(files: Mapping[str, str]) -> list[str]:
    return [
        f"{path}:{line}: imports {imported}"
        for path, text in files.items()
        for line, imported in imports(text)
        if not allowed(path, imported)
    ]


def imports(text: str) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every import, also those inside functions."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.partition(".")[0]


def allowed(path: str, imported: str) -> bool:
    folder = path.partition("/")[0]
    if imported in MAY_IMPORT:
        return imported == folder or imported in MAY_IMPORT[folder]
    return imported not in DOORS or path.startswith(DOORS[imported])


def test_imports_point_one_way_and_each_library_has_its_door() -> None:
    assert violations(sources()) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("schemas/base.py", "import rules.ruleset"),
        ("rules/decide.py", "from profiles.profile import Profile"),
        ("profiles/fold.py", "from rules import codes"),
        ("consumers/loop.py", "def late():\n    from app.metrics import Metrics"),
        ("consumers/loop.py", "import redis.asyncio"),
        ("app/bootstrap.py", "from redis.asyncio import Redis"),
        ("consumers/kafka_like.py", "import aiokafka"),
        ("rules/decide.py", "from starlette.requests import Request"),
    ],
)
def test_a_violation_is_noticed(path: str, text: str) -> None:
    assert len(violations({path: text})) == 1


WATCHED = """
import importlib, sys

FORBIDDEN = ("socket.connect", "socket.bind", "socket.sendto", "subprocess.Popen", "os.fork", "os.posix_spawn")
caught = []
sys.addaudithook(lambda event, args: caught.append(event) if event in FORBIDDEN else None)
for name in sys.argv[1:]:
    before = len(caught)
    importlib.import_module(name)
    for event in caught[before:]:
        print(f"{name}: {event}")
"""


def opened_by(modules: list[str], path: Path) -> str:
    """What importing these modules did with sockets and processes, one line each."""
    environ = {**os.environ, "PYTHONPATH": str(path)}
    command = [sys.executable, "-P", "-c", WATCHED, *modules]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_opens_nothing() -> None:
    modules = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in sources()]
    assert opened_by([name for name in modules if not name.endswith("__main__")], ROOT) == ""
    assert opened_by(["app.__main__"], ROOT) == ""


def test_a_module_that_opens_something_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "eager.py").write_text("import socket\nsocket.socket().bind(('127.0.0.1', 0))\n")
    assert opened_by(["eager"], tmp_path) == "eager: socket.bind\n"


def test_another_package_with_one_of_our_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "__init__.py").write_text("")
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-P", "-c", "import app"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert f"`rules` is {tmp_path / 'rules' / '__init__.py'}" in done.stderr
