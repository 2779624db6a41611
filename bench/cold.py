"""What a decision costs whose customer was not seen before: the pure part, stage by stage, where nothing is warm.

    python -m bench.cold [--rounds N] [--profile]

The shop of `bench.serving` (200 offers, 500 rules, caps, cells) and its requests. Every decision is about another of
20,000 customers, whose profile and ledger are read from the bytes that stand in Redis; in between, as much memory as
the second cache holds is walked through, as a request's way through HTTP, the event loop and Redis does. Each stage is
what the API runs (app/decisioning.py), with a store that is never asked; memory is in huge pages, as there. The figures
are medians over all decisions of a round, and of these the median: what an average request pays, not the luckiest as in
`bench.judging`.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from cProfile import Profile as Profiler
from datetime import UTC, datetime
from pstats import Stats
from statistics import median
from typing import Any, TypeVar

import orjson
from redis.asyncio import Redis

from app.asked import Asked
from app.committing import commit_of, said_of
from app.decisioning import Decisioning
from app.huge_pages import gather
from app.metrics import OF_WORKERS, Metrics
from bench.load import requests, shop
from bench.load.customers import subject
from bench.report import print_figures, print_table
from consumers.garbage import collect_rarely
from consumers.live import LivePolicy
from consumers.meter import count_decision
from profiles.decided import Kept
from profiles.people import Person
from profiles.store import CustomerStore, _args, customer_from
from rules.answer import answered
from rules.arbitration import NothingLearned
from rules.decide import decide
from schemas.base import at_ms
from schemas.decision import Question
from schemas.plain import taken

OFFERS, CUSTOMERS, DECISIONS, ROUNDS = 200, 20_000, 1_500, 5
L2_BYTES, LINE_BYTES = 2 << 20, 64
STAGES = ("question", "asked", "customer read", "facts", "decide", "answered", "said", "commit", "counted")
Done = TypeVar("Done")


class Pure:
    """A process that decides, without HTTP and Redis."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.live: LivePolicy = shop.live(shop.sections(OFFERS))
        self.meter = Metrics(without=OF_WORKERS)
        store = CustomerStore(Redis(), 16)
        self.decisioning = Decisioning(store, None, NothingLearned(), self.meter, 86_400_000)  # type: ignore[arg-type]
        self._profiles, self._ledgers = shop.profiles_and_ledgers(self.live, self.now)
        self._lines = requests.lines(shop.WITH_AMOUNT, random.Random(shop.SEED), "cold")
        self._walked = bytearray(L2_BYTES)

    def walk(self) -> None:
        """Through as much memory as the second cache holds."""
        self._walked[::LINE_BYTES] = self._walked[LINE_BYTES - 1 :: LINE_BYTES]

    def decide(self, number: int, run: Callable[[int, Callable[[], Any]], Any]) -> bytes:
        """One decision; `run` gets each stage of it."""
        live, made, customer = self.live, self.decisioning, number * requests.STEP % CUSTOMERS
        body = requests.filled(self._lines, number, CUSTOMERS)
        profile, ledger = self._profiles[customer % len(self._profiles)], self._ledgers[customer % len(self._ledgers)]
        answer, name = (b"30-a3f9c1", profile, ledger, None, None), subject(customer)
        now_ms = at_ms(self.now)
        question = run(0, lambda: taken(Question, orjson.loads(body)))
        asked = run(1, lambda: Asked.from_request(question, live, now_ms))
        person = run(2, lambda: _person(name, answer))
        facts = run(3, lambda: asked.facts(person, live, {}))
        origin = made._origin(asked, person, live, 0)
        judgement = run(4, lambda: decide(facts, live.ruleset, NothingLearned(), origin.at_ms, origin.seed))
        decided = run(5, lambda: answered(judgement, facts, origin))
        said = run(6, lambda: said_of(decided, asked, person, live))
        kept = Kept(origin.shard, 86_400_000, live.definition)
        run(7, lambda: _args(commit_of(decided, said, person, asked, live, kept), "", ""))
        run(8, lambda: count_decision(self.meter, decided))
        return bytes(decided.answer)


def _person(name: str, answer: Sequence[bytes | None]) -> Person:
    found = customer_from(name, answer)
    return Person(found, found)


def measured(pure: Pure, numbers: Iterator[int]) -> list[float]:
    """Microseconds by stage: the median of so many decisions."""
    ns: list[list[int]] = [[] for _ in STAGES]

    def run(stage: int, do: Callable[[], Done]) -> Done:
        start = time.perf_counter_ns()
        found = do()
        ns[stage].append(time.perf_counter_ns() - start)
        return found

    for _ in range(DECISIONS):
        pure.walk()
        pure.decide(next(numbers), run)
    return [median(each) / 1e3 for each in ns]


def profile(pure: Pure, numbers: Iterator[int]) -> None:
    profiler = Profiler()
    profiler.enable()
    for _ in range(DECISIONS):
        pure.decide(next(numbers), lambda _, do: do())
    profiler.disable()
    Stats(profiler).sort_stats("tottime").print_stats(45)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    pure, numbers = Pure(), iter(range(10**9))
    for _ in range(300):
        pure.decide(next(numbers), lambda _, do: do())
    collect_rarely()
    gather()
    if arguments.profile:
        profile(pure, numbers)
        return
    rounds = [measured(pure, numbers) for _ in range(arguments.rounds)]
    found = [median(each) for each in zip(*rounds, strict=True)]
    print_table([["stage", "µs"], *([name, f"{us:.1f}"] for name, us in zip(STAGES, found, strict=True))])
    figures = {f"us_{name.replace(' ', '_')}": us for name, us in zip(STAGES, found, strict=True)}
    print_figures("cold", {**figures, "us": sum(found)}, offers=OFFERS, customers=CUSTOMERS)


if __name__ == "__main__":
    main()
