"""schemas/asyncapi.yaml is what models and topic table say, and the official parser finds nothing wrong in it."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from schemas.asyncapi import component, document, written
from schemas.export import ASYNCAPI, INCOMING, OUTGOING, documents
from schemas.topics import TOPICS, Topic
from tests.needs import need

ROOT = Path(__file__).parents[2]
PARSER = ROOT / "tests" / "asyncapi"
INSTALL = "Debian, Ubuntu: apt-get install nodejs npm"


def test_the_committed_document_is_that_of_the_models() -> None:
    assert ASYNCAPI.read_text(encoding="utf-8") == written(), "run `make schemas`"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_payload_is_the_exported_schema(topic: Topic) -> None:
    """It differs in where definitions stand, and in how `discriminator` is written (AsyncAPI is draft 07)."""
    (name,) = [name for name, model in {**INCOMING, **OUTGOING}.items() if model is topic.message]
    exported = json.loads(documents()[f"{name}.schema.json"])
    del exported["$schema"]
    definitions = exported.pop("$defs", {})
    described = document()["components"]["schemas"]

    for each, schema in {component(topic): exported, **definitions}.items():
        moved = json.loads(json.dumps(schema).replace("#/$defs/", "#/components/schemas/"))
        if "discriminator" in moved:
            moved["discriminator"] = moved["discriminator"]["propertyName"]
        assert described[each] == moved
        Draft7Validator.check_schema(moved)


def test_every_topic_is_described() -> None:
    assert list(document()["channels"]) == [topic.name for topic in TOPICS]


@pytest.fixture(scope="session")
def parser() -> Path:
    """The folder of the official parser, fetched once by npm in the versions of the lock file."""
    need(None if shutil.which("node") and shutil.which("npm") else f"node and npm validate asyncapi.yaml. {INSTALL}")
    lock = (PARSER / "package-lock.json").read_bytes()
    folder = ROOT / "var" / f"asyncapi-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as draft:
            shutil.copytree(PARSER, Path(draft, "parser"))
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=Path(draft, "parser"), capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            Path(draft, "parser").rename(folder)
    return folder


def found_by(parser: Path, file: Path) -> subprocess.CompletedProcess[str]:
    shutil.copy(PARSER / "validate.mjs", parser)
    command = ["node", str(parser / "validate.mjs"), str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_official_parser_finds_nothing(parser: Path) -> None:
    done = found_by(parser, ASYNCAPI)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout == f"channels: {' '.join(topic.name for topic in TOPICS)}\n"


def test_the_official_parser_finds_what_is_wrong(parser: Path, tmp_path: Path) -> None:
    broken: dict[str, Any] = document()
    broken["operations"]["send-decisions"]["channel"] = {"$ref": "#/channels/nowhere"}
    broken["components"]["schemas"]["DeadLetter"]["type"] = "thing"
    file = tmp_path / "broken.yaml"
    file.write_text(yaml.safe_dump(broken))

    done = found_by(parser, file)

    assert done.returncode == 1
    assert "operations.send-decisions.channel" in done.stdout
