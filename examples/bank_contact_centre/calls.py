"""The file, as calls: what the desktop knows when the call starts, and what the client answered.

Promises that nothing is used which is known only after the call (`duration`, `y` before the answer), and that
what the file calls unknown is left out. Field notes: examples/bank-contact-centre/data/ATTRIBUTION.md.
"""

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "bank-contact-centre" / "data" / "bank-additional-full.csv.gz"
CALLS = 41_188
DESKTOPS = 40
"""The calls are shared out among so many desktops, each of which is a source of interactions."""

UNKNOWN = "unknown"
NEVER = {"pdays": "999", "poutcome": "nonexistent"}
"""How the file says that there was no earlier campaign."""

TEXTS = {"job": "job", "marital": "marital", "education": "education", "poutcome": "previous_outcome"}
FLAGS = {"default": "in_default", "housing": "housing_loan", "loan": "personal_loan"}
NUMBERS = {
    "age": "age",
    "campaign": "contacts_this_campaign",
    "previous": "contacts_before",
    "pdays": "days_since_last_campaign",
}
ECONOMY = {
    "emp.var.rate": "employment_variation",
    "cons.price.idx": "consumer_prices",
    "cons.conf.idx": "consumer_confidence",
    "euribor3m": "euribor_3m",
    "nr.employed": "employees",
}


@dataclass(frozen=True, slots=True)
class Call:
    number: int
    """From 1, in the order of the file."""
    data: dict[str, Any]
    """Of the interaction `call_started`."""
    context: dict[str, Any]
    says_yes: bool
    """What the client really answered to the deposit."""

    @property
    def customer(self) -> str:
        return f"bank-{self.number:05d}"

    @property
    def request(self) -> dict[str, Any]:
        """The desktop's question. Its ids are the same in every run, so that the interaction counts once."""
        return {
            "customer": self.customer,
            "channel": "call",
            "placements": [{"placement": "agent", "count": 1}],
            "context": self.context,
            "interaction": {
                "id": f"call-{self.number:05d}",
                "source": f"desktop/{self.number % DESKTOPS:02d}",
                "type": "call_started",
                "data": self.data,
            },
        }

    @property
    def answer(self) -> str:
        return "accepted" if self.says_yes else "declined"


def read_calls(path: Path = DATA, first: int | None = None) -> Iterator[Call]:
    """The calls in the order of the file, all of them or the `first` so many."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for number, row in enumerate(islice(csv.DictReader(lines, delimiter=";"), first), start=1):
            yield call_of(number, row)


def call_of(number: int, row: Mapping[str, str]) -> Call:
    known = {name: text for name, text in row.items() if text not in (UNKNOWN, NEVER.get(name))}
    return Call(
        number=number,
        data=(
            {ours: known[theirs] for theirs, ours in TEXTS.items() if theirs in known}
            | {ours: known[theirs] == "yes" for theirs, ours in FLAGS.items() if theirs in known}
            | {ours: int(known[theirs]) for theirs, ours in NUMBERS.items() if theirs in known}
            | {"line": known["contact"]}
        ),
        context=(
            {"month": known["month"], "weekday": known["day_of_week"]}
            | {ours: float(known[theirs]) for theirs, ours in ECONOMY.items()}
        ),
        says_yes=row["y"] == "yes",
    )
