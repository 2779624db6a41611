"""What a decision costs, by stage, in µs of the API process: where py-spy finds it under load.

    python -m bench.load.stages               200 offers, 20 seconds
    python -m bench.load.stages --stacks F    keeps py-spy's stacks in F, for a flame graph

The site of bench/serving.py, with 8 requests at a time. A sample belongs to the innermost of its frames that STAGES
knows; what only libraries do there belongs to whoever called them. Shares of the samples, times the CPU time of the
process for each answer. Only samples that hold the interpreter lock count.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import uvloop

from bench.load import shop
from bench.load.site import DECISIONS, Site, site
from bench.report import print_figures, print_table

CUSTOMERS, OFFERS, CONNECTIONS = 20_000, 200, 8
WARM_S, SECONDS, A_SECOND = 4.0, 20, 200
FRAME = re.compile(r"(?P<function>.*) \((?P<file>.*):\d+\)")

STAGES: Mapping[str, tuple[str, ...]] = {
    "HTTP: uvicorn": ("uvicorn/",),
    "HTTP: Starlette, FastAPI, ours around it": ("starlette/", "fastapi/", "app/api/"),
    "who calls": ("app/api/auth.py", "app/keys.py"),
    "decode and validate": (
        *("app/api/bodies.py", "app/api/hot.py _asked", "schemas/plain.py", "schemas/decision.py"),
        "app/decisioning.py Asked.from_request",
    ),
    "read: ask for it": ("profiles/people.py", "profiles/store.py CustomerStore.read"),
    "parse profile and ledger": ("profiles/store.py customer_from",),
    "facts, with the interaction folded in": ("app/decisioning.py Asked.facts",),
    "decide": ("rules/decide.py",),
    "record: make": ("rules/answer.py",),
    "record: encode": ("app/decisioning.py Decisioning._said",),
    "commit: ledger and arguments": ("app/decisioning.py Decisioning._commit_of", "profiles/store.py _args"),
    "commit: ask for it": ("profiles/store.py CustomerStore.commit", "profiles/store.py CustomerStore.append"),
    "round trips that requests share": ("profiles/coalescing.py Lane", "profiles/ride.py", "profiles/wire.py"),
    "metrics": ("app/metrics.py", "app/tally.py", "consumers/meter.py"),
    "what joins them": ("app/decisioning.py", "app/answering.py", "app/contention.py"),
}
"""Stage by the path of a file, or of all files of a folder, or a function of a file by the beginning of its name. Of
those that know a frame the one that says most of it counts."""
REST = "event loop and the rest"


def stage_of(stack: str) -> str:
    """Of the innermost frame that a stage knows."""
    for frame in reversed(stack.split(";")):
        match = FRAME.fullmatch(frame)
        known = _known(f"{match['file']} {match['function']}") if match else None
        if known is not None:
            return known
    return REST


def _known(frame: str) -> str | None:
    fitting = ((len(start), stage) for stage, starts in STAGES.items() for start in starts if frame.startswith(start))
    return max(fitting, default=(0, None))[1]


def samples_by_stage(lines: Iterable[str]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for line in lines:
        stack, _, samples = line.rpartition(" ")
        counted[stage_of(stack)] += int(samples)
    return counted


async def record(served: Site, stacks: Path) -> float:
    """CPU µs of the API for each answer, while py-spy looks at it."""
    command = [py_spy(), "record", "--gil", "-f", "raw", "-r", str(A_SECOND), "-d", str(SECONDS), "-o", str(stacks)]
    looking = asyncio.to_thread(subprocess.run, [*command, "--pid", str(served.pid)], capture_output=True, check=True)
    found, _ = await asyncio.gather(served.saturate(DECISIONS, SECONDS, CONNECTIONS), looking)
    return found.cpu_us


def py_spy() -> str:
    found = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if found is None:
        sys.exit("this needs py-spy: python -m pip install py-spy")
    return found


async def main(arguments: argparse.Namespace) -> None:
    py_spy()
    with tempfile.TemporaryDirectory() as folder:
        stacks = arguments.stacks or Path(folder) / "stacks"
        async with site(CUSTOMERS, shop.sections(OFFERS)) as served:
            with served.serving():
                await served.saturate(DECISIONS, WARM_S, CONNECTIONS)
                cpu_us = await record(served, stacks)
        counted = samples_by_stage(stacks.read_text().splitlines())
    total = counted.total()
    found = {stage: counted[stage] / total * cpu_us for stage in (*STAGES, REST)}
    rows = [["stage", "µs", "share"]]
    rows += [[stage, f"{us:,.0f}", f"{us / cpu_us:.1%}"] for stage, us in found.items()]
    print_table([*rows, ["all", f"{cpu_us:,.0f}", f"{total:,} samples"]])
    print_figures("stages", {"cpu_us": cpu_us, **found}, offers=OFFERS, customers=CUSTOMERS, samples=total)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stacks", type=Path, help="a file for py-spy's stacks")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.run(main(arguments()))
