"""The exactly-once protocol alone, simulated: workers × a log × a Redis that may lose its latest writes.

    python -m tests.sim.protocol --seed 4711 [--mutant "no guard on a skip"]   replays one seed, step by step
    python -m tests.sim.protocol --seeds 100000 [--base 0]                     looks for a seed that fails
    python -m tests.sim.protocol --table [--seeds 2000]                        what each broken protocol costs

An even seed has the log inside Redis (embedded mode: a failover takes records and their effects together), an odd
one outside (Kafka: Redis goes back, the log does not).
"""

import argparse
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context

from tests.sim.variants import DESIGNS, MUTANTS, PROTOCOL, SPARE, Rules
from tests.sim.world import Hostility, World

PROCESSES = 2
CHUNK = 1_000
TABLE_SEEDS = 2_000
MOST_TO_NOTICE = 20_000
"""Seeds that a broken protocol may take to be noticed; they start at 0, so that this is no matter of luck."""
ALL: dict[str, Rules] = {"the protocol": PROTOCOL, **DESIGNS, **MUTANTS, **SPARE}
CLIMATES: dict[str, Hostility] = {
    "crash": Hostility(zombies=False, failovers=False),
    "+ zombie": Hostility(failovers=False),
    "+ failover": Hostility(),
}


@dataclass(frozen=True, slots=True)
class Failure:
    variant: str
    seed: int
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        mutant = "" if self.variant == "the protocol" else f" --mutant {shlex.quote(self.variant)}"
        found = "\n  ".join(self.wrong)
        return f"seed {self.seed}: {found}\n  replay: python -m tests.sim.protocol --seed {self.seed}{mutant}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some seeds of one variant in one climate, as one process works through them."""

    variant: str
    climate: str
    first: int
    count: int


def run(seed: int, variant: str, climate: str = "+ failover", trace: list[str] | None = None) -> list[str]:
    """What is wrong after one seed; nothing if all invariants hold."""
    hostile = CLIMATES[climate]
    inside = Hostility(hostile.zombies, hostile.failovers, hostile.cuts, log_inside=seed % 2 == 0)
    return World(seed, ALL[variant], inside, trace).run()


def failures(chunk: Chunk) -> list[Failure]:
    seeds = range(chunk.first, chunk.first + chunk.count)
    found = ((seed, run(seed, chunk.variant, chunk.climate)) for seed in seeds)
    return [Failure(chunk.variant, seed, tuple(wrong)) for seed, wrong in found if wrong]


def search(first: int, count: int) -> Iterator[tuple[int, list[Failure]]]:
    """Runs the protocol over seeds on every core: how many are done so far, and what failed among the latest."""
    chunks = [Chunk("the protocol", "+ failover", start, CHUNK) for start in range(first, first + count, CHUNK)]
    with get_context("spawn").Pool(PROCESSES) as pool:
        for number, found in enumerate(pool.imap_unordered(failures, chunks), 1):
            yield number * CHUNK, found


def noticed_after(variant: str, most: int) -> int | None:
    """How many seeds, from 0 on, it takes to notice a broken protocol; None if `most` are not enough."""
    return next((seed + 1 for seed in range(most) if run(seed, variant)), None)


def table(seeds: int) -> Iterator[str]:
    """The share of seeds that fail, by variant and by climate, and the first that does in the worst one.

    Each climate includes the one before; cut and repeated round trips are in all of them.
    """
    yield f"{'share of runs with a fault':<44}" + "".join(f"{each:>12}" for each in (*CLIMATES, "noticed by"))
    chunks = [Chunk(variant, climate, 0, seeds) for variant in ALL for climate in CLIMATES]
    with get_context("spawn").Pool(PROCESSES) as pool:
        shares = (len(found) / seeds for found in pool.imap(failures, chunks))
        first = pool.imap(_first_noticed, [*DESIGNS, *MUTANTS])
        for variant in ALL:
            noticed = f"{next(first):>12}" if variant in DESIGNS or variant in MUTANTS else ""
            yield f"{variant:<44}" + "".join(f"{next(shares):>12.2%}" for _ in CLIMATES) + noticed


def _first_noticed(variant: str) -> str:
    seeds = noticed_after(variant, MOST_TO_NOTICE)
    return "never" if seeds is None else f"{seeds} seeds"


def _replay(seed: int, variant: str) -> int:
    trace: list[str] = []
    wrong = run(seed, variant, trace=trace)
    _say(*trace, "", *(wrong or ["nothing is wrong"]))
    return 1 if wrong else 0


def _search(first: int, count: int) -> int:
    started = time.monotonic()
    failed = [each for _, found in search(first, count) for each in found]
    _say(*map(str, failed), f"{count} seeds from {first}: {len(failed)} failed, {time.monotonic() - started:.1f} s")
    return 1 if failed else 0


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--mutant", default="the protocol", choices=ALL, metavar="NAME")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--base", type=int, default=0)
    given = parser.parse_args()
    if given.seed is not None:
        return _replay(given.seed, given.mutant)
    if given.table:
        for line in table(given.seeds or TABLE_SEEDS):
            _say(line)
        return 0
    return _search(given.base, given.seeds or 100_000)


if __name__ == "__main__":
    sys.exit(main())
