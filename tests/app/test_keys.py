"""API keys on a real Redis: hashed at rest, with scopes, and gone within two seconds of being revoked."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from app import keys as module
from app.availability import Availability
from app.errors import NotAllowed, NotAuthenticated
from app.keys import KeyStore, Verifier
from profiles.connection import Redis, connected
from profiles.registry import Registry

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def on_redis(url: str, story: Callable[[Redis], Awaitable[None]]) -> None:
    async def go() -> None:
        async with connected(url) as redis:
            await story(redis)

    asyncio.run(go())


async def may(verifier: Verifier, token: str | None, scope: str = "decide") -> bool:
    try:
        await verifier.require(token, scope)
    except NotAuthenticated:
        return False
    return True


def test_a_key_opens_what_its_scopes_say(redis_url: str) -> None:
    async def story(redis: Redis) -> None:
        registry = Registry(redis)
        made = await KeyStore(registry).make("desk", ["respond", "decide"], NOW)
        verifier = Verifier(registry, Availability(redis))
        await verifier.require(made.token, "decide")
        with pytest.raises(NotAllowed, match="`read`"):
            await verifier.require(made.token, "read")

    on_redis(redis_url, story)


def test_the_secret_stands_nowhere(redis_url: str) -> None:
    async def story(redis: Redis) -> None:
        made = await KeyStore(Registry(redis)).make("desk", ["decide"], NOW)
        secret = made.token.split("_", 2)[2]
        assert len(secret) >= 43, "256 bits"
        kept = await Registry(redis).all("keys")
        assert secret.encode() not in b"".join(kept.values())

    on_redis(redis_url, story)


NO_KEYS = [None, "", "opp", "opp_", "opp__", "opp_nobody_secret", "Bearer x", "é", "opp_a_\x00"]


@pytest.mark.parametrize("wrong", NO_KEYS)
def test_what_is_no_key_is_refused(redis_url: str, wrong: str | None) -> None:
    async def story(redis: Redis) -> None:
        assert not await may(Verifier(Registry(redis), Availability(redis)), wrong)

    on_redis(redis_url, story)


def test_neither_another_secret_nor_another_id_passes(redis_url: str) -> None:
    async def story(redis: Redis) -> None:
        registry = Registry(redis)
        store = KeyStore(registry)
        one, other = await store.make("one", ["decide"], NOW), await store.make("other", ["decide"], NOW)
        secret = other.token.split("_", 2)[2]
        verifier = Verifier(registry, Availability(redis))
        assert await may(verifier, other.token)
        assert not await may(verifier, f"opp_{one.view.id}_{secret}")
        assert not await may(verifier, one.token[:-1])
        assert not await may(verifier, one.token + "x")

    on_redis(redis_url, story)


def test_a_revoked_key_stops_working_within_two_seconds(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.REMEMBER_S <= 2
    monkeypatch.setattr(module, "REMEMBER_S", 0.05)

    async def story(redis: Redis) -> None:
        registry = Registry(redis)
        store, verifier = KeyStore(registry), Verifier(registry, Availability(redis))
        made = await store.make("desk", ["decide"], NOW)
        assert await may(verifier, made.token)
        assert await store.revoke(made.view.id)
        assert not await store.revoke(made.view.id)
        async with asyncio.timeout(2):
            while await may(verifier, made.token):  # noqa: ASYNC110 (the clock cannot set an event)
                await asyncio.sleep(0.01)

    on_redis(redis_url, story)


def test_keys_are_listed_oldest_first_and_unknown_scopes_refused(redis_url: str) -> None:
    async def story(redis: Redis) -> None:
        store = KeyStore(Registry(redis))
        await store.make("second", ["read"], NOW)
        await store.make("first", ["ingest", "admin"], NOW.replace(hour=1))
        assert [(each.name, each.scopes) for each in await store.all()] == [
            ("first", ("ingest", "admin")),
            ("second", ("read",)),
        ]
        with pytest.raises(ValueError, match="no such scope: everything"):
            await store.make("third", ["everything"], NOW)
        with pytest.raises(ValueError, match="none given"):
            await store.make("third", [], NOW)

    on_redis(redis_url, story)


def test_an_id_that_is_taken_is_drawn_again(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["aaaaaaaa", "aaaaaaaa", "bbbbbbbb"])
    monkeypatch.setattr(module, "_new_id", lambda: next(ids))

    async def story(redis: Redis) -> None:
        store = KeyStore(Registry(redis))
        made = [await store.make(name, ["read"], NOW) for name in ("one", "other")]
        assert [each.view.id for each in made] == ["aaaaaaaa", "bbbbbbbb"]
        assert {each.name for each in await store.all()} >= {"one", "other"}
        assert all([await may(Verifier(Registry(redis), Availability(redis)), each.token, "read") for each in made])

    on_redis(redis_url, story)
