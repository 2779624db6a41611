"""`make faults`: every scenario in full, one after the other; writes the table of docs/reliability.md.

python -m tests.faults                       all
python -m tests.faults poison two_owners     only these; the other lines of the table stay
"""

import logging
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from deploy.kafka.jars import NoKafka
from tests.faults import outages, scenarios
from tests.faults.outages import MOST_CURRENT_S
from tests.faults.running import Row
from tests.faults.scenarios import MOST_PAUSE_S
from tests.faults.telling import bounded
from tests.kafka_server import KafkaServer

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- generated: make faults -->", "<!-- end -->"
HEAD = [
    "fault",
    "sent",
    "faults",
    "lost",
    "doubled",
    "dead letters expected / found",
    "recovery",
    "besides",
    "measured",
]
THREE = "one_broker_of_three"
ALL: dict[str, Callable[[KafkaServer], Awaitable[Row]]] = {
    "each_step": lambda kafka: scenarios.killed_at_each_step(kafka, deaths=99),
    "random": lambda kafka: scenarios.killed_at_random(kafka, kills=10),
    "two_owners": lambda kafka: scenarios.two_owners(kafka, rounds=3),
    "only_broker": lambda kafka: outages.only_broker_killed(kafka, rounds=2),
    THREE: outages.one_broker_of_three_killed,
    "redis_killed": lambda kafka: outages.redis_killed(kafka, kills=5),
    "lost_suffix": outages.lost_suffix,
    "poison": lambda kafka: scenarios.poison(kafka, seconds=15),
    "rekeying": lambda kafka: scenarios.rekeying(kafka, seconds=15),
    "rolling_restart": lambda kafka: scenarios.rolling_restart(kafka, rounds=2, steady_s=8),
    "policy_swaps": lambda kafka: scenarios.policy_swaps(kafka, seconds=15),
    "kafka_stopped": lambda kafka: outages.highest_carried(kafka, seconds=60),
}


MOST_S = {"each_step": 720.0, THREE: 480.0, "kafka_stopped": 1_200.0}
MOST_S_ELSE = 300.0


def timely(row: Row) -> Row:
    """Adds what took too long."""
    if row.pause_s > MOST_PAUSE_S:
        row.wrong.append(f"a pause of {row.pause_s:.1f} s; at most {MOST_PAUSE_S:g} s are allowed")
    if row.recovery_s > MOST_CURRENT_S:
        row.wrong.append(f"{row.recovery_s:.0f} s until nothing was left; at most {MOST_CURRENT_S:g} s are allowed")
    return row


def run(names: Sequence[str]) -> Iterator[Row]:
    """One after the other, each on a Kafka of its own, so that none suffers from what another has left. One that fails
    or takes too long says so, and has no row to show."""
    for name in names:
        began = time.monotonic()
        try:
            with KafkaServer(nodes=3 if name == THREE else 1) as kafka:
                row = uvloop.run(_one(name, kafka))
        except (AssertionError, ExceptionGroup, NoKafka, OSError, TimeoutError):
            row = Row(name, wrong=[traceback.format_exc()])
        _say(f"{name}, {time.monotonic() - began:.0f} s: {' | '.join(row.cells())}", *timely(row).wrong)
        yield row


async def _one(name: str, kafka: KafkaServer) -> Row:
    async with bounded(name, MOST_S.get(name, MOST_S_ELSE)):
        return await ALL[name](kafka)


def line(row: Row, now: datetime) -> str:
    """Of the table. A row that does not hold says so."""
    *cells, besides = row.cells()
    notes = "; ".join([*["**does not hold**"] * bool(row.wrong), *([besides] if besides else [])])
    measured = f"{now:%m-%d %H:%M} at {_commit()}, load average {os.getloadavg()[1]:.0f}"
    return f"| {' | '.join([*cells, notes, measured])} |"


def written(page: str, new: str) -> str:
    """The page with this line in the place of an older one of the same fault, or behind the last."""
    before, _, rest = page.partition(BEGIN)
    block, _, after = rest.partition(END)
    old = [each for each in block.splitlines() if each.startswith("| ")][1:]
    fault = new.split(" | ")[0]
    names = [each.split(" | ")[0] for each in old]
    lines = [new if each == fault else there for each, there in zip(names, old, strict=True)]
    lines += [] if fault in names else [new]
    heading = f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}"
    return "\n".join([f"{before}{BEGIN}", "", _machine(), "", heading, *lines, "", f"{END}{after}"])


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _machine() -> str:
    where = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.release()}"
    return f"`make faults` on {where}; times are UTC, load averages those of the five minutes before."


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def main() -> int:
    logging.disable(logging.CRITICAL)  # clients of servers that are killed complain
    well = True
    for row in run(sys.argv[1:] or list(ALL)):
        if row.sent:
            PAGE.write_text(written(PAGE.read_text(), line(row, datetime.now(UTC))))
        well = well and not row.wrong
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
