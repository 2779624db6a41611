"""The roles of a worker, and whether it is alive."""

import time
import urllib.error
import urllib.request
from dataclasses import dataclass

import pytest

from app.errors import StartError
from app.liveness import SILENT_AFTER_S, Liveness
from app.log_choice import require_partitions
from app.metrics import Metrics
from app.metrics_server import metrics_server
from app.roles import roles_of
from app.settings import Settings

EMBEDDED = Settings.from_env({})
KAFKA = Settings.from_env({"OPPORTUNE_KAFKA": "k:9092"})
ARCHIVED = Settings.from_env({"OPPORTUNE_KAFKA": "k:9092", "OPPORTUNE_ARCHIVE": "./archive"})


@pytest.mark.parametrize(
    ("settings", "roles"),
    [
        (EMBEDDED, {"profiles", "timers", "dead-letters"}),
        (KAFKA, {"profiles", "timers", "dead-letters", "relay"}),
        (ARCHIVED, {"profiles", "timers", "dead-letters", "relay", "archive"}),
    ],
)
def test_without_a_word_a_worker_does_all_that_makes_sense(settings: Settings, roles: set[str]) -> None:
    assert roles_of("", settings) == roles


def test_roles_are_named_with_commas() -> None:
    everything = "profiles,timers,relay,scorecard,archive,dead-letters"
    assert roles_of(everything, ARCHIVED) == {"profiles", "timers", "relay", "archive", "dead-letters"}
    assert roles_of(" timers , relay ", KAFKA) == {"timers", "relay"}


@pytest.mark.parametrize(
    ("given", "settings", "told"),
    [
        ("relay", EMBEDDED, "the role `relay` needs Kafka"),
        ("archive", KAFKA, "the role `archive` needs a place"),
        ("profile", KAFKA, "there is no role `profile`"),
        ("scorecard", KAFKA, "the role `scorecard` needs no process"),
    ],
)
def test_roles_that_make_no_sense_are_refused(given: str, settings: Settings, told: str) -> None:
    with pytest.raises(StartError, match=told):
        roles_of(given, settings)


def test_partitions_must_divide_the_shards() -> None:
    require_partitions(KAFKA, 64)
    with pytest.raises(StartError, match="16 partitions do not divide the 24 shards") as told:
        require_partitions(KAFKA, 24)
    assert "1, 2, 3, 4, 6, 8, 12 or 24 partitions" in told.value.hint


@dataclass
class Loop:
    stepped: float


def asked(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address.replace("/metrics", "/healthz")) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_a_worker_that_does_not_move_says_so() -> None:
    liveness, loop, stuck = Liveness(), Loop(time.monotonic()), False
    liveness.watch("the fold", loop)
    liveness.watch("the intake", Loop(time.monotonic()), lambda: stuck)
    with metrics_server(Metrics(), liveness, "127.0.0.1", 0) as address:
        assert asked(address) == (200, '{"status": "alive", "reasons": []}')
        with urllib.request.urlopen(address) as answer:
            assert b"opportune_intake_taken_total 0.0" in answer.read()
        stuck = True
        assert asked(address)[0] == 503
        assert "the intake gets nowhere though there is more" in asked(address)[1]
        stuck, loop.stepped = False, time.monotonic() - SILENT_AFTER_S - 1
        assert "the fold has stood still for 31 s" in asked(address)[1]
