"""An archiver in a process of its own, to be killed. Takes brokers, folder and group."""

import asyncio
import sys
import time

from consumers.archive.archiver import Archiver
from consumers.archive.place import Place
from consumers.kafka.connection import Connection
from tests.consumers.conftest import Counted

SLOT_MS = 1_000
GRACE_MS = 500


async def main(servers: str, folder: str, group: str) -> None:
    archiver = Archiver(
        Connection((servers,)), Place(folder), Counted(), SLOT_MS, None, GRACE_MS, ("interactions",), group, time.time
    )
    await archiver.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
