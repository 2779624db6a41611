"""What is asked under load: requests for a decision, each with an interaction that just happened.

A request is a line with two numbers to be filled in, that of the customer and that of the interaction; `decide.lua`
fills them in as `filled` does.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import orjson

from bench.catalogue import ASKED
from bench.profiles import PRODUCTS

LINES = 500
STEP = 7919
"""Prime, so that every customer is asked for before any is asked for again."""


def lines(types: Sequence[str], chance: random.Random, tag: str) -> list[str]:
    """`tag` keeps interactions of several runs apart."""
    return [_line(types[number % len(types)], chance, tag) for number in range(LINES)]


def _line(kind: str, chance: random.Random, tag: str) -> str:
    data = {"product": chance.choice(PRODUCTS), "amount": chance.randrange(500, 30_000) / 100}
    request = {
        "customer": "c%07d",
        "channel": ASKED[0],
        "placements": [{"placement": ASKED[1], "count": 2}],
        "interaction": {"id": f"{tag}-%010d", "source": "shop", "type": kind, "data": data},
    }
    return orjson.dumps(request).decode()


def filled(asked: Sequence[str], number: int, customers: int) -> bytes:
    return (asked[number % len(asked)] % (number * STEP % customers, number)).encode()


def read(path: Path) -> list[str]:
    return path.read_text().splitlines()
