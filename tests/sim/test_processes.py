"""Real processes in all kinds of trouble at once (tests/sim/processes.py)."""

import os
import secrets

import pytest

from tests.sim.processes import run

pytestmark = pytest.mark.anyio


async def test_killed_and_frozen_processes_change_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """`SIM_BASE=<seed>` says the same things and causes the same faults again, as far as processes allow."""
    seed = int(os.environ.get("SIM_BASE") or secrets.randbelow(10**9))
    wrong, happened = await run(seed)
    with capsys.disabled():
        print(f"\nprocesses: seed {seed}: {happened}")  # noqa: T201
    assert not wrong, f"seed {seed}; again: python -m tests.sim.soak --processes {seed}\n" + "\n".join(wrong)
