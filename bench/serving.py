"""Decisions a second of one API process, beside what the web stack itself allows, and how long they take.

    python -m bench.serving            100,000 customers, about two minutes
    python -m bench.serving --full     longer rounds, and more of them; 5,000 offers too

A redis-server of its own with append-only persistence (`everysec`) on a unix socket; one uvicorn process of the
production application; 100,000 customers with profiles of 20 features, 8 of them windowed, and ledgers of three
treatments; 200 offers, 500 rules, caps, a cool-down, a suppression, test cells and holdouts (bench/load/shop.py). Each
request is of another customer, brings an interaction that just happened, asks for two treatments, and commits ledger,
decision record and log records: it is counted, and compared with the answers, that it did. Anything but 200 ends the
benchmark with an error. In the same process, in turns with ours:

    route   a Starlette route that decodes the same body and encodes an answer of the same size
    mget    the same, and one awaited Redis MGET of a profile-sized value before

`rps`: answers a second at saturation (wrk, 64 connections), the best round; `of_route` and `of_mget` are ours over the
best round of the baseline, `of_route_cpu` and `of_mget_cpu` the same of CPU time a request, which other load on the
machine disturbs less. `p50_ms`, `p99_ms`, `p999_ms` at half of `rps`, at a fixed arrival rate: a request counts from
when it was due (bench/load/paced.py); `p99_otherwise_ms` leaves out the share `in_stops`, those that were under way
while the virtual machine itself got next to no CPU from its host (bench/load/stops.py). `offers_1000_over_200`: CPU
time of a decision, by turns.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import uvloop

from bench.catalogue import RULES
from bench.load import shop
from bench.load.measured import Kept, Saturated, best
from bench.load.site import DECISIONS, JSON, MGET, SHARDS, Site, site
from bench.profiles import POLICY
from bench.report import print_figures, print_table

CUSTOMERS, OFFERS = 100_000, 200
ROWS = {JSON: "route", MGET: "mget", DECISIONS: "decision"}
NARROW = 20
"""Offers for the place that asks, where the others are for other places."""


@dataclass(frozen=True, slots=True)
class Plan:
    rounds: int
    seconds: float
    """Of a round of each."""
    kept_s: float
    """At a fixed rate."""
    others: tuple[int, ...]
    """Other numbers of offers."""


SHORT = Plan(3, 4.0, 12.0, (10, 1_000))
FULL = Plan(8, 15.0, 120.0, (10, 1_000, 5_000))
FEW = 8
"""Connections where a decision may take long."""
WARM_S = 2.0
SLOW_MS = 15.0


async def by_turns(served: Site, plan: Plan) -> dict[str, Saturated]:
    """The best round of each."""
    for path in ROWS:
        await served.saturate(path, WARM_S)
    rounds = [{path: await served.saturate(path, plan.seconds) for path in ROWS} for _ in range(plan.rounds)]
    return {path: best([each[path] for each in rounds]) for path in ROWS}


async def by_size(served: Site, plan: Plan) -> dict[str, tuple[Saturated, Saturated]]:
    """Other catalogues, each with that of 200 offers right before it."""
    usual = shop.sections(OFFERS)
    others = {f"{count:,}": shop.sections(count) for count in plan.others}
    others[f"1,000, {NARROW} for the place"] = shop.sections(1_000, at_asked=NARROW)
    found = {}
    for name, sections in others.items():
        pair = [await _afresh(served, each, plan.seconds) for each in (usual, sections)]
        found[name] = pair[0], pair[1]
    return found


async def _afresh(served: Site, sections: dict[str, object], seconds: float) -> Saturated:
    await served.publish(sections)
    await served.saturate(DECISIONS, WARM_S, FEW)
    return await served.saturate(DECISIONS, seconds, FEW)


def tell(turns: dict[str, Saturated], kept: Kept, sizes: dict[str, tuple[Saturated, Saturated]]) -> None:
    rows = [["at saturation", "a second", "API µs", "Redis µs"]]
    rows += [
        [ROWS[path], f"{each.rps:,.0f}", f"{each.cpu_us:,.0f}", f"{each.redis_us:,.0f}"] for path, each in turns.items()
    ]
    print_table(rows)
    late = f"asked up to {kept.late_ms:.2f} ms late (p99)"
    shares = ", ".join(
        f"{name} {kept.at(share):.1f} ms" for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
    )
    print(f"\nat {kept.rate:,.0f} a second: {shares}, worst {max(kept.latencies_ms):.1f}; {late}\n")
    print(told_of_stops(kept))
    rows = [["offers", "a second", "API µs", "of 200 offers"]]
    rows += [
        [name, f"{this.rps:,.0f}", f"{this.cpu_us:,.0f}", f"{this.cpu_us / usual.cpu_us:.2f} x"]
        for name, (usual, this) in sizes.items()
    ]
    print_table(rows)


def told_of_stops(kept: Kept) -> str:
    slow = [stalled for each, stalled in zip(kept.latencies_ms, kept.stalled, strict=True) if each > SLOW_MS]
    redis = ", ".join(f"{name} {ms} ms" for name, ms in kept.redis_ms.items()) or "nothing"
    return (
        f"{len(slow)} over {SLOW_MS:g} ms, {sum(slow)} of them in or right after one of the times in which the machine "
        f"itself stood still; p99 of the others {kept.otherwise(0.99):.1f} ms. Redis stood still for: {redis}\n"
    )


async def main(plan: Plan) -> None:
    async with site(CUSTOMERS, shop.sections(OFFERS)) as served:
        with served.serving():
            turns = await by_turns(served, plan)
            kept = await served.keep(DECISIONS, turns[DECISIONS].rps / 2, plan.kept_s)
            sizes = await by_size(served, plan)
    tell(turns, kept, sizes)
    ours, route, mget = turns[DECISIONS], turns[JSON], turns[MGET]
    usual, thousand = sizes["1,000"]
    print_figures(
        "serving",
        {
            "rps": ours.rps,
            "of_route": ours.rps / route.rps,
            "of_mget": ours.rps / mget.rps,
            "p50_ms": kept.at(0.5),
            "p99_ms": kept.at(0.99),
            "p999_ms": kept.at(0.999),
            "p99_otherwise_ms": kept.otherwise(0.99),
            "in_stops": sum(kept.stalled) / len(kept.stalled),
            "offers_1000_over_200": thousand.cpu_us / usual.cpu_us,
            "of_route_cpu": route.cpu_us / ours.cpu_us,
            "of_mget_cpu": mget.cpu_us / ours.cpu_us,
            "cpu_us": ours.cpu_us,
            "redis_us": ours.redis_us,
        },
        offers=OFFERS,
        rules=RULES,
        customers=CUSTOMERS,
        features=len(POLICY["features"]),
        shards=SHARDS,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="longer rounds, and more of them")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.run(main(FULL if arguments().full else SHORT))
