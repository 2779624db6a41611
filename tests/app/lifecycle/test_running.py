"""Steps on a real Redis: many at once, repeated, logged with what they change; and processes that follow a schedule."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from app import publishing
from app.beside import SMALL
from app.errors import NotApproved, RequestError, WrongState
from app.keys import KeyStore
from app.lifecycle.book import Heading, Who
from app.lifecycle.running import Lifecycle
from app.publishing import LivePolicies, PolicyStore, live_of
from bench.catalogue import files_of
from bench.catalogue import policy as bench_policy
from consumers.live import LivePolicy
from profiles.connection import Redis, connected
from profiles.registry import Logged, Registry
from rules.policy import Checked, check
from tests.builders import CATALOGUE, SHOP, changed

ANN, BOB, EVE = Who("ann", "k1"), Who("bob", "k2"), Who("eve", "k3")
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def on_redis(url: str, story: Callable[[Lifecycle, Redis], Awaitable[None]]) -> None:
    async def go() -> None:
        async with connected(url) as redis:
            await story(Lifecycle(Registry(redis)), redis)

    asyncio.run(go())


def policy(value: int) -> tuple[LivePolicy, dict[str, str]]:
    text = yaml.safe_dump({**SHOP, **CATALOGUE, "offers": changed("mug", value=value)}, sort_keys=False)
    checked = check({"policy.yaml": text})
    return LivePolicy.compiled(checked), dict(checked.files)


async def drafted(lifecycle: Lifecycle, *values: int, who: Who = ANN) -> list[str]:
    revisions = []
    for value in values:
        compiled, files = policy(value)
        await lifecycle.draft(Heading.of(compiled), files, (), who)
        revisions.append(compiled.revision)
    return revisions


async def an_approver(redis: Redis) -> None:
    await KeyStore(Registry(redis)).make("bob", ["approve"], NOW)


def steps(entries: list[Logged]) -> list[tuple[str, str]]:
    return [(each.values["step"], each.values["who"]) for each in entries]


def test_four_eyes_begin_with_the_first_who_can_approve(redis_url: str) -> None:
    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        one, other = await drafted(lifecycle, 1, 2)
        await lifecycle.publish(one, ANN)
        await an_approver(redis)
        with pytest.raises(NotApproved, match="drafted by ann"):
            await lifecycle.publish(other, ANN)
        await lifecycle.approve(other, BOB)
        await lifecycle.publish(other, ANN, note="now")
        assert (await lifecycle.followed()).live == other
        last = (await lifecycle.logged_last(1))[0]
        assert last.values["from"] == one
        assert (last.values["approved_by"], last.values["note"]) == ("bob", "now")
        assert abs(last.at_ms - await lifecycle.now_ms()) < 10_000

    on_redis(redis_url, story)


def test_of_many_who_approve_at_once_one_does(redis_url: str) -> None:
    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        (revision,) = await drafted(lifecycle, 1)
        people = [Who(f"p{number}", f"id{number}") for number in range(30)]
        done = await asyncio.gather(*(lifecycle.approve(revision, who) for who in people), return_exceptions=True)
        assert sum(each is None for each in done) == 1
        assert all(isinstance(each, WrongState) for each in done if each is not None)
        entries = await lifecycle.logged(None, 100)
        assert [step for step, _ in steps(entries)] == ["drafted", "approved"]
        book = await lifecycle.book()
        approved = book.records[revision].approved
        assert approved is not None
        assert approved.by == entries[-1].values["who"]

    on_redis(redis_url, story)


def test_publishing_and_going_back_at_once_happen_one_after_the_other(redis_url: str) -> None:
    """Whatever comes first: each entry of the log begins where the one before has ended."""

    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        revisions = await drafted(lifecycle, 1, 2, 3, 4)
        await lifecycle.publish(revisions[0], ANN)

        async def somebody(number: int) -> None:
            for turn in range(8):
                revision = revisions[(number + turn) % len(revisions)]
                with suppress(RequestError):
                    if (number + turn) % 2:
                        await lifecycle.publish(revision, ANN)
                    else:
                        await lifecycle.roll_back(revision, EVE)

        await asyncio.gather(*map(somebody, range(6)))
        live = None
        changes = [each for each in await lifecycle.logged(None, 1_000) if each.values["step"] != "drafted"]
        for each in changes:
            assert each.values.get("from") == live
            live = each.values["revision"]
        book = await lifecycle.book()
        assert (book.live, book.version) == (live, len(changes) + len(revisions))
        assert {each.values["step"] for each in changes} == {"live", "rolled_back"}

    on_redis(redis_url, story)


def test_a_step_that_is_sent_twice_happens_once(redis_url: str) -> None:
    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        registry = Registry(redis)
        for _ in range(2):
            assert await registry.change("policy", 0, "token", {"live": "a"}, {"step": "live"})
        assert not await registry.change("policy", 0, "other", {"live": "b"}, {"step": "live"})
        assert await redis.hgetall("opportune:policy") == {b"version": b"1", b"token": b"token", b"live": b"a"}
        assert len(await lifecycle.logged(None, 10)) == 1

    on_redis(redis_url, story)


def test_the_log_is_read_in_pages(redis_url: str) -> None:
    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        await drafted(lifecycle, 1, 2, 3)
        first = await lifecycle.logged(None, 2)
        rest = await lifecycle.logged(first[-1].cursor, 2)
        assert [each.cursor for each in (*first, *rest)] == sorted({each.cursor for each in (*first, *rest)})
        assert (len(first), len(rest)) == (2, 1)
        assert [each.cursor for each in await lifecycle.logged_last(2)] == [first[1].cursor, rest[0].cursor]

    on_redis(redis_url, story)


def test_a_store_that_is_full_still_goes_back(redis_url: str) -> None:
    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        one, other = await drafted(lifecycle, 1, 2)
        await lifecycle.publish(one, ANN)
        await lifecycle.publish(other, ANN)
        await redis.config_set("maxmemory", 1)
        try:
            await lifecycle.roll_back(one, ANN)
        finally:
            await redis.config_set("maxmemory", 0)
        assert (await lifecycle.followed()).live == one

    on_redis(redis_url, story)


async def until(found: Callable[[], bool], within_s: float = 20.0) -> None:
    async with asyncio.timeout(within_s):
        while not found():  # noqa: ASYNC110 (other tasks cannot set an event)
            await asyncio.sleep(0.005)


def test_all_processes_switch_at_the_time_and_one_of_them_says_so(redis_url: str) -> None:
    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        one, other = await drafted(lifecycle, 1, 2)
        await lifecycle.publish(one, ANN)
        following = [LivePolicies(PolicyStore(Registry(redis))) for _ in range(5)]
        for each in following:
            await each.look()
        tasks = [asyncio.create_task(each.follow()) for each in following]
        due_ms = await lifecycle.now_ms() + 3_000
        await lifecycle.schedule(other, ANN, due_ms)

        def live() -> set[str]:
            return {each.current.revision for each in following if each.current is not None}

        assert live() == {one}
        await until(lambda: live() != {one})
        first_ms = await lifecycle.now_ms()
        await until(lambda: live() == {other})
        assert due_ms <= first_ms
        assert await lifecycle.now_ms() - due_ms < 1_000
        for each in following:
            each.stop()
        await asyncio.gather(*tasks)
        last = (await lifecycle.logged_last(10))[-2:]
        assert [(each.values["step"], each.values["revision"]) for each in last] == [
            ("scheduled", other),
            ("live", other),
        ]
        assert last[1].values["from"] == one
        assert (await lifecycle.book()).schedule == ()

    on_redis(redis_url, story)


def test_what_was_due_while_nobody_ran_goes_live_with_the_first_who_does(redis_url: str) -> None:
    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        one, other, last = await drafted(lifecycle, 1, 2, 3)
        await lifecycle.publish(one, ANN)
        now_ms = await lifecycle.now_ms()
        await lifecycle.schedule(other, ANN, now_ms + 30)
        await lifecycle.schedule(last, ANN, now_ms + 60)
        await asyncio.sleep(0.1)
        live = LivePolicies(PolicyStore(Registry(redis)))
        await live.look()
        assert live.current is not None
        assert live.current.revision == last
        book = await lifecycle.book()
        assert (book.live, book.schedule, book.before) == (last, (), (one,))
        assert book.state(book.records[other]) == "draft"

    on_redis(redis_url, story)


def test_a_scheduled_policy_that_cannot_be_compiled_does_not_go_live(redis_url: str) -> None:
    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        one, other = await drafted(lifecycle, 1, 2)
        await lifecycle.publish(one, ANN)
        await lifecycle.schedule(other, ANN, await lifecycle.now_ms() + 20)
        await redis.hset("opportune:policies", other, b'{"a.yaml": "policy: {name: [}"}')
        await asyncio.sleep(0.05)
        live = LivePolicies(PolicyStore(Registry(redis)))
        for _ in range(2):
            await live.look()
        assert live.current is not None
        assert live.current.revision == one
        assert (await lifecycle.followed()).live == one

    on_redis(redis_url, story)


def test_a_scheduled_policy_is_compiled_before_its_time_and_once(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    real = LivePolicy.compiled

    def noted(checked: Checked) -> LivePolicy:
        compiled.append(checked.revision)
        return real(checked)

    monkeypatch.setattr(LivePolicy, "compiled", noted)

    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        one, soon, later = await drafted(lifecycle, 1, 2, 3)
        await lifecycle.publish(one, ANN)
        now_ms = await lifecycle.now_ms()
        await lifecycle.schedule(soon, ANN, now_ms + 500_000)
        await lifecycle.schedule(later, ANN, now_ms + 50_000_000)
        compiled.clear()
        live = LivePolicies(PolicyStore(Registry(redis)))
        for _ in range(3):
            await live.look()
        assert compiled == [one, soon]

    on_redis(redis_url, story)


def killed(files: Mapping[str, str]) -> LivePolicy:
    """By the kernel, if it is large."""
    if sum(map(len, files.values())) > SMALL:
        os.kill(os.getpid(), signal.SIGKILL)
    return live_of(files)


def test_a_policy_whose_compiling_is_killed_again_and_again_is_left_alone_for_a_while(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publishing, "live_of", killed)
    small, files = policy(1)
    large = {"policy.yaml": files["policy.yaml"] + "# " + "x" * SMALL + "\n"}

    def gave_up() -> int:
        return sum("Most likely memory ran out" in each.getMessage() for each in caplog.records)

    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        heavy = live_of(large)
        await lifecycle.draft(Heading.of(heavy), large, (), ANN)
        await lifecycle.draft(Heading.of(small), files, (), ANN)
        await lifecycle.publish(heavy.revision, ANN)
        live = LivePolicies(PolicyStore(Registry(redis)))
        for _ in range(2):
            await live.look()  # as at the start
        assert (live.current, gave_up()) == (None, 1)
        await lifecycle.publish(small.revision, ANN)
        await live.look()
        assert live.current is not None, "another one is taken over at once"
        await lifecycle.publish(heavy.revision, ANN)
        await live.look()
        assert gave_up() == 1
        live._undone[heavy.revision] = 0.0  # the while is over
        await live.look()
        assert (live.current.revision, gave_up()) == (small.revision, 2)

    on_redis(redis_url, story)


def test_who_stops_while_a_policy_is_compiled_does_not_wait_for_it(redis_url: str) -> None:
    files = files_of(bench_policy(200, random.Random(1), rules=400))
    compiled = live_of(files)

    async def story(lifecycle: Lifecycle, redis: Redis) -> None:
        await lifecycle.draft(Heading.of(compiled), files, (), ANN)
        await lifecycle.publish(compiled.revision, ANN)
        live = LivePolicies(PolicyStore(Registry(redis)))
        looking = asyncio.create_task(live.look())
        await until(lambda: bool(children()))
        live.stop()
        await looking
        assert live.current is None
        await until(lambda: not children())
        await live.look()
        assert live.current is None, "nothing is begun any more"

    on_redis(redis_url, story)


def children() -> list[int]:
    """The processes that this one has started for a policy."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, said = each.read_text().rpartition(")")
            if int(said.split()[1]) == os.getpid() and b"errand" in (each.parent / "cmdline").read_bytes():
                found.append(int(each.parent.name))
    return found
