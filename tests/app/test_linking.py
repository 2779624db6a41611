"""Caps in the moment of a link: whoever is named in a request, no offer is made twice to one person, before a worker
has heard that they are one and while it hears of it."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from profiles.coalescing import Lane
from profiles.customer import Customer
from profiles.identity import NOBODY
from profiles.linking import Linking
from profiles.store import Commit, Committed
from schemas.decision import DecisionRecord
from tests.app.test_identities import EVERYBODY, Service, redis, service
from tests.builders import CATALOGUE, interaction, live
from tests.consumers.test_loop import said

__all__ = ["redis", "service"]

CAP = {"caps": [{"id": "once", "per": "customer", "at_most": 1, "within": "7d", "counting": "decided"}]}
POLICY = live(
    identifiers={"phone": {}}, campaigns=EVERYBODY, contact_policy=CAP, offers=CATALOGUE["offers"][:1], rules=[]
)
ROUNDS = 12
AT_ONCE = 40
NOBODY_THERE = [{"placement": "elsewhere"}]
"""A placement for which there is nothing: who asks for it links, and is offered nothing."""


@pytest.fixture
def once(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr("tests.app.test_identities.POLICY", POLICY)
    service.__post_init__()
    return service


@dataclass(frozen=True, slots=True)
class Asked:
    names: frozenset[str]
    began: float
    ended: float
    answer: DecisionRecord

    @property
    def got(self) -> int:
        return len(self.answer.treatments)


async def ask(service: Service, names: dict[str, Any], delay_s: float = 0) -> Asked:
    await asyncio.sleep(delay_s)
    began = time.monotonic()
    answer = await service.ask(datetime.now(UTC), **names)
    return Asked(frozenset(names), began, time.monotonic(), answer)


async def all_at_once(service: Service, several: Sequence[dict[str, Any]], chance: random.Random) -> list[Asked]:
    waiting = [ask(service, chance.choice(several), chance.random() * 0.02) for _ in range(AT_ONCE)]
    return await asyncio.gather(ask(service, several[0], chance.random() * 0.02), *waiting)


@asynccontextmanager
async def working(service: Service, is_working: bool) -> AsyncIterator[None]:
    """With a worker and a courier that run meanwhile, or without."""
    tasks = [asyncio.create_task(each.run()) for each in (service.worker, service.courier)] if is_working else []
    yield
    service.worker.stop()
    service.courier.stop()
    await asyncio.gather(*tasks)


def people(number: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Both together, the visitor alone, the customer alone."""
    ada, visitor = {"customer": f"ada-{number}"}, {"visitor": f"v-{number}"}
    return {**ada, **visitor}, visitor, ada


@pytest.mark.parametrize("is_working", [False, True])
async def test_a_customer_who_is_named_with_a_visitor_and_that_visitor_get_it_once(
    once: Service, is_working: bool
) -> None:
    seed = secrets.randbelow(10**9)
    chance = random.Random(seed)
    async with working(once, is_working):
        for number in range(ROUNDS):
            both, visitor, _ = people(number)
            asked = await all_at_once(once, (both, visitor), chance)
            assert sum(each.got for each in asked) == 1, f"seed {seed}, round {number}"


@pytest.mark.parametrize("is_working", [False, True])
async def test_from_the_moment_of_the_link_they_are_one(once: Service, is_working: bool) -> None:
    """Before, each alone is somebody: two offers are no mistake. Nothing is offered to whoever asks after that."""
    seed = secrets.randbelow(10**9)
    chance = random.Random(seed)
    async with working(once, is_working):
        for number in range(ROUNDS):
            asked = await all_at_once(once, people(number), chance)
            linked = min(each.ended for each in asked if len(each.names) == 2)
            got = [each for each in asked if each.got]
            apart = {next(iter(each.names)) for each in got if len(each.names) == 1 and each.began < linked}
            assert len(got) == 1 or (len(got) == len(apart) == 2), f"seed {seed}, round {number}: {got}"


@pytest.mark.parametrize("is_working", [False, True])
async def test_once_linked_it_does_not_matter_by_what_name_one_asks(once: Service, is_working: bool) -> None:
    seed = secrets.randbelow(10**9)
    chance = random.Random(seed)
    async with working(once, is_working):
        for number in range(ROUNDS):
            both, *alone = people(number)
            await ask(once, {**both, "placements": NOBODY_THERE})
            asked = await all_at_once(once, [both, *alone], chance)
            assert sum(each.got for each in asked) == 1, f"seed {seed}, round {number}"


@pytest.mark.parametrize("is_working", [False, True])
async def test_over_several_links_at_once(once: Service, is_working: bool) -> None:
    """A customer and a phone, the phone and a visitor: three names of one person, in any order."""
    seed = secrets.randbelow(10**9)
    chance = random.Random(seed)
    async with working(once, is_working):
        for number in range(ROUNDS):
            both, visitor, ada = people(number)
            phone = {"identifiers": {"phone": f"+{number}"}}
            links = [{**ada, **phone}, {**phone, **visitor}]
            await asyncio.gather(*(ask(once, {**each, "placements": NOBODY_THERE}) for each in links))
            asked = await all_at_once(once, [ada, phone, visitor, both, *links], chance)
            assert sum(each.got for each in asked) == 1, f"seed {seed}, round {number}"


async def test_a_link_that_the_visitor_has_not_heard_of(once: Service) -> None:
    """It came with an interaction: the customer knows, and no courier has run."""
    seed = secrets.randbelow(10**9)
    chance = random.Random(seed)
    for number in range(ROUNDS):
        _, visitor, ada = people(number)
        login = interaction("page_view", subject=f"customer:ada-{number}", links=(f"visitor:v-{number}",))
        await once.store.append([said(login)])
        await once.worker.step()
        asked = await all_at_once(once, [ada, visitor], chance)
        assert sum(each.got for each in asked) == 1, f"seed {seed}, round {number}"


def before_the_next_commit(service: Service, do: Callable[[], Awaitable[None]]) -> None:
    commit = service.store.commit

    async def late(commit_of: Commit) -> Committed:
        service.store.commit = commit  # type: ignore[method-assign]
        await do()
        return await commit(commit_of)

    service.store.commit = late  # type: ignore[assignment, method-assign]


async def test_what_a_visitor_has_got_counts_at_once_for_the_customer_alone(once: Service) -> None:
    both, visitor, ada = people(1)
    assert [(await ask(once, each)).got for each in (visitor, both, ada)] == [1, 0, 0]


async def test_a_visitors_commit_notices_a_link_that_came_after_it_was_judged(once: Service) -> None:
    both, visitor, _ = people(1)

    async def link() -> None:
        assert (await ask(once, both)).got == 1

    before_the_next_commit(once, link)
    asked = await ask(once, visitor)
    assert (asked.got, asked.answer.customer) == (0, "ada-1")


async def test_a_customers_commit_notices_a_link_that_came_after_it_was_judged(once: Service) -> None:
    """The request that links is offered nothing, since the visitor has had it: it changes no ledger."""
    both, visitor, ada = people(1)

    async def link() -> None:
        assert [(await ask(once, each)).got for each in (visitor, both)] == [1, 0]

    before_the_next_commit(once, link)
    assert (await ask(once, ada)).got == 0


async def test_a_cookie_that_is_somebody_elses_shows_nothing(once: Service) -> None:
    """Neither before the first link is folded nor after."""
    assert (await ask(once, {"customer": "bob", "visitor": "shared"})).got == 1
    for other in ("ada", "eve"):
        found = await ask(once, {"customer": other, "visitor": "shared"})
        assert (found.got, found.answer.ledger["entries"]) == (1, []), "bob's does not count for them"
        assert (await once.store.read("visitor:shared")).owner == "customer:bob"
        assert (await ask(once, {"visitor": "shared"})).answer.customer == "bob"
        await once.settle()


async def linkings(redis: Redis) -> list[bytes]:
    names: Any = await redis.keys("{s*}p:*")
    return [each for each in names if await redis.hexists(each, "linking")]


async def test_once_it_is_folded_nothing_is_kept_ahead_of_the_log(redis: Redis, once: Service) -> None:
    both, visitor, ada = people(1)
    assert (await ask(once, visitor)).got == 1
    await ask(once, {**both, "identifiers": {"phone": "+1"}})
    before = await once.store.read_all(["customer:ada-1", "phone:+1", "visitor:v-1"])
    assert [each.owner for each in before.values()] == [None, "customer:ada-1", "customer:ada-1"]
    assert set(before["customer:ada-1"].linking.sources) == {"phone:+1", "visitor:v-1"}
    await once.settle()
    assert await linkings(redis) == []
    after = await once.store.read_all(before)
    assert [each.identity.owner for each in after.values()] == [None, "customer:ada-1", "customer:ada-1"]
    assert (await ask(once, ada)).got == 0


async def test_a_link_costs_a_round_trip_once(once: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    trips, run = 0, Lane.run

    async def counted(lane: Lane, commands: Any) -> list[Any]:
        nonlocal trips
        trips += 1
        return await run(lane, commands)

    async def cost(names: dict[str, Any]) -> int:
        before = trips
        await ask(once, names)
        return trips - before

    monkeypatch.setattr(Lane, "run", counted)
    both, visitor, ada = people(1)
    assert [await cost(each) for each in (ada, visitor)] == [2, 2], "read, commit"
    assert [await cost(both) for _ in range(2)] == [3, 2]
    await once.settle()
    assert [await cost(each) for each in (both, visitor, ada)] == [2, 3, 3], "who is known by another name: one more"


async def test_one_who_has_too_many_names_gets_no_more(once: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("identity", "customer"):
        monkeypatch.setattr(f"profiles.{module}.MOST_SOURCES", 1)
    await ask(once, {"customer": "ada", "visitor": "v-1"})
    await ask(once, {"customer": "ada", "visitor": "v-0"})
    assert (await once.store.read("visitor:v-0")).owner is None, "also what is not folded counts"
    await once.settle()
    await ask(once, {"customer": "ada", "visitor": "v-2"})
    assert (await once.store.read("visitor:v-2")).owner is None
    await once.settle()
    assert (await once.store.read("visitor:v-2")).identity.owner is None


def test_what_the_log_says_goes_before_what_a_request_says() -> None:
    ahead = Linking(owner="customer:ada")
    assert Customer("visitor:v-1", linking=ahead).owner == "customer:ada"
    assert Customer("visitor:v-1", identity=NOBODY.claimed("customer:bob", 1), linking=ahead).owner == "customer:bob"
    assert Customer("visitor:v-1", identity=NOBODY.judged("customer:ada", 1, wrong=True), linking=ahead).owner is None
