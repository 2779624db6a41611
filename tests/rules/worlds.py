"""Random policies, customers and histories, each from one seed."""

import random
from dataclasses import dataclass
from typing import Any

from consumers.live import LivePolicy
from rules.candidates import Candidate
from schemas.cells import Cells
from schemas.contact import CapScope
from schemas.decision import Facts
from schemas.ledger import Ledger, LedgerEntry, Proposal
from schemas.policy import Cap
from tests.builders import DAY, HOUR, MINUTE, NOON_MS, live

CHANNELS = ("web", "call")
PLACES = ("hero", "footer")
OUTCOMES: dict[str, Any] = {
    "presented": {"class": "impression"},
    "clicked": {"class": "neutral", "implies": ["presented"], "hand_over": {"to": ["web"], "for": "2d"}},
    "accepted": {"class": "positive", "implies": ["presented"], "ends": True},
    "declined": {"class": "negative", "implies": ["presented"], "ends": True},
}
CONDITIONS = (
    "customer.age >= 18",
    "customer.age < 40",
    "customer.member",
    "!has(customer.age) || customer.age > 5",
    'offer.class != "mandatory"',
    "offer.value > 3.0",
    'context.channel == "web"',
)
SCOPES: tuple[CapScope, ...] = ("customer", "channel", "campaign", "program", "category", "exclusive_group", "offer")


@dataclass(frozen=True, slots=True)
class World:
    policy: LivePolicy
    facts: Facts
    now_ms: int
    seed: int


def policy_of(seed: int) -> LivePolicy:
    """At most a dozen offers in up to four programs, with every kind of entry of the contact policy."""
    chance = random.Random(seed)
    offers = [_offer(f"o{n}", chance) for n in range(chance.randint(2, 12))]
    names = [each["id"] for each in offers]
    if len(names) > 3 and chance.random() < 0.5:
        offers[-1]["bundle"] = chance.sample(names[:-1], 2)
    programs = [_program(f"p{n}", names, chance) for n in range(chance.randint(1, 4))]
    half = len(programs) // 2
    campaigns = [
        {
            "id": f"c{n}",
            "programs": each,
            "lever": chance.choice([0, 50]),
            **({"budget": 10} if chance.random() < 0.5 else {}),
            **_dates(chance),
            **_conditions(chance, 0.2),
        }
        for n, each in enumerate((programs[:half], programs[half:]))
        if each
    ]
    rules = [_rule(f"r{n}", names, chance) for n in range(chance.randint(0, 6))]
    return live(
        attributes={"age": "int", "member": "bool", "city": "string", "since": "timestamp", "zone": "string"},
        outcomes=OUTCOMES,
        offers=offers,
        campaigns=campaigns,
        rules=rules,
        contact_policy=_contact(names, chance),
        arbitration={"at_most_per_category": chance.randint(1, 3)} if chance.random() < 0.5 else {},
        **({"holdout": {"share": 30}} if random.Random(f"holdout {seed}").random() < 0.3 else {}),
    )


def world(policy: LivePolicy, seed: int) -> World:
    chance = random.Random(seed)
    now_ms = NOON_MS + chance.randint(0, 7 * 24) * HOUR
    values: dict[str, Any] = {"context.channel": "web", "event.type": chance.choice(["purchase", "page_view"])}
    for name, choices in (("age", (3, 17, 30, 70)), ("member", (True, False)), ("zone", ("Asia/Tokyo", "Mars/Base"))):
        if chance.random() < 0.8 and (name != "zone" or chance.random() < 0.3):
            values[f"customer.{name}"] = chance.choice(choices)
    channel = chance.choice(CHANNELS)
    placements = tuple((name, chance.randint(1, 3)) for name in PLACES if name == "hero" or chance.random() < 0.5)
    ledger = _ledger(policy, now_ms, chance)
    subject = f"customer:{chance.randint(1, 1000)}"
    stock = {name: chance.choice([-1, 0, 1, 3, 10]) * each.least for name, each in policy.ruleset.supplies.items()}
    facts = Facts(subject, channel, placements, values, ledger, stock=stock)
    return World(policy, facts, now_ms, chance.randint(0, 2**53))


def _offer(name: str, chance: random.Random) -> dict[str, Any]:
    places = [(c, p) for c in CHANNELS for p in PLACES if chance.random() < 0.7] or [("web", "hero")]
    treatments = [
        {
            "id": f"{name}-{c}-{p}",
            "channel": c,
            "placement": p,
            "content": {"t": chance.choice(["x", "{customer.age}"])},
        }
        for c, p in places
    ]
    return {
        "id": name,
        "name": name,
        "class": chance.choice(["standard", "standard", "standard", "mandatory", "transactional"]),
        "value": chance.randint(1, 5),
        "always": chance.random() < 0.7,
        "cost": chance.choice([0, 0.5, 1, 2]),
        **({"inventory": 3} if chance.random() < 0.3 else {}),
        **({"category": chance.choice("xyz")} if chance.random() < 0.6 else {}),
        **({"exclusive_group": chance.choice("gh")} if chance.random() < 0.4 else {}),
        **_dates(chance),
        **_conditions(chance, 0.2),
        "treatments": treatments,
    }


def _program(name: str, offers: list[str], chance: random.Random) -> dict[str, Any]:
    cells = [{"id": "a", "share": 60, "offers": chance.sample(offers, chance.randint(1, len(offers)))}]
    cells.append({"id": "b", "share": 20, "offers": chance.sample(offers, 1), **_conditions(chance, 0.3)})
    cells.append({"id": "held", "share": 20, "holdout": True})
    return {"id": name, "cells": cells, **_conditions(chance, 0.2)}


def _conditions(chance: random.Random, likely: float) -> dict[str, str]:
    fields = ("eligible", "applicable", "suitable")
    return {each: chance.choice(CONDITIONS) for each in fields if chance.random() < likely}


def _dates(chance: random.Random) -> dict[str, str]:
    return {"ends": "2026-03-12"} if chance.random() < 0.1 else {}


def _rule(name: str, offers: list[str], chance: random.Random) -> dict[str, Any]:
    when = {"when": "purchase", "for": "3d"} if chance.random() < 0.5 else {}
    proposed = chance.sample(offers, chance.randint(1, 2))
    return {
        "id": name,
        "if": chance.choice(CONDITIONS[:4]),
        "propose": proposed,
        "boost": chance.choice([0.5, 2]),
        **when,
    }


def _contact(offers: list[str], chance: random.Random) -> dict[str, Any]:
    windows = ("1d", "7d", {"calendar": "day"}, {"calendar": "week"}, {"calendar": "month"})
    caps = [
        {
            "id": f"cap{n}",
            "per": chance.choice(SCOPES),
            "at_most": chance.randint(1, 4),
            "within": chance.choice(windows),
            "counting": chance.choice(["decided", "presented", "clicked"]),
            "including_current": chance.random() < 0.7,
            **({"channels": ["web"]} if chance.random() < 0.2 else {}),
        }
        for n in range(chance.randint(0, 4))
    ]
    some: dict[str, Any] = {"caps": caps, "customer_time_zone": "zone"}
    entries: dict[str, list[dict[str, Any]]] = {
        "do_not_contact": [{"id": "d", "if": "has(customer.age) && customer.age < 5", "spares": ["transactional"]}],
        "black_lists": [{"id": "b", "if": "customer.member", "offers": offers[:1]}],
        "requirements": [{"id": "r", "require": "customer.age > 1", "channels": ["call"]}],
        "quiet_hours": [{"id": "q", "from": "21:00", "until": "07:00", "spares": ["transactional"]}],
        "priorities": [{"id": "p", "channel": "call", "holds_back": ["web"], "for": "6h"}],
        "suppressions": [{"id": "s", "after": 2, "of": "unanswered", "within": "9d", "for": "9d"}],
        "cool_downs": [{"after": "declined", "per": chance.choice(SCOPES), "for": "5d"}],
    }
    return some | {section: each for section, each in entries.items() if chance.random() < 0.4}


def _ledger(policy: LivePolicy, now_ms: int, chance: random.Random) -> Ledger:
    candidates = [each for found in policy.ruleset.by_offer.values() for each in found]
    entries = []
    for number in range(chance.choice([0, 0, 1, 3, 8])):
        one = chance.choice(candidates)
        at_ms = now_ms - chance.choice([MINUTE, HOUR, 20 * HOUR, 3 * DAY, 8 * DAY])
        happened = [name for name in OUTCOMES if chance.random() < 0.3]
        outcomes = {name: chance.randint(at_ms, now_ms) for name in ("presented", *happened) if happened}
        entries.append(
            LedgerEntry(
                code=f"code-{number}",
                decision="0000-x",
                campaign=one.campaign.id,
                program=one.program.id,
                cell="a",
                offer=one.offer.id,
                treatment="",
                channel=chance.choice(CHANNELS),
                at_ms=at_ms,
                until_ms=at_ms + 30 * MINUTE,
                logged=True,
                transactional=one.offer.kind == "transactional",
                withheld=not happened and chance.random() < 0.2,
                outcomes=outcomes,
                presented="presented" in outcomes,
            )
        )
    waiting = tuple(
        Proposal(rule.id, rule.propose, (), rule.boost, now_ms + chance.randint(1, 2 * DAY))
        for rule in policy.ruleset.policy.rules
        if rule.lifetime and chance.random() < 0.5
    )
    return Ledger(tuple(sorted(entries, key=lambda each: each.at_ms)), waiting, cells=_cells(candidates, now_ms))


def _cells(candidates: list[Candidate], now_ms: int) -> Cells:
    """What a ledger may remember: of some programs a cell, also one that is gone."""
    chance = random.Random(now_ms + len(candidates))
    keys = sorted({each.program_key for each in candidates} | {"holdout universal"})
    named = {key: ("holdout", "served") if key.startswith("holdout") else ("a", "b", "held", "gone") for key in keys}
    return {
        key: [{name: [now_ms - chance.randint(1, 3)] * 2} for name in chance.sample(named[key], chance.randint(1, 2))]
        for key in keys
        if chance.random() < 0.4
    }


def cap_named(policy: LivePolicy, name: str) -> Cap:
    return next(each for each in policy.ruleset.contact_policy.caps if each.id == name)
