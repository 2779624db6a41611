"""Random policies, and random customers to decide about: every stage of the funnel is met."""

from random import Random
from typing import Any

from consumers.live import LivePolicy
from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.decide import decide
from schemas.decision import DecisionRecord, Facts
from schemas.ledger import Ledger, LedgerEntry, Proposal
from tests.builders import DAY, HOUR, MINUTE, NOON_MS, entry, live

CONDITIONS = (
    "customer.age >= 18",
    'customer.city == "Bonn" || customer.age > 60',
    '!("young" in customer.segments)',
    "has(customer.city) && customer.spend_30d > 20.0",
    "customer.purchases_30d < 2 && (customer.spend > 10.0 || customer.age < 30)",
    "offer.value > 5.0",
    "true",
)
CHANNELS = ("web", "call")
PLACEMENTS = ("hero", "side")
SEGMENTS = {"young": "customer.age < 25"}
MODELS = NothingLearned()


def random_policy(chance: Random) -> LivePolicy:
    offers = [_offer(chance, number) for number in range(chance.randint(2, 7))]
    names = [each["id"] for each in offers]
    if len(names) > 2 and chance.random() < 0.4:
        offers[-1]["bundle"] = names[:2]
    return live(
        segments=SEGMENTS,
        arbitration={"at_most_per_category": 1} if chance.random() < 0.6 else {},
        offers=offers,
        campaigns=[_campaign(chance, number, names) for number in range(chance.randint(1, 2))],
        rules=[_rule(chance, number, names) for number in range(chance.randint(1, 4))],
        contact_policy=_contact(chance, names),
        wording={"customer.age": "your age"} if chance.random() < 0.5 else {"customer.city": "your city"},
        **({"holdout": {"share": 20}} if len(names) % 2 else {}),
    )


def random_record(chance: Random, policy: LivePolicy) -> DecisionRecord:
    """As it would be read back."""
    facts = _facts(chance, [each.id for each in policy.ruleset.policy.offers])
    seed = chance.randrange(2**53)
    judgement = decide(facts, policy.ruleset, MODELS, NOON_MS, seed)
    made = record(judgement, facts, Origin("0003-x", NOON_MS, 3, seed, 0, policy.revision, "none"))
    return DecisionRecord.model_validate_json(made.model_dump_json(exclude_none=True))


def _offer(chance: Random, number: int) -> dict[str, Any]:
    where = [(channel, placement) for channel in CHANNELS for placement in PLACEMENTS]
    treatments = [
        {
            "id": f"t{number}-{channel}-{placement}",
            "channel": channel,
            "placement": placement,
            "content": {"a": _text(chance)},
        }
        for channel, placement in chance.sample(where, chance.randint(2, 4))
    ]
    return {
        "id": f"id-{number}",
        "name": f"Offer {'ABCDEFG'[number]}",
        "class": chance.choice(["standard", "standard", "standard", "mandatory", "transactional"]),
        "value": chance.choice([2, 5, 5, 10]),
        "lever": chance.choice([0, 0, 50]),
        "always": chance.random() < 0.6,
        **({"category": chance.choice("xxy")} if chance.random() < 0.8 else {}),
        **({"exclusive_group": "g"} if chance.random() < 0.3 else {}),
        "purpose": chance.choice(["adverts", "service"]),
        "treatments": treatments,
        "cost": number,
        **({"inventory": 5} if number == 1 else {}),
        **_conditions(chance, 0.15),
    }


def _text(chance: Random) -> str:
    return "for {customer.age}" if chance.random() < 0.1 else "b"


def _conditions(chance: Random, often: float) -> dict[str, str]:
    kinds = ("eligible", "applicable", "suitable")
    return {kind: chance.choice(CONDITIONS) for kind in kinds if chance.random() < often}


def _campaign(chance: Random, number: int, names: list[str]) -> dict[str, Any]:
    programs = []
    for nth in range(chance.randint(1, 2)):
        cells: list[dict[str, Any]] = [
            {"id": f"c{number}{nth}a", "share": 50, "offers": chance.sample(names, chance.randint(1, len(names)))},
            {"id": f"c{number}{nth}b", "share": 30, "offers": chance.sample(names, 1), **_conditions(chance, 0.1)},
            {"id": f"c{number}{nth}h", "share": 20, "holdout": True},
        ]
        programs.append({"id": f"p{number}{nth}", "cells": cells, **_conditions(chance, 0.1)})
    dates: dict[str, str] = chance.choice([*[{}] * 8, {"starts": "2026-04-01"}, {"ends": "2026-03-01"}])
    budget = {"budget": 100} if number else {}
    return {"id": f"camp{number}", "programs": programs, **budget, **dates, **_conditions(chance, 0.1)}


def _rule(chance: Random, number: int, names: list[str]) -> dict[str, Any]:
    when: dict[str, Any] = chance.choice(
        [{}, {"when": "purchase", "for": "1d"}, {"when": {"inactive": "30d"}, "for": "1d"}]
    )
    condition = {"if": chance.choice(CONDITIONS[:5])} if chance.random() < 0.6 else {}
    where = {"on": chance.choice(CHANNELS)} if chance.random() < 0.3 else {}
    boost = {"boost": chance.choice([1, 2, 0.5])}
    return {"id": f"r{number}", **when, **condition, **where, **boost, "propose": chance.sample(names, 1)}


SCOPES = ("customer", "channel", "campaign", "program", "category", "exclusive_group", "offer")
WINDOWS = ("1d", "7d", {"calendar": "day"}, {"calendar": "week"}, {"calendar": "month"})

OFTEN = {"suppressions": 0.4, "quiet_hours": 0.15, "customer_time_zone": 0.4}
"""How likely a section is, so that one does not hide the others."""


def _contact(chance: Random, names: list[str]) -> dict[str, Any]:
    caps = [
        {
            "id": f"cap{number}",
            "per": chance.choice(SCOPES),
            "at_most": chance.randint(1, 3),
            "within": chance.choice(WINDOWS),
            "counting": chance.choice(["decided", "presented", "presented", "declined"]),
            "including_current": chance.random() < 0.8,
        }
        for number in range(chance.randint(0, 2))
    ]
    cool_downs = [
        {"after": chance.choice(["accepted", "declined"]), "per": chance.choice(["offer", "customer"]), "for": "7d"}
        for _ in range(chance.randint(0, 2))
    ]
    asked = [{"id": "adult", "require": "customer.age >= 16"}] if chance.random() < 0.3 else []
    most = {"caps": caps, "cool_downs": cool_downs, "requirements": asked}
    return most | {
        section: each for section, each in _entries(chance, names).items() if chance.random() < OFTEN.get(section, 0.2)
    }


def _entries(chance: Random, names: list[str]) -> dict[str, Any]:
    """Of each other section one."""
    suppressed = {"id": "enough", "after": chance.randint(1, 2), "of": chance.choice(["unanswered", "declined"])}
    spans = {"within": "7d", "for": "7d", "per": chance.choice(SCOPES)}
    hours = chance.choice([("09:00", "14:00"), ("12:00", "11:00"), ("06:00", "12:01")])
    return {
        "do_not_contact": [{"id": "silent", "if": '"young" in customer.segments', "spares": ["mandatory"]}],
        "black_lists": [{"id": "unwanted", "if": "customer.age > 60", "offers": names[:1]}],
        "consents": [
            {"id": "agreed", "purpose": "adverts", "require": "customer.spend_30d > 20.0"},
            {"id": "known", "purpose": "service", "require": "has(customer.city)", "channels": ["web"]},
        ],
        "quiet_hours": [{"id": "lunch", "from": hours[0], "until": hours[1], "spares": ["transactional"]}],
        "priorities": [{"id": "calls", "channel": "call", "holds_back": ["web"], "for": "2d", "per": "customer"}],
        "suppressions": [suppressed | spans],
        "customer_time_zone": "city",
    }


def _facts(chance: Random, names: list[str]) -> Facts:
    known: dict[str, Any] = {
        "customer.age": chance.choice([15, 20, 40, 70]),
        "customer.city": chance.choice(["Bonn", "Europe/Lisbon", "America/New_York"]),
        "customer.spend_30d": chance.choice([10.0, 30.0]),
        "customer.spend": 30.0,
        "customer.purchases_30d": chance.choice([0, 3]),
    }
    values = {name: value for name, value in known.items() if chance.random() < 0.85}
    if chance.random() < 0.5:
        values |= {"event.type": "purchase", "event.amount": 20.0}
    placements = tuple((name, chance.randint(1, 3)) for name in chance.sample(PLACEMENTS, chance.randint(1, 2)))
    entries = tuple(_entry(chance, names) for _ in range(chance.randint(0, 4)))
    waiting = tuple(
        Proposal(f"r{number}", (chance.choice(names),), chance.choice([(), ("call",)]), 2.0, NOON_MS + HOUR)
        for number in range(chance.randint(0, 2))
    )
    forgotten = NOON_MS - 2 * DAY if chance.random() < 0.05 else 0
    subject = f"customer:c{chance.randrange(1_000)}"
    channel, ledger = chance.choice(CHANNELS), Ledger(entries, waiting, forgotten)
    stock = {"offer:id-1": chance.choice([0, 1, 5]), "campaign:camp1": chance.choice([0, 3, 5, 100]) * 1_000_000}
    return Facts(subject, channel, placements, values, ledger, stock=stock)


def _entry(chance: Random, names: list[str]) -> LedgerEntry:
    at_ms = NOON_MS - chance.randint(1, chance.choice([20, 8 * 24])) * HOUR
    outcome = chance.choice([{}, {"presented": at_ms}, {"presented": at_ms + MINUTE, "declined": at_ms + 2 * MINUTE}])
    return entry(
        offer=chance.choice(names),
        campaign=chance.choice(["camp0", "camp1"]),
        program=chance.choice(["p00", "p10"]),
        at_ms=at_ms,
        until_ms=chance.choice([at_ms + 30 * MINUTE, NOON_MS + HOUR]),
        channel=chance.choice(CHANNELS),
        outcomes=outcome,
        withheld=not outcome and chance.random() < 0.2,
    )
