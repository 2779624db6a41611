"""Loads into a real Redis with a real worker: everything arrives once, with the right types, and is counted."""

import asyncio
import csv
import gzip
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import ROOT
from app.errors import StartError
from app.loading import loader, sending
from app.loading.mapping import Options
from app.loading.progress import Loads
from app.loading.sending import Outboxes
from profiles import keys
from profiles.errors import StoreUnavailable
from profiles.store import Record
from schemas.load import ExpectationCount, Load
from tests.app.loading.conftest import Open, Store

TELCO = ROOT / "examples" / "telecom-retention" / "data" / "Telco-Customer-Churn.csv.gz"
SHOPPERS = ROOT / "examples" / "web-shop" / "data" / "online_shoppers_intention.csv.gz"
TELECOM: dict[str, Any] = {
    "attributes": {
        **dict.fromkeys(("senior_citizen", "partner", "dependents", "phone_service", "paperless_billing"), "bool"),
        **dict.fromkeys(("gender", "multiple_lines", "internet_service", "payment_method", "contract"), "string"),
        **dict.fromkeys(("online_security", "online_backup", "device_protection", "tech_support"), "string"),
        **dict.fromkeys(("streaming_tv", "streaming_movies"), "string"),
        **dict.fromkeys(("monthly_charges", "total_charges"), "double"),
        "tenure": "int",
        "churn": "bool",
    },
    "quality": {
        "has_total": {"attribute": "total_charges", "expect": "has(customer.total_charges)"},
        "plausible_total": {"attribute": "total_charges", "expect": "customer.total_charges >= 18.0"},
        "long_enough": {"attribute": "tenure", "expect": "customer.tenure > 0"},
    },
}
PAGES = ("administrative", "informational", "product_related")
SHOP: dict[str, Any] = {
    "attributes": {
        **dict.fromkeys((*PAGES, "operating_systems", "browser", "region", "traffic_type"), "int"),
        **{f"{name}_duration": "double" for name in PAGES},
        **dict.fromkeys(("bounce_rates", "exit_rates", "page_values", "special_day"), "double"),
        **dict.fromkeys(("month", "visitor_type"), "string"),
        **dict.fromkeys(("weekend", "revenue"), "bool"),
    },
}


def rows_of(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def written(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def many(path: Path, count: int) -> Path:
    return written(path, ["id,age", *(f"c{number},{number}" for number in range(count))])


async def outbox_length(store: Store) -> int:
    shards = range(store.parts.store.shards)
    return sum([await store.parts.redis.xlen(keys.outbox(shard)) for shard in shards])


async def test_the_telecom_customers(on_store: Open) -> None:
    async with on_store(**TELECOM) as store:
        loaded = await store.load(TELCO)
        await store.until_folded(7_043)
        assert (loaded.load.rows, loaded.load.accepted, loaded.load.bad) == (7_043, 7_043, 0)
        quality = loaded.load.quality
        assert (quality.rows, quality.filled["total_charges"], quality.filled["churn"]) == (7_043, 7_032, 7_043)
        assert quality.expectations == {
            "has_total": ExpectationCount(attribute="total_charges", failed=11, not_evaluable=0),
            "plausible_total": ExpectationCount(attribute="total_charges", failed=0, not_evaluable=11),
            "long_enough": ExpectationCount(attribute="tenure", failed=11, not_evaluable=0),
        }
        for row in rows_of(TELCO):
            found = await store.attributes(row["customerID"])
            assert found["tenure"] == int(row["tenure"])
            assert found["senior_citizen"] is (row["SeniorCitizen"] == "1")
            assert found["churn"] is (row["Churn"] == "Yes")
            assert found["payment_method"] == row["PaymentMethod"]
            assert found["monthly_charges"] == float(row["MonthlyCharges"])
            assert found.get("total_charges") == (float(row["TotalCharges"]) if row["TotalCharges"].strip() else None)


async def test_a_load_is_no_visit(on_store: Open, tmp_path: Path) -> None:
    async with on_store() as store:
        await store.load(many(tmp_path / "a.csv", 3))
        await store.until_folded(3)
        profile = (await store.customer("c1")).profile
        assert (profile.attributes, profile.sessions) == ({"age": 1}, {})
        assert [each[1:] for each in profile.recent] == [("identify", "", "load/a.csv")]
        for shard in range(store.parts.store.shards):
            assert await store.parts.redis.zcard(keys.timers(shard)) == 0


async def test_the_sessions_of_the_shop(on_store: Open) -> None:
    async with on_store(**SHOP) as store:
        options = Options(id_prefix="shopper-", visitors=True)
        loaded = await store.load(SHOPPERS, options)
        await store.until_folded(12_330)
        assert (loaded.load.accepted, loaded.load.bad) == (12_330, 0)
        bought = 0
        for number, row in enumerate(rows_of(SHOPPERS), 1):
            found = await store.attributes(f"shopper-{number}", "visitor")
            assert found["product_related_duration"] == float(row["ProductRelated_Duration"])
            assert found["month"] == row["Month"]
            bought += found["revenue"]
        assert bought == 1_908


async def test_bad_rows_are_listed_and_lose_nothing_else(on_store: Open, tmp_path: Path) -> None:
    lines = [
        "id,age,city,member,since",
        "ada,41,Porto,yes,2026-01-01",
        "bob,old,Porto,no,",
        ",17,Porto,no,",
        "eve,17",
        "zoe,17,Faro,no,",
        'max,17,Porto,"no"x,',
        "kim,17,Lisboa,0,2026-07-01",
        "leo,17,Porto\udcff,no,",
    ]
    path = tmp_path / "customers.csv"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    async with on_store() as store:
        loaded = await store.load(path)
        await store.until_folded(2)
        assert (loaded.load.rows, loaded.load.accepted, loaded.load.bad) == (8, 2, 6)
        assert await store.attributes("kim") == {
            "age": 17,
            "city": "Lisboa",
            "member": False,
            "since": "2026-06-30T23:00:00Z",
        }
    assert [(each.line, each.reason) for each in store.seen.bad_rows] == [
        (3, "`age` must be a whole number of 64 bits, not 'old'"),
        (4, "`id` is empty: it says who the row is about"),
        (5, "2 cells, and the header has 5"),
        (6, "`city` must be one of Porto, Lisboa, not 'Faro'"),
        (7, "not CSV: ',' expected after '\"'"),
        (9, "`city` must be one of Porto, Lisboa, not 'Porto\\udcff'"),
    ]
    assert loaded.bad_file == tmp_path / "customers.bad.csv"
    with loaded.bad_file.open(newline="", errors="surrogateescape") as file:
        header, *rows = csv.reader(file)
    assert header == ["line", "reason", *lines[0].split(",")]
    assert rows[0] == ["3", "`age` must be a whole number of 64 bits, not 'old'", "bob", "old", "Porto", "no", ""]
    assert [int(row[0]) for row in rows] == [3, 4, 5, 6, 7, 9]


async def test_the_bad_rows_can_be_mended_and_loaded(on_store: Open, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", ["id,age", "ada,x", "bob,2", "eve,y"])
    async with on_store() as store:
        bad = (await store.load(path)).bad_file
        assert bad is not None
        bad.write_text(bad.read_text().replace("ada,x", "ada,1").replace("eve,y", "eve,3"))
        again = await store.load(bad, Options(skips=("line", "reason")))
        await store.until_folded(3)
        assert (again.load.accepted, again.load.bad) == (2, 0)
        assert [(await store.attributes(name))["age"] for name in ("ada", "bob", "eve")] == [1, 2, 3]


async def test_text_that_is_not_utf_8_is_a_bad_row(on_store: Open, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,note\nada,caf\xc3\xa9\nbob,caf\xe9\n\xe9ve,x\n")
    async with on_store(attributes={"note": "string"}) as store:
        loaded = await store.load(path)
        await store.until_folded(1)
        assert [(each.line, each.reason) for each in store.seen.bad_rows] == [
            (3, "not UTF-8 text"),
            (4, "not UTF-8 text"),
        ]
        assert loaded.bad_file is not None
        assert b"bob,caf\xe9" in loaded.bad_file.read_bytes()


async def test_json_lines_with_bad_rows(on_store: Open, tmp_path: Path) -> None:
    lines = ['{"id": "ada", "age": 41, "labels": ["a"]}', "{", '{"id": 2, "age": 1.5}', '{"id": 3, "age": null}']
    late = [f'{{"id": "c{number}"}}' for number in range(1_000)] + ['{"id": "eve", "agee": 3}']
    path = written(tmp_path / "a.jsonl", [*lines, *late])
    async with on_store() as store:
        loaded = await store.load(path)
        await store.until_folded(1_002)
        assert await store.attributes("ada") == {"age": 41, "labels": ["a"]}
        assert await store.attributes("3") == {}
        assert [each.line for each in store.seen.bad_rows] == [2, 3, 1_005]
        assert store.seen.bad_rows[-1].reason == "there is no attribute for `agee` (did you mean `age`?)"
        assert loaded.bad_file == tmp_path / "a.bad.jsonl"
        assert loaded.bad_file.read_text().count("\n") == 3


async def test_a_load_that_was_finished_says_so_and_does_nothing(on_store: Open, tmp_path: Path) -> None:
    path = many(tmp_path / "a.csv", 10)
    async with on_store() as store:
        first = await store.load(path)
        length = await outbox_length(store)
        again = await store.load(path)
        assert (first.before, again.before, again.load) == (False, True, first.load)
        assert await outbox_length(store) == length == 10


async def test_again_states_it_anew(on_store: Open, tmp_path: Path) -> None:
    path = many(tmp_path / "a.csv", 10)
    async with on_store() as store:
        await store.load(path)
        changed = written(tmp_path / "b.csv", ["id,age", "c1,99"])
        await store.load(changed)
        again = await store.load(path, again=True)
        await store.until_folded(21)
        assert (again.before, again.load.run, again.load.rows) == (False, 2, 10)
        assert await store.attributes("c1") == {"age": 1}


async def test_another_mapping_is_another_load(on_store: Open, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", ["id,age,years", "ada,1,41"])
    async with on_store() as store:
        await store.load(path, Options(skips=("years",)))
        await store.load(path, Options(skips=("age",), maps={"years": "age"}))
        await store.until_folded(2)
        assert await store.attributes("ada") == {"age": 41}
        assert len(await Loads(store.parts.registry).all()) == 2


async def test_a_dry_run_only_checks(on_store: Open, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", ["id,age", "ada,1", "bob,x"])
    async with on_store() as store:
        checked = await store.load(path, dry_run=True)
        assert (checked.load.accepted, checked.load.bad) == (1, 1)
        assert await outbox_length(store) == 0
        assert await Loads(store.parts.registry).all() == []
        assert checked.bad_file is None
        loaded = await store.load(path)
        assert (loaded.before, loaded.load.accepted) == (False, 1)


class Stopping(Outboxes):
    """Ends at a step, as a crash would."""

    after_batch = 0
    before_progress = False

    async def take(self, records: Sequence[Record], progress: Load) -> None:
        if progress.rows > self.after_batch:
            if self.before_progress:
                await self._send(records)
            raise KeyboardInterrupt
        await super().take(records, progress)


@pytest.mark.parametrize("before_progress", [False, True])
@pytest.mark.parametrize("after_batch", [0, 20, 40])
async def test_a_load_that_is_cut_short_goes_on(
    on_store: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before_progress: bool, after_batch: int
) -> None:
    monkeypatch.setattr(loader, "BATCH", 10)
    lines = [f"c{number},{'x' if number % 7 == 3 else number}" for number in range(55)]
    path = written(tmp_path / "a.csv", ["id,age", *lines])
    quality = {"small": {"attribute": "age", "expect": "customer.age < 50"}}
    async with on_store(quality=quality) as store:
        with monkeypatch.context() as patched:
            patched.setattr("app.loading.command.Outboxes", Stopping)
            patched.setattr(Stopping, "after_batch", after_batch)
            patched.setattr(Stopping, "before_progress", before_progress)
            with pytest.raises(KeyboardInterrupt):
                await store.load(path)
        loaded = await store.load(path)
        await store.until_folded(47)
        assert (loaded.load.rows, loaded.load.accepted, loaded.load.bad) == (55, 47, 8)
        assert loaded.load.quality.expectations["small"].failed == 4
        assert store.seen.said == ([f"going on after row {after_batch:,}"] if after_batch else [])
        assert loaded.bad_file is not None
        bad = loaded.bad_file.read_text().splitlines()
        assert [line.split(",")[0] for line in bad[1:]] == [str(number + 2) for number in range(55) if number % 7 == 3]


async def test_where_there_is_no_room_the_load_waits_and_says_so(on_store: Open, tmp_path: Path) -> None:
    async with on_store() as store:
        store.settings = replace(store.settings, outbox_most=10, kafka=("127.0.0.1:1",))
        await store.parts.store.append([Record("interactions", "e", "customer:ada", b"{}")] * 11)
        loading = asyncio.create_task(store.load(many(tmp_path / "a.csv", 5)))
        give_up = time.monotonic() + 20
        while not store.seen.said:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.01)
        assert store.seen.said == ["11 records wait in the outboxes, more than the 10 that are allowed. The load waits"]
        assert await outbox_length(store) == 11
        await store.parts.redis.delete(keys.outbox(store.parts.store.shard("customer:ada")))
        assert (await loading).load.accepted == 5


async def test_without_a_worker_the_load_waits_and_says_so(
    on_store: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "BATCH", 10)
    monkeypatch.setattr(sending, "MOST_BATCHES", 4)
    monkeypatch.setattr(sending, "NOBODY_AFTER_S", 0.2)
    async with on_store() as store:
        loading = asyncio.create_task(store.load(many(tmp_path / "a.csv", 200)))
        give_up = time.monotonic() + 20
        while not store.seen.said:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.01)
        assert "start `opportune worker`" in store.seen.said[0]
        assert await outbox_length(store) <= 50
        assert not loading.done()
        await store.until_folded(200)
        assert (await loading).load.accepted == 200


async def test_redis_may_be_away_for_a_moment(on_store: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "RETRY_AFTER_S", 0.01)
    failures = iter([True, False, True, False])

    async def flaky(self: Outboxes, records: Sequence[Record]) -> None:
        await sent(self, records)
        if next(failures, False):
            raise StoreUnavailable("gone")

    sent = Outboxes._send
    monkeypatch.setattr(Outboxes, "_send", flaky)
    async with on_store() as store:
        loaded = await store.load(many(tmp_path / "a.csv", 2_500))
        await store.until_folded(2_500)
        assert loaded.load.accepted == 2_500
        assert len([each for each in store.seen.said if "trying again" in each]) == 2


async def test_without_a_policy_there_is_nothing_to_load_into(on_store: Open, tmp_path: Path) -> None:
    async with on_store() as store:
        await store.parts.registry.delete("policy", "live")
        with pytest.raises(StartError, match="no policy is live"):
            await store.load(many(tmp_path / "a.csv", 1))
