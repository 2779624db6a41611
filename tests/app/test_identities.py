"""Who is who, as the API sees it: decisions, responses and views of somebody with several identifiers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis

from app.customers import Customers
from app.decisioning import Decisioning
from app.errors import IdentifierTaken, Invalid, NotLinked
from app.identities import Identities
from app.ingestion import Ingestion
from app.metrics import Metrics
from app.responding import Responding
from consumers.courier import Courier
from consumers.folding import ProfileFold
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from profiles.connection import connected
from profiles.errors import BadFields
from profiles.store import CustomerStore
from rules.arbitration import NothingLearned
from schemas.decision import DecisionRecord, DecisionRequest
from schemas.identity import LinkRequest
from schemas.interaction import CloudEvent
from schemas.response import ResponseRequest
from tests.builders import CATALOGUE, live

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
EVERYBODY = [{"id": "spring", "programs": [{"id": "gifts", "cells": [{"id": "all", "share": 100, "offers": ["mug"]}]}]}]
POLICY = live(
    identifiers={"phone": {}},
    campaigns=EVERYBODY,
    contact_policy={
        "cool_downs": [{"after": "declined", "per": "offer", "for": "30d"}],
        "caps": [{"id": "two", "per": "customer", "at_most": 2, "within": "7d", "counting": "decided"}],
    },
    offers=CATALOGUE["offers"][:1],
)
LINK = LinkRequest(identifier="visitor:v-1", owner="customer:ada")


@dataclass
class Service:
    store: CustomerStore
    worker: GuardedLoop
    courier: Courier

    def __post_init__(self) -> None:
        policies = SimpleNamespace(current=POLICY)
        self.decisioning = Decisioning(self.store, policies, NothingLearned(), Metrics(), 86_400_000)
        self.responding = Responding(self.store, policies, Metrics())
        self.customers = Customers(self.store, policies)
        self.identities = Identities(self.store, policies)
        self.ingestion = Ingestion(self.store, policies, lambda: None)

    async def ask(self, at: datetime = NOW, **named: Any) -> DecisionRecord:
        asked = {"channel": "web", "placements": [{"placement": "hero"}], **named}
        return await self.decisioning.decide(DecisionRequest.model_validate(asked), at)

    async def settle(self) -> None:
        before = None
        while before != (before := dict(self.worker.positions)) or await self.courier.deliver():
            await self.worker.step()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connected(redis_url) as client:
        yield client


@pytest.fixture
async def service(redis: Redis) -> Service:
    store, meter = await CustomerStore.open(redis, 4), Metrics()
    fold = ProfileFold(POLICY, meter)
    worker = GuardedLoop(store, RedisStreams(redis, 4, "one"), lambda: fold, meter, 100, wait_ms=20)
    return Service(store, worker, Courier(store, lambda: worker.owned, meter))


async def test_what_a_visitor_declined_the_customer_is_not_offered(service: Service) -> None:
    (made,) = (await service.ask(visitor="v-1")).treatments
    assert (await service.ask(customer="ada")).treatments
    await service.responding.respond(ResponseRequest(code=made.code, outcome="declined"), NOW)
    both = await service.ask(customer="ada", visitor="v-1")
    assert both.customer == "ada"
    assert [each.reason for each in both.left_out] == ["cool_down"], "before any worker has folded anything"
    await service.settle()
    for answer in (await service.ask(customer="ada"), await service.ask(visitor="v-1")):
        assert (answer.customer, answer.visitor) == ("ada", None)
        assert [each.reason for each in answer.left_out] == ["cool_down"]


async def test_an_answer_to_an_old_code_counts_at_once_for_the_customer(service: Service) -> None:
    (made,) = (await service.ask(visitor="v-1")).treatments
    await service.ask(customer="ada", visitor="v-1")
    await service.settle()
    await service.responding.respond(ResponseRequest(code=made.code, outcome="declined"), NOW)
    assert [each.reason for each in (await service.ask(customer="ada")).left_out] == ["cool_down"]


async def test_caps_count_over_all_identifiers(service: Service) -> None:
    assert (await service.ask(visitor="v-1")).treatments
    assert (await service.ask(customer="ada", visitor="v-1")).treatments
    assert [each.reason for each in (await service.ask(customer="ada", visitor="v-1")).left_out] == ["cap_reached"]
    await service.settle()
    assert [each.reason for each in (await service.ask(visitor="v-1")).left_out] == ["cap_reached"]


async def test_a_request_repeated_after_a_merge_gives_the_same_decision(service: Service) -> None:
    first = await service.ask(visitor="v-1", id="r-1")
    await service.ask(customer="ada", visitor="v-1")
    await service.settle()
    assert (await service.ask(visitor="v-1", id="r-1")).decision == first.decision


async def test_the_event_of_a_request_counts_for_the_customer_and_stays_the_visitors(service: Service) -> None:
    await service.ask(customer="ada", visitor="v-1")
    await service.settle()
    bought = {"id": "p", "source": "shop", "type": "purchase", "data": {"amount": 30}}
    answer = await service.ask(visitor="v-1", interaction=bought)
    assert answer.customer == "ada"
    await service.settle()
    view = await service.customers.view("visitor:v-1", NOW)
    assert view is not None
    assert (view.customer, view.belonging, view.features["spend"]) == ("ada", ("visitor:v-1",), 30)
    await service.identities.unlink(LINK, NOW)
    await service.settle()
    for who, spent in (("visitor:v-1", 30), ("customer:ada", 0)):
        view = await service.customers.view(who, NOW)
        assert view is not None
        assert view.features["spend"] == spent
    with pytest.raises(NotLinked):
        await service.identities.unlink(LINK, NOW)
    await service.identities.link(LINK, NOW + timedelta(seconds=1))
    await service.settle()
    assert (await service.ask(visitor="v-1")).customer == "ada"


async def test_what_cannot_be_linked_is_refused(service: Service) -> None:
    await service.ask(customer="ada", visitor="v-1")
    await service.settle()
    with pytest.raises(IdentifierTaken, match="customer:ada"):
        await service.identities.link(LinkRequest(identifier="visitor:v-1", owner="customer:bob"), NOW)
    for identifier, owner in (("customer:ada", "customer:bob"), ("phone:1", "visitor:v-1"), ("car:1", "customer:ada")):
        with pytest.raises(Invalid):
            await service.identities.link(LinkRequest(identifier=identifier, owner=owner), NOW)
    with pytest.raises(BadFields, match="no identifier `fax`"):
        await service.ask(identifiers={"fax": "1"})


async def test_identifiers_of_the_policy_are_attributes_of_events(service: Service) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "crm", "type": "page_view", "phone": "+351", "visitor": "v-2"}
    nobody = {"specversion": "1.0", "id": "2", "source": "crm", "type": "page_view", "fax": "1"}
    events = [CloudEvent.model_validate(each) for each in (event, nobody)]
    first, second = await service.ingestion.accept(events, NOW)
    assert first is None
    assert second is not None
    assert "say whom this is about" in second.reason
    await service.settle()
    assert (await service.ask(visitor="v-2")).identifiers == {"phone": "+351"}
    view = await service.customers.view("phone:+351", NOW)
    assert view is not None
    assert view.belonging == ("visitor:v-2",)
