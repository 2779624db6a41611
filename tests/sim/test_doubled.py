"""Every record of the log twice, the second time at any later place: the same customers, and nothing is said again."""

import asyncio
from typing import Any

import pytest

from consumers.live import LivePolicy
from tests.builders import CATALOGUE, SHOP, live
from tests.consumers.test_actions import CELLS, LETTER, MESSAGE
from tests.consumers.test_lifecycle import STAGES
from tests.sim.doubled import Life

OPERATIONS = ("interact",) * 6 + ("decide",) * 3 + ("respond",) * 2 + ("pass",) * 2 + ("judge",)
COUNT = 150


def rich() -> LivePolicy:
    """Everything that a fold can lead to."""
    rules: list[dict[str, Any]] = [
        {
            "id": "big",
            "when": "purchase",
            "if": "event.amount > 5.0",
            "propose": "letter",
            "act": [{"call_list": "vip"}, {"nudge": "hero", "text": "{event.amount}"}, MESSAGE],
        },
        {
            "id": "rescue",
            "when": {"after": "page_view", "absent": "purchase", "within": "20m", "by": "event.product"},
            "act": [{"call_list": "lost", "at_most_once": "1h"}],
        },
        {"id": "since", "when": {"at": "customer.since"}, "act": [{"call_list": "birthday"}]},
        {"id": "away", "when": {"inactive": "2d"}, "act": [{"call_list": "away"}]},
    ]
    return live(
        rules=rules,
        offers=[*CATALOGUE["offers"], LETTER],
        campaigns=[
            {
                "id": "spring",
                "programs": [
                    {
                        "id": "gifts",
                        "cells": [{**CELLS[0], "share": 60}, {"id": "control", "share": 40, "holdout": True}],
                    }
                ],
            }
        ],
        outcomes={
            **SHOP["outcomes"],
            "no_response": {"class": "neutral", "after": {"web": "30m", "email": "3d"}},
        },
        stages=STAGES,
        lifecycle={"review": "7d"},
    )


POLICY = rich()


def lived(seed: int, again: float) -> Life:
    return asyncio.run(Life(POLICY, seed, again).go_on(OPERATIONS, COUNT))


@pytest.mark.parametrize("seed", range(12))
def test_records_that_come_twice_change_nothing(seed: int) -> None:
    once, twice = lived(seed, again=0), lived(seed, again=1)
    expected, found = once.found(), twice.found()
    for name, value in expected.items():
        assert found[name] == value, f"seed {seed}: {name}"
    assert twice.repeated > COUNT


def test_a_life_leads_to_everything() -> None:
    """Otherwise the comparison would say little."""
    kinds = set()
    counted = set()
    for seed in range(12):
        life = lived(seed, again=0)
        kinds |= {topic for topic, *_ in life.said} | {topic for topic, *_ in life.store.kept}
        counted |= {name.rpartition("|")[2] for name in life.store.counts}
        kinds |= {"passed"} if life.passed else set()
    assert kinds == {"interactions", "decisions", "responses", "identities", "actions", "passed"}
    assert {"decisions", "decided", "withheld", "presented", "positive", "amount", "outcome:no_response"} <= counted
