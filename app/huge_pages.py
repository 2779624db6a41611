"""Memory in huge pages, where Linux gives them (6.1 and later): what a decision touches lies in thousands of others.

A core remembers where about two thousand pages of 4 KiB are; a process that serves has forty thousand, and on a virtual
machine each one that is looked up costs a dozen reads of memory. Python's allocator asks for no huge pages, and the
kernel gives none unasked (`madvise`, the default of most distributions). So, when the policy that will be asked
thousands of times a second stands in memory, what is there is put together. It changes where values lie, nothing else;
where the kernel refuses, nothing happens.
"""

import ctypes
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HUGE_BYTES = 2 << 20
"""Of x86-64, and of arm64 with pages of 4 KiB."""
MADV_HUGEPAGE, MADV_COLLAPSE = 14, 25
MAPS = Path("/proc/self/maps")

log = logging.getLogger(__name__)


def gather() -> int:
    """Puts this process's memory into huge pages; how many bytes are in such now. Takes about 4 ms for each MB that is
    not yet, in which other threads run on."""
    if not sys.platform.startswith("linux") or not MAPS.exists():
        return 0
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    started, gathered = time.monotonic(), 0
    for first, end in whole(MAPS.read_text()):
        libc.madvise(first, end - first, MADV_HUGEPAGE)  # for what comes to lie there later
        gathered += sum(not libc.madvise(at, HUGE_BYTES, MADV_COLLAPSE) for at in range(first, end, HUGE_BYTES))
    took_ms = round((time.monotonic() - started) * 1_000)
    log.info("memory is in huge pages", extra={"mb": gathered * HUGE_BYTES >> 20, "took_ms": took_ms})
    return gathered * HUGE_BYTES


def whole(maps: str) -> Iterator[tuple[int, int]]:
    """The huge pages that lie wholly in memory that can be written and is no file's: from where to where."""
    for line in maps.splitlines():
        span, may, _, _, inode, *name = line.split(maxsplit=5)
        if may.startswith("rw-p") and inode == "0" and (not name or name[0] == "[heap]"):
            first, _, end = span.partition("-")
            start, stop = -(-int(first, 16) // HUGE_BYTES) * HUGE_BYTES, int(end, 16) // HUGE_BYTES * HUGE_BYTES
            if start < stop:
                yield start, stop
