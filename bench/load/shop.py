"""A web shop of any size: the interactions and features of bench/profiles.py (20, of which 8 have windows), offers and
rules of bench/catalogue.py that compare 13 of the features, and customers who have bought, and have been treated."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from msgspec.structs import replace

from app.story import Story
from bench.catalogue import RULES, TYPES, World, checked, entry, policy
from bench.profiles import POLICY, history
from consumers.folding import Around
from consumers.live import LivePolicy
from profiles.log_stream import OUTBOX
from schemas.base import at_ms
from schemas.interaction import IDENTIFY, Interaction
from schemas.ledger import Ledger

SEED, TREATMENTS, TEMPLATES = 7, 3, 500
WITH_AMOUNT = ["add_to_cart", "purchase", *(f"t{number}" for number in range(2, TYPES))]
SHOP = World(
    types={
        **POLICY["interactions"],
        **{
            name: {"channel": "web", "fields": {"product": "string", "amount": "double!"}}
            for name in WITH_AMOUNT
            if name not in POLICY["interactions"]
        },
    },
    asking=WITH_AMOUNT,
    features=POLICY["features"],
    compared={
        **dict.fromkeys(("views_7d", "views_30d", "purchases", "carts_30d", "purchases_90d", "calls_30d"), 1),
        "different_buys": 1,
        "cart_value_7d": 50.0,
        "spend_90d": 100.0,
        "spend": 100.0,
        "mean_basket_365d": 30.0,
        "biggest": 40.0,
        "smallest": 20.0,
    },
    segments={
        "busy": "customer.views_30d > 8",
        "young": "customer.age < 30",
        "fan": '"phones" in customer.favourites || "phones" in customer.viewed',
        "asks": 'customer.last_topic == "billing" && customer.last_call_at > now - duration("720h")',
    },
    tested=True,
)


def sections(offers: int, rules: int = RULES, at_asked: int | None = None) -> dict[str, Any]:
    return policy(offers, random.Random(SEED), at_asked, SHOP, rules)


def live(found: dict[str, Any]) -> LivePolicy:
    return LivePolicy.compiled(checked(found))


def profiles_and_ledgers(policy: LivePolicy, now: datetime) -> tuple[list[bytes], list[bytes]]:
    """As they stand in Redis. Profiles tell of 30 interactions and of three attributes; in the customers' time zone it
    is about noon, whatever the hour, so that no quiet hours hold."""
    chance, now_ms = random.Random(SEED), at_ms(now)
    offers = [each for found in policy.ruleset.by_offer.values() for each in found]
    profiles = [_profile(policy, chance, now_ms, noon_zone(now)) for _ in range(TEMPLATES)]
    ledgers = [_ledger(offers, chance, now_ms) for _ in range(TEMPLATES - 1)]  # so that pairs differ
    return profiles, ledgers


def _profile(policy: LivePolicy, chance: random.Random, now_ms: int, zone: str) -> bytes:
    story = Story("customer:c0000000", policy, Around())
    happened = list(history(chance, story.step.subject, now_ms))
    said = {"age": chance.randrange(18, 80), "consent": True, "zone": zone}
    story.happen(Interaction("0", "crm", IDENTIFY, story.step.subject, "", happened[0].at_ms - 1, said))
    for each in happened:
        story.happen(each)
    return replace(story.step.profile, marks={OUTBOX.position: now_ms << 20}).dumps()


def _ledger(candidates: Sequence[Any], chance: random.Random, now_ms: int) -> bytes:
    entries = [entry(number, chance.choice(candidates), chance, now_ms) for number in range(TREATMENTS)]
    return orjson.dumps(Ledger(tuple(sorted(entries, key=lambda each: each.at_ms))).as_json())


def noon_zone(now: datetime) -> str:
    ahead = 12 - now.astimezone(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
