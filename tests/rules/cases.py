"""Decisions as data: reads `tests/cases/*.yaml` and decides what they ask.

A file has a `policy` fragment and `cases`; a case may have a fragment of its own over it. Fragments are laid over the
shop of `tests.builders`: `offers`, `campaign`, `program` and `cell` change what is there or add to it, every other
section stands for itself. Times are written as how long ago they were.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from consumers.live import LivePolicy
from rules.arbitration import NothingLearned
from rules.decide import Judgement, decide
from schemas.base import at_ms, duration_ms, moment
from schemas.cells import Cells
from schemas.decision import Facts
from schemas.ledger import Ledger, LedgerEntry, Proposal
from schemas.stock import Taking
from schemas.supplies import counted
from tests.builders import CATALOGUE, MINUTE, NOON_MS, live

FOLDER = Path(__file__).parents[1] / "cases"
PATCHED = ("offers", "campaign", "program", "cell")
WORDED = {"channel": "web", "placement": "hero", "content": {"title": "x"}}


@dataclass(frozen=True, slots=True)
class Case:
    file: str
    name: str
    policy: Mapping[str, Any]
    given: Mapping[str, Any]
    """Everything but the policy and the name."""

    def live(self) -> LivePolicy:
        return _compiled(yaml.safe_dump(_sections(self.policy), sort_keys=False))

    @property
    def now_ms(self) -> int:
        at = self.given.get("at")
        return at_ms(datetime.fromisoformat(at)) if at else NOON_MS

    def facts(self) -> Facts:
        given = self.given
        channel = given.get("channel", "web")
        placements = tuple((name, count) for name, count in given.get("ask", {"hero": 1}).items())
        values = {"now": moment(self.now_ms), **{name: _typed(each) for name, each in given.get("facts", {}).items()}}
        cells = given.get("cells", {"gifts": "all"})
        stock = {name: counted(name, left) for name, left in given.get("stock", {}).items()}
        return Facts(given.get("subject", "customer:alice"), channel, placements, values, self._ledger(), cells, stock)

    def _ledger(self) -> Ledger:
        entries = [_entry(number, each, self.now_ms) for number, each in enumerate(self.given.get("ledger", ()))]
        proposals = tuple(
            Proposal(
                each.get("rule", "gone"),
                tuple(each["offers"]),
                tuple(each.get("on", ())),
                each.get("boost", 1.0),
                self.now_ms + duration_ms(each["left"]),
            )
            for each in self.given.get("proposals", ())
        )
        forgotten = self.given.get("forgotten")
        ordered = tuple(sorted(entries, key=lambda each: each.at_ms))
        forgotten_ms = self.now_ms - duration_ms(forgotten) if forgotten else 0
        return Ledger(ordered, proposals, forgotten_ms, cells=self._cells())

    def _cells(self) -> Cells:
        """Each as the ledger of another identifier has it."""
        known = self.given.get("remembered", {})
        return {
            key: [{cell: [self.now_ms - duration_ms(ago)] * 2} for cell, ago in each.items()]
            for key, each in known.items()
        }

    @property
    def seed(self) -> int:
        return int(self.given.get("seed", 1))

    def decided(self) -> Judgement:
        return decide(self.facts(), self.live().ruleset, NothingLearned(), self.now_ms, self.seed)


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for each in document["cases"]:
            policy = {**document.get("policy", {}), **each.get("policy", {})}
            given = {name: value for name, value in each.items() if name not in ("name", "policy")}
            yield Case(path.stem, each["name"], policy, given)


def _typed(value: Any) -> Any:
    """A time is written as `@2026-03-10T12:00:00Z`."""
    return datetime.fromisoformat(value[1:]) if isinstance(value, str) and value.startswith("@") else value


def _entry(number: int, given: Mapping[str, Any], now_ms: int) -> LedgerEntry:
    outcomes = {name: now_ms - duration_ms(ago) for name, ago in given.get("outcomes", {}).items()}
    decided_ms = now_ms - duration_ms(given["ago"])
    said = {name: now_ms - duration_ms(ago) for name, ago in given.get("said", {}).items()}
    return LedgerEntry(
        code=f"code-{number}",
        decision="0000-x",
        campaign=given.get("campaign", "spring"),
        program=given.get("program", "gifts"),
        cell=given.get("cell", "all"),
        offer=given["offer"],
        treatment="",
        channel=given.get("channel", "web"),
        at_ms=decided_ms,
        until_ms=decided_ms + duration_ms(given["open"]) if "open" in given else decided_ms + 30 * MINUTE,
        logged=not said,
        transactional=given.get("transactional", False),
        withheld=given.get("withheld", False),
        continues=given.get("continues"),
        same_contact="continues" in given,
        outcomes=outcomes,
        presented="presented" in outcomes,
        said=said,
        takes={supply: _taking(supply, each) for supply, each in given.get("takes", {}).items()},
        used={supply: now_ms - duration_ms(ago) for supply, ago in given.get("used", {}).items()},
    )


def _taking(supply: str, given: Mapping[str, Any]) -> Taking:
    """Of a supply, until it is accepted."""
    return Taking(amount=counted(supply, given["amount"]), confirm="positive", hold_ms=duration_ms(given["hold"]))


def _sections(policy: Mapping[str, Any]) -> dict[str, Any]:
    offers = {each["id"]: each for each in CATALOGUE["offers"]}
    added = []
    for name, over in policy.get("offers", {}).items():
        if name not in offers:
            added.append(name)
            offers[name] = {"id": name, "name": name, "always": True, "treatments": [{"id": f"{name}-t", **WORDED}]}
        offers[name] = {**offers[name], **over}
    (campaign,) = CATALOGUE["campaigns"]
    (program,) = campaign["programs"]
    treated, control = program["cells"]
    treated = {**treated, "offers": [*treated["offers"], *added], **policy.get("cell", {})}
    program = {**program, "cells": [treated, control], **policy.get("program", {})}
    sections = {name: each for name, each in policy.items() if name not in PATCHED}
    return {
        "campaigns": [{**campaign, "programs": [program], **policy.get("campaign", {})}],
        "offers": list(offers.values()),
        **sections,
    }


@cache
def _compiled(text: str) -> LivePolicy:
    return live(**yaml.safe_load(text))
