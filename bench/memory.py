"""Resident memory of an API process and of a worker, before and after many requests; bytes of a customer in Redis.

    python -m bench.memory            100,000 requests
    python -m bench.memory --full     1,000,000 (6 GB of memory for Redis)

The site of bench/serving.py with 10 offers, so that a million decision records fit, and a worker that folds what the
API says. What there is before is measured after the first 20,000 requests, as caches have filled by then.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import uvloop

from bench.load import shop
from bench.load.customers import bytes_each
from bench.load.processes import resident_bytes
from bench.load.site import DECISIONS, Site, site
from bench.report import print_figures, print_table

CUSTOMERS, OFFERS = 100_000, 10
WARM, SHORT, FULL = 20_000, 100_000, 1_000_000
PART_S = 10.0


@dataclass(frozen=True, slots=True)
class Memory:
    api: int
    worker: int

    @staticmethod
    def now(served: Site, worker: int) -> Memory:
        return Memory(resident_bytes(served.pid), resident_bytes(worker))


async def asked(served: Site, requests: int) -> None:
    """So many requests, and all of them folded."""
    done = 0
    while done < requests:
        found = await served.saturate(DECISIONS, PART_S)
        done += int(found.rps * PART_S)
    await served.until_folded()


async def main(requests: int) -> None:
    async with site(CUSTOMERS, shop.sections(OFFERS)) as served:
        fresh_bytes = await bytes_each(served.redis, served.store, CUSTOMERS)
        with served.serving(), served.folding() as worker:
            await asked(served, WARM)
            before = Memory.now(served, worker)
            await asked(served, requests)
            after = Memory.now(served, worker)
        used_bytes = await bytes_each(served.redis, served.store, CUSTOMERS)
    api, worker_growth = after.api / before.api - 1, after.worker / before.worker - 1
    rows = [["", "before MB", "after MB", "growth"]]
    rows.append(["API", f"{before.api / 1e6:.1f}", f"{after.api / 1e6:.1f}", f"{api:.1%}"])
    rows.append(["worker", f"{before.worker / 1e6:.1f}", f"{after.worker / 1e6:.1f}", f"{worker_growth:.1%}"])
    print_table(rows)
    print(f"\n{requests:,} requests; a customer in Redis: {fresh_bytes:,.0f} bytes, {used_bytes:,.0f} after them\n")
    print_figures(
        "memory",
        {
            "requests": requests,
            "api_mb": after.api / 1e6,
            "api_growth_percent": api * 100,
            "worker_mb": after.worker / 1e6,
            "worker_growth_percent": worker_growth * 100,
            "bytes_per_customer": fresh_bytes,
            "bytes_per_customer_after": used_bytes,
        },
        offers=OFFERS,
        customers=CUSTOMERS,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="a million requests")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.run(main(FULL if arguments().full else SHORT))
