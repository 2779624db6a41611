"""The web shop's example: sound, and its visitors load with the command of its README."""

import time

import pytest

from app import ROOT
from app.checking import check_folder
from app.loading.mapping import Options
from tests.examples.loaded import by_segment, published, seen

pytestmark = pytest.mark.anyio

SHOP = ROOT / "examples" / "web-shop"
DATA = SHOP / "data" / "online_shoppers_intention.csv.gz"
SESSIONS = 12_330


def test_the_policy_has_no_finding_and_its_examples_hold() -> None:
    report = check_folder(SHOP, int(time.time() * 1000))
    assert [str(finding) for finding in report.findings] == []
    assert (report.ok, report.examples) == (True, 5)


async def test_its_visitors_load_and_are_in_segments(redis_url: str) -> None:
    async with published(SHOP, redis_url) as store:
        loaded = await store.load(DATA, Options(id_prefix="shopper-", visitors=True))
        await store.until_folded(SESSIONS)
        views = await seen(store, [f"visitor:shopper-{number}" for number in range(1, SESSIONS + 1)])
    assert (loaded.load.accepted, loaded.load.bad) == (SESSIONS, 0)
    assert by_segment(views) == {"likely-buyer": 2_730, "returning": 10_551, "browsing": 4_038}
    failed = {name: (count.failed, count.not_evaluable) for name, count in loaded.load.quality.expectations.items()}
    assert failed == {
        "seen_any_page": (6, 0),
        "time_needs_pages": (0, 0),
        "bounce_is_an_exit": (175, 0),
        "new_or_returning": (85, 0),
    }
