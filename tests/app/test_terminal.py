"""What `up` prints can be typed as it stands."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from app import ROOT
from app.checking import Report
from app.supervisor import Up
from app.terminal import announce, ourselves, redis_cli, show_report
from rules.policy import Finding, Position

UP = Up("http://127.0.0.1:8080", "unix:///tmp/a%20b/redis.sock", Path("/tmp/a b"), None, None)


def test_paths_with_spaces_are_one_word() -> None:
    assert shlex.split(redis_cli(UP))[1:] == ["-s", "/tmp/a b/redis.sock"]
    assert shlex.split(ourselves(UP))[0] == "OPPORTUNE_VAR=/tmp/a b"


def test_from_the_checkout_with_the_usual_folder_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert ourselves(replace(UP, var=ROOT / "var")) == "./opportune"
    monkeypatch.chdir("/")
    assert ourselves(replace(UP, var=Path("/var"))) == shlex.quote(str(ROOT / "opportune"))


def test_a_redis_of_ones_own_is_named_without_its_password() -> None:
    up = replace(UP, var=None, redis="redis://:hunter2@host:6379/0")
    assert ourselves(up).startswith("OPPORTUNE_REDIS=redis://host:6379/0 ")
    assert shlex.split(redis_cli(up))[1:] == ["-u", "redis://host:6379/0"]


def test_one_node_of_a_cluster_leads_to_all() -> None:
    up = replace(UP, var=None, redis="redis+cluster://:hunter2@one:7001,two:7002")
    assert ourselves(up).startswith("OPPORTUNE_REDIS=redis+cluster://one:7001,two:7002 ")
    assert shlex.split(redis_cli(up))[1:] == ["-c", "-h", "one", "-p", "7001"]


def test_the_worker_is_found_where_its_port_is_fixed(capsys: pytest.CaptureFixture[str]) -> None:
    announce(replace(UP, worker_metrics="http://127.0.0.1:9101/metrics"))
    assert "http://127.0.0.1:9101/metrics" in capsys.readouterr().out


def test_other_settings_are_named_without_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    announce(UP)
    assert "settings" not in capsys.readouterr().out
    announce(replace(UP, others=("OPPORTUNE_KAFKA", "OPPORTUNE_KAFKA_SECRET")))
    assert "  settings   there as here: OPPORTUNE_KAFKA, OPPORTUNE_KAFKA_SECRET\n" in capsys.readouterr().out


def test_a_report_counts_in_the_singular_and_the_plural() -> None:
    wrong = Finding("error", Position("rules.yaml"), "x")
    lines: list[str] = []
    show_report(Report({"a": "", "b": ""}, (wrong, replace(wrong, severity="warning")), None, 0, 0), lines.append)
    assert lines[-1] == "2 files, 1 error, 1 warning: the policy does not fit; its examples were not run"
