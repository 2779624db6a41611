"""A year of a grocer, replayed: every redeemed coupon is due to the campaign it belongs to, none of them twice."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from typing import Any

import orjson
import pytest

from app import ROOT
from app.checking import Report, check_folder
from app.decisioning import Decisioning
from app.scorecard import scorecard
from consumers.folding import ProfileFold
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from examples.grocery_campaigns import generate, history
from examples.grocery_campaigns.replay import Replay
from profiles import keys
from rules.arbitration import NothingLearned
from schemas.ledger import WHOLE_EVENT
from schemas.response import ResponseRecord
from schemas.scorecard import Scorecard
from tests.app.loading.conftest import Store
from tests.consumers.conftest import Counted
from tests.examples.loaded import Source, published

pytestmark = pytest.mark.anyio

GROCERY = ROOT / "examples" / "grocery-campaigns"
BY_KIND = {"a": (3_647, 1_718), "b": (2_368, 323), "c": (574, 61)}
"""By type of campaign: books that were sent, and coupons that came back."""
EXPOSURES, REDEMPTIONS, HOUSEHOLDS, ANSWERED, BASKETS = 6_589, 2_102, 1_559, 792, 41_472


@pytest.fixture(scope="module")
def report() -> Report:
    return check_folder(GROCERY, int(time.time() * 1000))


def test_the_policy_has_no_finding_but_that_the_year_is_over(report: Report) -> None:
    assert {(finding.id, finding.severity) for finding in report.findings} == {("over", "warning")}
    assert len(report.findings) == len(history.campaigns()) == 27
    assert report.ok
    assert report.examples >= 9
    assert report.delegated == 0


def test_campaigns_are_what_the_script_makes_of_the_data() -> None:
    assert generate.FILE.read_text(encoding="utf-8") == generate.text()


async def test_all_redemptions_are_due_to_their_campaigns_and_none_twice(redis_url: str) -> None:
    """Redemptions reach the log twice, the second time in any order, long after all else."""
    again = history.redemptions()
    random.Random(7).shuffle(again)
    async with published(GROCERY, redis_url, findings=("over",)) as store:
        decisioning = Decisioning(store.parts.store, Source(store.policy), NothingLearned(), Counted(), 3_600_000)
        replay = Replay(decisioning, store.parts.store, store.policy)
        await replay.run(history.year())
        await folded(store)
        card = await read(store)
        await replay.run(again)
        await folded(store)
        assert await read(store) == card, "what comes again changes nothing"
        said = await inferred(store)

    made = Counter(each.campaign for decided in replay.decided for each in decided.treatments)
    assert len(replay.decided) == sum(made.values()) == card.totals.decided == EXPOSURES
    assert len({each.customer for each in replay.decided}) == HOUSEHOLDS
    assert card.totals.interactions == BASKETS + REDEMPTIONS

    belongs = Counter(each.data["book"].replace("BOOK", "campaign") for each in history.redemptions())
    assert attributed(card) == belongs
    assert sum(belongs.values()) == REDEMPTIONS
    assert card.totals.outcomes == {"presented": ANSWERED, "redeemed": ANSWERED}

    kinds = {f"campaign-{each.id}": each.kind for each in history.campaigns().values()}
    found: dict[str, tuple[int, int]] = {
        kind: (sum(made[name] for name in kinds if kinds[name] == kind), total(belongs, kinds, kind)) for kind in "abc"
    }
    assert found == BY_KIND
    assert len(said) == REDEMPTIONS
    assert {tuple(shares.values()) for shares in said.values()} == {(WHOLE_EVENT,)}, "each event is due to one decision"


def total(attributed: Counter[str], kinds: dict[str, str], kind: str) -> int:
    return sum(count for name, count in attributed.items() if kinds[name] == kind)


def attributed(card: Scorecard) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in card.rows:
        found[row.campaign] += round(row.attributed)
        assert row.attributed == round(row.attributed)
    return +found


async def read(store: Store) -> Scorecard:
    return scorecard(await store.parts.store.counts())


async def folded(store: Store, within_s: float = 300.0) -> None:
    """By as many workers as it takes: one."""
    fold, parts = ProfileFold(store.policy, Counted()), store.parts
    streams = RedisStreams(parts.redis, parts.store.shards, "one")
    loop = GuardedLoop(parts.store, streams, lambda: fold, Counted(), 1_000_000, wait_ms=20)
    running = asyncio.create_task(loop.run())
    try:
        async with asyncio.timeout(within_s):
            while not await is_folded(store):  # noqa: ASYNC110 (only Redis can tell)
                await asyncio.sleep(0.2)
    finally:
        loop.stop()
        await running


async def is_folded(store: Store) -> bool:
    for shard in range(store.parts.store.shards):
        newest: Any = await store.parts.redis.xrevrange(keys.outbox(shard), count=1)
        position = int(await store.parts.redis.hget(keys.guard(shard), "off:out:0") or 0)
        ms, _, sequence = newest[0][0].partition(b"-")
        if position < int(ms) * 2**20 + int(sequence):
            return False
    return True


async def inferred(store: Store) -> dict[tuple[str, str], dict[str, int]]:
    """What the log says in the end: by household and goal event, the share of each response code."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for shard in range(store.parts.store.shards):
        entries: Any = await store.parts.redis.xrange(keys.outbox(shard))
        for _, fields in entries:
            if fields[b"topic"] == b"responses":
                said = ResponseRecord.model_validate(orjson.loads(fields[b"body"]))
                found[fields[b"subject"].decode(), said.goal_event][said.code] = said.share
    return {key: {code: share for code, share in shares.items() if share} for key, shares in found.items()}
