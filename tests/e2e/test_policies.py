"""The life of a policy on the real processes, by the commands that people type."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.service import ROOT, Service, eventually

AHEAD_S = 45
"""Later than a command takes on a busy machine."""


class Person:
    """Somebody with a key of their own."""

    def __init__(self, service: Service, name: str, scopes: str) -> None:
        self._service = service
        self._key = service.run("keys", "make", name, "--scopes", scopes).stdout.split()[-1]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {**self._service.environ, "OPPORTUNE_KEY": self._key}
        return subprocess.run(
            self._service.command(*words), cwd=ROOT, env=environ, capture_output=True, text=True, check=False
        )


def test_four_eyes_a_time_and_the_way_back(service: Service, shop_folder: Path) -> None:
    service.publish(shop_folder)
    before = service.get("/readyz")["policy"]
    ann, bob = Person(service, "ann", "publish"), Person(service, "bob", "approve,read")

    policy = shop_folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("value: 10", "value: 12"))
    told = service.run("diff", str(shop_folder))
    assert told.stdout == "Offers\n  Offer mug: value 10 → 12 EUR\n"

    nobody = subprocess.run(
        service.command("publish", str(shop_folder)), cwd=ROOT, env=service.environ, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert nobody.returncode == 1
    assert "say who you are: bob can approve" in nobody.stderr

    drafted = ann.run("publish", str(shop_folder), "--note", "dearer mugs")
    assert drafted.returncode == 3, drafted.stderr
    revision = drafted.stdout.split()[-1]
    assert f"opportune approve {revision}" in drafted.stderr
    refused = ann.run("approve", revision)
    assert (refused.returncode, "the scope `approve`" in refused.stderr) == (1, True)
    assert bob.run("approve", revision).stdout == f"approved: {revision}\n"

    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=AHEAD_S)
    scheduled = ann.run("publish", revision, "--at", due.isoformat())
    assert scheduled.stdout.startswith(f"scheduled: {revision} at {due:%Y-%m-%dT%H:%M:%S}"), scheduled.stderr
    assert service.get("/readyz")["policy"] == before
    eventually("API and worker have switched", lambda: len(taken_over(service, revision)) == 2, 120)
    for each in taken_over(service, revision):
        assert 0 <= (each - due).total_seconds() < 2, "a second, and what a busy machine takes"

    back = ann.run("rollback", "--note", "too dear")
    assert back.stdout == f"live: {before}\n", back.stderr
    eventually("the old one is live again", lambda: service.get("/readyz")["policy"] == before)
    assert "not approved" in ann.run("publish", revision).stderr
    audit = json.loads(service.run("audit", "--json").stdout)["entries"]
    assert [each["note"].split(" of ")[1] for each in audit if each["step"] == "key_made"] == [
        "ann, which may publish",
        "bob, which may approve",
    ]
    steps = [(each["step"], each["revision"], each["who"]) for each in audit if each["step"] != "key_made"]
    assert steps[2:] == [
        ("drafted", revision, "ann"),
        ("approved", revision, "bob"),
        ("scheduled", revision, "ann"),
        ("live", revision, "ann"),
        ("rolled_back", before, "ann"),
    ]
    listed = service.run("policies").stdout
    assert f"{revision}  rolled back  shop  drafted " in listed
    assert f"{before}  live         shop  drafted " in listed


def taken_over(service: Service, revision: str) -> list[datetime]:
    """When each process has taken the policy over, by its log."""
    lines = [line for line in service.log().splitlines() if '"policy is live"' in line and revision in line]
    found: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [datetime.fromisoformat(each["at"]) for each in found]


def test_folders_are_compared_without_a_store(tmp_path: Path, shop_folder: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "policy.yaml").write_text("# says the same\n" + (shop_folder / "policy.yaml").read_text())
    environ = {**{name: each for name, each in os.environ.items() if not name.startswith("OPPORTUNE_")},
               "OPPORTUNE_VAR": str(tmp_path / "nowhere")}  # fmt: skip
    done = subprocess.run(
        Service.command("diff", str(shop_folder), str(other)),
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "no difference: only the way it is written differs\n"), done.stderr
