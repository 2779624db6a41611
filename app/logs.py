"""Structured logs: one JSON object a line, on standard error. No personal data: no customer ids, no bodies.

What belongs to a message goes into `extra`; the request that is being answered is added by itself.
"""

import logging
import math
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson

request_id: ContextVar[str] = ContextVar("request_id", default="")

PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
"""What every record has; anything else came with `extra`."""


EVERY_S = 30.0
MOST_TEMPLATES = 500
NO_COORDINATOR = "GroupCoordinatorNotAvailable"
"""What a cluster says to its very first consumers, until it has made the topic of the groups."""


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id.get():
            line["request"] = request_id.get()
        line.update((name, value) for name, value in record.__dict__.items() if name not in PLAIN)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class Seldom(logging.Filter):
    """Lets the same message of a library through once in EVERY_S, and says how many were left out (`left_out`).

    Its retries may be logged thousands of times a second while no broker answers. The same: of one template, whatever
    is put into it. `clock`: in seconds.
    """

    def __init__(self, library: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._library = library
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] != self._library:
            return True
        if record.levelno > logging.INFO and NO_COORDINATOR in record.getMessage():
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        return record.levelno >= logging.getLogger().level and self._is_due(record)

    def _is_due(self, record: logging.LogRecord) -> bool:
        key, now_s = (record.name, str(record.msg)), self._clock()
        if key not in self._seen and len(self._seen) >= MOST_TEMPLATES:
            self._seen.clear()
        since_s, left_out = self._seen.get(key, (-math.inf, 0))
        if now_s - since_s < EVERY_S:
            self._seen[key] = since_s, left_out + 1
            return False
        if left_out:
            record.left_out = left_out
        self._seen[key] = now_s, 0
        return True


def set_up(level: str) -> None:
    """Makes JSON of everything that is logged in this process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Seldom("aiokafka"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("uvicorn.access", "asyncio", "httpx", "aiokafka"):  # aiokafka would log keys and bodies
        logging.getLogger(noisy).setLevel(logging.WARNING)
