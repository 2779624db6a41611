"""The commands of the examples' READMEs work one after the other, as they stand there, on the real service."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import ROOT
from tests.e2e.service import Service

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "var")
    service.start()
    try:
        yield service
    finally:
        service.close()


def followed(example: str, service: Service, var: Path) -> list[str]:
    """What each of the blocks prints, followed by somebody who types no faster than one a second."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "examples" / example / "README.md").read_text(), re.DOTALL)
    script = "\necho ----; sleep 1\n".join(["set -e", *blocks])
    script = script.replace("localhost:8080", f"127.0.0.1:{service.port}")
    environ = {**os.environ, "OPPORTUNE_VAR": str(var), "COLUMNS": "200"}
    done = subprocess.run(["sh", "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("----\n")[1:]


def test_the_telecom_from_the_load_to_the_call_list(service: Service, tmp_path: Path) -> None:
    checked, published, customer, _, actions, decision = followed("telecom-retention", service, tmp_path / "var")
    assert "57 of 57 examples hold" in checked
    assert "7,043 rows, 7,043 accepted, 0 bad" in published
    assert json.loads(customer.splitlines()[-1])["stage"] == "onboarding"
    for entry in ("high-bill", "care", "save-desk"):
        assert re.search(rf"call_list +{entry} +7590-VHVEG", actions), actions
    assert "Bill 2026-11 of 88.4 USD, the plan costs 29.85" in actions
    assert "plan-advice" in [each["offer"] for each in json.loads(decision)["treatments"]]
    found = service.get("/v1/customers/7590-VHVEG")
    assert [each["stage"] for each in found["stages"]] == ["decline", "onboarding"], "the latest first"
    assert [each["channel"] for each in found["sessions"]] == ["call"], "a bill is no visit"


def test_the_web_shop(service: Service, tmp_path: Path) -> None:
    loaded, asked = followed("web-shop", service, tmp_path / "var")
    assert "12,330 rows, 12,330 accepted, 0 bad" in loaded
    visitor, decision = (json.loads(each) for each in asked.replace("}{", "}\n{").splitlines()[-2:])
    assert visitor["segments"] == ["likely-buyer", "returning"]
    assert [each["offer"] for each in decision["treatments"]] == ["last-step"]
