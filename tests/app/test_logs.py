"""What a library logs again and again is logged seldom."""

import logging
from typing import Any

import pytest

from app.logs import EVERY_S, Seldom


def record(name: str, text: str, *args: Any, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, text, args, None)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_the_same_template_comes_once_in_a_while_with_how_many_were_left_out() -> None:
    clock = Clock()
    seldom = Seldom("aiokafka", clock)
    node = "Unable connect to node with id %s: %s"
    assert [seldom.filter(record("aiokafka", node, n, "refused")) for n in range(1_000)] == [True] + [False] * 999
    assert seldom.filter(record("aiokafka", "Unable to update metadata from %s", [1]))
    assert seldom.filter(record("aiokafka.consumer", node, 1, "refused"))
    clock.now_s += EVERY_S
    again = record("aiokafka", node, 1, "refused")
    assert seldom.filter(again)
    assert vars(again)["left_out"] == 999
    clock.now_s += EVERY_S
    after = record("aiokafka", node, 1, "refused")
    assert seldom.filter(after)
    assert "left_out" not in vars(after)


def test_what_is_ours_is_all_logged() -> None:
    seldom = Seldom("aiokafka", Clock())
    assert all(seldom.filter(record(name, "the same")) for name in ["consumers.kafka.intake", "aiokafkaesque"] * 3)


@pytest.mark.parametrize(("level", "is_shown"), [(logging.INFO, True), (logging.WARNING, False)])
def test_a_cluster_without_groups_yet_is_no_error(level: int, is_shown: bool) -> None:
    root = logging.getLogger()
    before = root.level
    root.setLevel(level)
    try:
        told = "Group Coordinator Request failed: %s"
        found = record("aiokafka.consumer.group_coordinator", told, "[Error 15] GroupCoordinatorNotAvailableError")
        assert Seldom("aiokafka", Clock()).filter(found) == is_shown
        assert found.levelname == "INFO"
        assert Seldom("aiokafka", Clock()).filter(record("aiokafka.consumer", told, "[Error 16] NotCoordinator"))
    finally:
        root.setLevel(before)
