"""What a decision costs with more customers, and with a second API process.

    python -m bench.scale            1,000 to 100,000 customers
    python -m bench.scale --full     1,000,000 too (4 GB of memory for Redis), longer

The site of bench/serving.py: a redis-server and an API process of its own for each number of customers, then two
uvicorn processes on one socket. `flatness` is the least CPU time of the API for a decision over the most, from the
fewest customers to the most; `two_over_one`: answers a second of two processes over those of one, where wrk and Redis
share the cores with them (here with `cores` cores); `two_cpu_over_one` compares CPU time for a decision.
"""

from __future__ import annotations

import argparse
import os

import uvloop

from bench.load import shop
from bench.load.measured import Saturated, best
from bench.load.site import DECISIONS, site
from bench.report import print_figures, print_table
from bench.serving import OFFERS

SIZES, MOST = (1_000, 10_000, 100_000), 1_000_000
WARM_S, ROUNDS = 2.0, 3


async def saturated(customers: int, workers: int, seconds: float) -> Saturated:
    async with site(customers, shop.sections(OFFERS), workers) as served:
        with served.serving():
            await served.saturate(DECISIONS, WARM_S)
            return best([await served.saturate(DECISIONS, seconds) for _ in range(ROUNDS)])


async def main(sizes: tuple[int, ...], seconds: float) -> None:
    by_size = {customers: await saturated(customers, 1, seconds) for customers in sizes}
    usual = SIZES[-1]
    two = await saturated(usual, 2, seconds)
    rows = [["customers", "API processes", "a second", "API µs", "Redis µs"]]
    for customers, workers, each in [*((size, 1, each) for size, each in by_size.items()), (usual, 2, two)]:
        figures = (each.rps, each.cpu_us, each.redis_us)
        rows.append([f"{customers:,}", str(workers), *(f"{figure:,.0f}" for figure in figures)])
    print_table(rows)
    costs = [each.cpu_us for each in by_size.values()]
    print_figures(
        "scale",
        {
            "flatness": min(costs) / max(costs),
            "two_over_one": two.rps / by_size[usual].rps,
            "two_cpu_over_one": two.cpu_us / by_size[usual].cpu_us,
            "cores": os.cpu_count() or 0,
            **{f"cpu_us_{customers}": each.cpu_us for customers, each in by_size.items()},
        },
        offers=OFFERS,
        customers=sizes,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1,000,000 customers too, longer")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    uvloop.run(main((*SIZES, MOST), 10.0) if given.full else main(SIZES, 3.0))
