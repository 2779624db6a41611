"""Archivers that share the partitions by chance twice over, and are killed at random moments while records come."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from app.launcher import launched
from consumers.archive.place import Place
from consumers.archive.survey import faults
from tests.consumers.archive.conftest import PARTITIONS, all_files, held_offsets, send
from tests.kafka_server import KafkaServer

FOR_S = 25.0
DONE_WITHIN_S = 90.0


def started(log: KafkaServer, folder: Path, group: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.consumers.archive.killed", log.servers, str(folder), group]
    return subprocess.Popen(launched(command))


async def test_killed_and_started_again_all_the_time(
    log: KafkaServer, produce: AIOKafkaProducer, tmp_path: Path
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201
    chance, folder = random.Random(seed), tmp_path / "archive"
    groups = [f"g-{uuid4().hex[:8]}" for _ in range(2)]  # each has all partitions: two owners at all times
    running = [started(log, folder, group) for group in groups]
    sent, kills, until = [0] * PARTITIONS, 0, time.monotonic() + FOR_S
    try:
        while time.monotonic() < until:
            for number in range(PARTITIONS):
                count = chance.randrange(60)
                await send(produce, count, number)
                sent[number] += count
            await asyncio.sleep(chance.random() / 2)
            which = chance.randrange(2)
            if chance.random() < 0.15:
                running[which].kill()
                running[which].wait()
                groups[which] = f"g-{uuid4().hex[:8]}"  # the group forgets who has died after 30 s only
                running[which], kills = started(log, folder, groups[which]), kills + 1
        give_up = time.monotonic() + DONE_WITHIN_S
        while sum(each.last - each.first + 1 for each in all_files(Place(str(folder)))) < sum(sent):
            assert time.monotonic() < give_up, f"not archived in time; sent {sent}, {kills} kills"
            await asyncio.sleep(0.5)
    finally:
        for each in running:
            each.kill()
            each.wait()
    place = Place(str(folder))
    print(f"{sum(sent)} records, {kills} kills, {len(all_files(place))} files")  # noqa: T201
    assert faults(all_files(place)) == []
    assert held_offsets(place) == {number: list(range(count)) for number, count in enumerate(sent)}
    assert kills > 3
