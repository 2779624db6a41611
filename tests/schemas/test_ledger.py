"""What stands in Redis of a ledger: written as it always was, so that an upgraded service reads what is there."""

from typing import Any

import orjson
import pytest

from schemas.ledger import Credit, Inferred, Ledger, LedgerEntry

PLAIN: dict[str, Any] = {
    "code": "0031M84QXZ9T",
    "decision": "0003-1M84",
    "campaign": "autumn",
    "program": "outbound",
    "cell": "plain",
    "offer": "pen",
    "treatment": "pen-web",
    "channel": "web",
    "at_ms": 1_772_000_000_000,
    "until_ms": 1_772_000_900_000,
}
FULL: dict[str, Any] = {
    **PLAIN,
    "logged": True,
    "transactional": True,
    "withheld": True,
    "outcomes": {"presented": 1_772_000_001_000},
    "presented": True,
    "positive": True,
    "said": {"accepted": 1_772_000_002_000},
    "amounts": {"converted": 125_000},
    "awaits_ms": 1_772_000_003_000,
    "unanswered": {"no_response": 1_772_000_004_000},
    "takes": {"offer:pen": {"amount": 1, "confirm": "impression", "hold_ms": 1_800_000}},
    "used": {"offer:pen": 1_772_000_005_000},
    "holdout": {"all": False},
    "continues": "0031M84QXZ9A",
    "same_contact": True,
    "inferred": {
        "met": {"e1": 1_772_000_006_000},
        "outcomes": {"bought": 1_772_000_006_000},
        "answers": True,
        "credits": {"e1": ["bought", 1_772_000_006_000, 10_000, 125_000]},
        "settled": {"bought": ["bought", 1_772_000_007_000, 5_000, 0]},
    },
}
LEDGERS: list[dict[str, Any]] = [
    {"entries": [], "proposals": []},
    {"entries": [PLAIN, FULL], "proposals": []},
    {
        "entries": [PLAIN],
        "proposals": [
            {"rule": "keen", "offers": ["pen", "mug"], "channels": [], "boost": 1.5, "until_ms": 1_772_000_000_000}
        ],
        "forgotten_ms": 1_771_000_000_000,
        "goal_events": [
            {"id": "e", "type": "purchase", "at_ms": 3, "channel": "web", "data": {"amount": 2.5, "x": None}}
        ],
        "settled_ms": 4,
        "abroad": {"0031M84QXZ9T": FULL["inferred"], "0031M84QXZ9U": {}},
        "cells": {"autumn/outbound": [{"plain": [1, 2]}], "holdout all": [{"served": [1, 2]}, {"holdout": [3, 4]}]},
    },
]


@pytest.mark.parametrize("written", LEDGERS)
def test_what_was_written_is_read_and_written_again_byte_for_byte(written: dict[str, Any]) -> None:
    text = orjson.dumps(written)
    read = Ledger.loads(text)
    assert read.dumps() == text
    assert Ledger.from_json(written) == read
    assert orjson.dumps(read.as_json()) == text


def test_what_is_read_is_of_its_type() -> None:
    (_, entry) = Ledger.loads(orjson.dumps(LEDGERS[1])).entries
    assert isinstance(entry, LedgerEntry)
    assert isinstance(entry.inferred, Inferred)
    assert entry.inferred.credits == {"e1": Credit("bought", 1_772_000_006_000, 10_000, 125_000)}
