"""Optimistic commits: read, judge, commit; when somebody else was first, again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from profiles.errors import TooMuchContention

MOST_ATTEMPTS = 200
PAUSE_MAX_S = 0.02

Result = TypeVar("Result")


async def retried(attempt: Callable[[int], Awaitable[Result | None]]) -> Result:
    """The first result of `attempt`, which is told how often it was tried before. Raises TooMuchContention."""
    for number in range(MOST_ATTEMPTS):
        result = await attempt(number)
        if result is not None:
            return result
        # those who lost at the same moment must not meet again at the next
        await asyncio.sleep(random.uniform(0, min(PAUSE_MAX_S, 0.0005 * number)))  # noqa: S311
    raise TooMuchContention("one customer is changed too often at the same time")
