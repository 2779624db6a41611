"""An intake in a process of its own, to be killed and frozen: `python -m tests.consumers.intake_process`, with the URL
of Redis, the brokers, the group, the worker's name ('' for none) and how many records it reads at once."""

import asyncio
import logging
import signal
import sys

from consumers.kafka import intake
from consumers.kafka.connection import Connection
from profiles.connection import connected
from tests.consumers.line import Line


async def run(redis_url: str, servers: str, group: str, name: str, most: str) -> None:
    intake.MOST_RECORDS = int(most)
    async with connected(redis_url, retries=0) as redis:
        line = await Line.on(redis, Connection(tuple(servers.split(","))))
        line.group = group
        running = line.intake(name)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.stop)
        await running.run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(run(*sys.argv[1:]))
