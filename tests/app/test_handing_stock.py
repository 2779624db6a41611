"""What was handed over takes of the stock once, on a real Redis, whoever answers it and whoever hears of it first."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from consumers.live import LivePolicy
from profiles import keys
from profiles.connection import connected
from rules.arbitration import NothingLearned
from rules.replay import differences, replayed
from schemas.decision import ChosenTreatment
from tests.app.test_stock import Service, figures, service
from tests.builders import CATALOGUE, live

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
HANDED = {"to": ["web", "call"], "for": "48h"}


def policy(units: int, hold: str = "1d", confirm: str = "accepted") -> LivePolicy:
    worded = [{"id": f"mug-{c}", "channel": c, "placement": "hero", "content": {"t": "x"}} for c in ("call", "web")]
    inventory = {"units": units, "hold": hold, "confirm": confirm}
    return live(
        outcomes={
            "presented": {"class": "impression"},
            "link_sent": {"class": "neutral", "implies": ["presented"], "hand_over": HANDED},
            "accepted": {"class": "positive", "implies": ["presented"], "ends": True},
            "declined": {"class": "negative", "implies": ["presented"], "ends": True},
        },
        offers=[{**CATALOGUE["offers"][0], "always": False, "treatments": worded, "inventory": inventory}],
        campaigns=[
            {"id": "spring", "programs": [{"id": "gifts", "cells": [{"id": "all", "share": 100, "offers": ["mug"]}]}]}
        ],
        rules=[{"id": "calls", "if": 'context.channel == "call"', "propose": "mug", "on": "call"}],
    )


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connected(redis_url) as client:
        yield client


async def made(there: Service, channel: str, **who: Any) -> ChosenTreatment:
    decided = await there.ask(channel=channel, **who)
    assert not differences(decided, replayed(decided, there.policy.ruleset, NothingLearned()))
    (found,) = decided.treatments
    return found


async def handed_over(there: Service) -> tuple[ChosenTreatment, ChosenTreatment]:
    phone = await made(there, "call")
    await there.respond(phone.code, "link_sent")
    web = await made(there, "web")
    assert web.continues == phone.code
    return phone, web


async def held_until_ms(there: Service, code: str) -> float:
    found = await there.redis.zscore(keys.held(there.store.shard("customer:ada")), f"{code}|offer:mug|1")
    assert found is not None
    return float(found)


@pytest.mark.parametrize("folds", [(), (0,), (0, 1)])
@pytest.mark.parametrize("answered", [[0], [1], [1, 0], [0, 1]])
@pytest.mark.parametrize("outcome", ["accepted", "declined"])
async def test_the_last_one_goes_on_and_is_used_or_freed_once(
    redis: Redis, folds: Sequence[int], answered: Sequence[int], outcome: str
) -> None:
    there = await service(redis, policy(1))
    both = await handed_over(there)
    assert figures(await there.standing()) == (1, 1, 0, 0)
    if 0 in folds:
        await there.fold()
    for which in answered:
        await there.respond(both[which].code, outcome)
        assert figures(await there.standing()) == ((1, 0, 1, 0) if outcome == "accepted" else (1, 0, 0, 1))
        if 1 in folds:
            await there.fold()
    await there.fold()
    assert figures(await there.standing()) == ((1, 0, 1, 0) if outcome == "accepted" else (1, 0, 0, 1))


async def test_what_was_used_where_it_began_is_not_used_again(redis: Redis) -> None:
    there = await service(redis, policy(1, confirm="presented"))
    _, web = await handed_over(there)
    assert figures(await there.standing()) == (1, 0, 1, 0)
    await there.respond(web.code, "presented")
    await there.fold()
    assert figures(await there.standing()) == (1, 0, 1, 0)


async def test_it_is_held_until_the_hand_over_ends(redis: Redis) -> None:
    there = await service(redis, policy(1, hold="1h"))
    phone, web = await handed_over(there)
    until_ms = await held_until_ms(there, phone.code)
    (began, _) = (await there.store.read("customer:ada")).ledger.entries
    assert 48 * HOUR <= until_ms - began.at_ms < 49 * HOUR
    await asyncio.sleep(0.002)
    await there.respond(web.code, "link_sent")
    assert await held_until_ms(there, phone.code) > until_ms
    await there.fold()
    assert figures(await there.standing()) == (1, 1, 0, 0)


async def test_what_a_visitor_was_handed_is_used_once_by_the_customer_that_it_was(redis: Redis) -> None:
    """The treatment with which it began stands in another ledger, so that its hold ends by time."""
    there = await service(redis, policy(5))
    phone = await made(there, "call", customer=None, visitor="v1")
    await there.respond(phone.code, "link_sent")
    await there.fold()
    web = await made(there, "web", visitor="v1")
    assert web.continues == phone.code
    await there.fold()
    await there.respond(web.code, "accepted")
    await there.fold()
    await there.let_holds_end()
    await there.keeper.look()
    assert figures(await there.standing()) == (5, 0, 1, 4)
