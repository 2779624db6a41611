"""Whether requests wait for a policy that is published meanwhile: the worst latencies around it, and before.

    python -m bench.publishing            1,000 offers and 2,000 rules, 20 seconds before and 60 around
    python -m bench.publishing --full     5,000 offers and 10,000 rules, a minute before and three around

The site of bench/serving.py. Requests come at a third of what one process answers at saturation, at a fixed rate; then
a revision that differs in one rule is made live, and the API checks and compiles it while it answers. 20 of the offers
have words for the place that asks. `worst_before_ms` and `worst_ms`, `over_50_before` and `over_50`: the slowest
request, and how many took longer than 50 ms, before and from the publication until the new revision is live, for as
long as before at least. `live_after_s`: until the API answers with it. The client, Redis and whatever else runs share
the cores, and disturb both times alike.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass
from typing import Any

import uvloop

from bench.catalogue import files_of
from bench.load import shop
from bench.load.measured import Kept, quantile
from bench.load.site import DECISIONS, Site, site
from bench.report import print_figures, print_table

CUSTOMERS, AT_ASKED, FEW = 20_000, 20, 8
WARM_S, SATURATE_S = 4.0, 6.0
SLOW_MS = 50.0


@dataclass(frozen=True, slots=True)
class Plan:
    offers: int
    rules: int
    before_s: float
    around_s: float


SHORT, FULL = Plan(1_000, 2_000, 20.0, 60.0), Plan(5_000, 10_000, 60.0, 180.0)


@dataclass(frozen=True, slots=True)
class Found:
    kept: Kept
    before: list[float]
    around: list[float]
    live_after_s: float

    @property
    def is_whole(self) -> bool:
        """Whether requests came until the new policy was live."""
        return self.live_after_s * self.kept.rate < len(self.kept.latencies_ms) - len(self.before)


def another(sections: dict[str, Any]) -> dict[str, Any]:
    """A revision that differs in one rule."""
    first, *others = sections["rules"]
    return {**sections, "rules": [{**first, "boost": 1.6}, *others]}


async def published(served: Site, sections: dict[str, Any], rate: float, plan: Plan) -> Found:
    changed = another(sections)
    policy, files = await asyncio.to_thread(shop.live, changed), files_of(changed)
    begun = asyncio.Event()
    asking = asyncio.create_task(served.keep(DECISIONS, rate, plan.before_s + plan.around_s, begun))
    await begun.wait()
    await asyncio.sleep(plan.before_s)
    began = time.monotonic()
    await served.make_live(policy, files)
    live_after_s = time.monotonic() - began
    kept = await asking
    at = int(plan.before_s * rate)
    around = kept.latencies_ms[at:][: int(max(live_after_s, plan.before_s) * rate)]
    return Found(kept, kept.latencies_ms[:at], around, live_after_s)


def tell(found: Found) -> None:
    rows = [["", "requests", "p50 ms", "p99 ms", "worst ms", f"over {SLOW_MS:.0f} ms"]]
    for name, latencies in (("before", found.before), ("from publication until live", found.around)):
        shares = (quantile(latencies, share) for share in (0.5, 0.99, 1.0))
        rows.append([name, f"{len(latencies):,}", *(f"{each:.1f}" for each in shares), str(slow(latencies))])
    print_table(rows)
    print(f"\n{found.kept.rate:,.0f} requests a second; the new revision was live after {found.live_after_s:.1f} s\n")


def slow(latencies: list[float]) -> int:
    return sum(each > SLOW_MS for each in latencies)


async def main(plan: Plan) -> None:
    sections = shop.sections(plan.offers, rules=plan.rules, at_asked=AT_ASKED)
    async with site(CUSTOMERS, sections) as served:
        with served.serving():
            await served.saturate(DECISIONS, WARM_S, FEW)
            most = await served.saturate(DECISIONS, SATURATE_S, FEW)
            found = await published(served, sections, most.rps / 3, plan)
    tell(found)
    assert found.is_whole, f"the policy was live after {found.live_after_s:.0f} s, when nobody asked any more"
    print_figures(
        "publishing",
        {
            "worst_ms": max(found.around),
            "over_50": slow(found.around),
            "worst_before_ms": max(found.before),
            "over_50_before": slow(found.before),
            "live_after_s": found.live_after_s,
            "requests": len(found.around),
        },
        offers=plan.offers,
        rules=plan.rules,
        customers=CUSTOMERS,
        rate=found.kept.rate,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="5,000 offers and 10,000 rules, longer")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.run(main(FULL if arguments().full else SHORT))
