"""The calls of the README work one after the other, as they stand there."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.service import ROOT, Service


def calls() -> list[str]:
    text = (ROOT / "README.md").read_text()
    section = text[text.index("## Use it") : text.index("## Write a policy")]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_three_calls_work_one_after_the_other(tmp_path: Path) -> None:
    service = Service(tmp_path / "var")
    service.start()
    try:
        script = "\nsleep 1\n".join(["set -e", *calls()])  # nobody types faster
        script = script.replace("localhost:8080", f"127.0.0.1:{service.port}")
        script = script.replace("/tmp/answer.json", str(tmp_path / "answer.json"))
        environ = {**os.environ, "OPPORTUNE_VAR": str(tmp_path / "var")}
        done = subprocess.run(["sh", "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    finally:
        service.close()
    assert done.returncode == 0, done.stderr
    assert '{"accepted":1,"refused":[]}' in done.stdout
    assert '"outcome":"accepted"' in done.stdout.rsplit("{", 1)[1]
    assert len(json.loads((tmp_path / "answer.json").read_text())["treatments"]) == 1
