"""The simulated protocol holds on 100,000 seeds, and every way of breaking it is noticed."""

import os
import secrets
import time

import pytest

from tests.sim.protocol import MOST_TO_NOTICE, failures, noticed_after, run, search
from tests.sim.protocol import Chunk as Seeds
from tests.sim.variants import DESIGNS, MUTANTS, SPARE

SEEDS = 100_000
WITHIN_S = 110.0


def test_the_protocol_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """`SIM_BASE=<base seed>` repeats a run."""
    base = int(os.environ.get("SIM_BASE") or secrets.randbelow(10**9))
    started = time.monotonic()
    done = 0
    for done, failed in search(base, SEEDS):  # noqa: B007  how many were done is the answer
        assert not failed, f"base seed {base}\n" + "\n".join(map(str, failed[:3]))
        if time.monotonic() - started > WITHIN_S:
            break
    with capsys.disabled():
        print(f"\nprotocol: {done} seeds from {base} in {time.monotonic() - started:.0f} s")  # noqa: T201
    assert done == SEEDS, f"only {done} seeds within {WITHIN_S} s"


@pytest.mark.parametrize("variant", [*DESIGNS, *MUTANTS])
def test_a_broken_protocol_is_noticed(variant: str) -> None:
    assert noticed_after(variant, MOST_TO_NOTICE) is not None


@pytest.mark.parametrize("variant", SPARE)
def test_a_spare_check_alone_is_not_missed(variant: str) -> None:
    """What the protocol's argument says: others imply it. A failure here would be news."""
    assert failures(Seeds(variant, "+ failover", 0, 1_000)) == []


def test_a_seed_determines_all_that_happens() -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        for seed in range(10):
            run(seed, "the protocol", trace=trace)
    assert traces[0] == traces[1]
    for event in ("CRASHES", "FAILS OVER", "is paused", "CONFLICT", "is cut off", "comes late", "one, two"):
        assert any(event in line for line in traces[0]), event
