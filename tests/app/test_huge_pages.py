"""Memory in huge pages: more of it, the same values; and only what is ours to move."""

import re
from pathlib import Path

from app.huge_pages import HUGE_BYTES, gather, whole

MAPS = """\
5574a0000000-5574a0a00000 r-xp 00000000 fe:00 1234                       /usr/bin/python3.11
5574a1000000-5574a1500000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000800000 rw-p 00000000 00:00 0
7f0000900000-7f0000a00000 rw-p 00000000 00:00 0
7f0001000000-7f0001400000 rw-p 00000000 fe:00 99                         /srv/data
7f0002000000-7f0002400000 rw-s 00000000 00:01 7                          /dev/shm/x
7f0003000000-7f0003400000 ---p 00000000 00:00 0
7ffd10000000-7ffd10800000 rw-p 00000000 00:00 0                          [stack]
"""


def test_huge_pages_lie_wholly_in_what_is_ours_to_write() -> None:
    heap, arena = list(whole(MAPS))
    assert heap == (0x5574A1000000, 0x5574A1400000)
    assert arena == (0x7F0000000000, 0x7F0000800000)


def test_values_stay_what_they_are() -> None:
    kept = bytearray(range(256)) * (16 * HUGE_BYTES // 256)
    gathered = gather()  # 0 where the kernel gives none
    assert kept == bytearray(range(256)) * (16 * HUGE_BYTES // 256)
    assert gathered <= _in_huge_pages() + HUGE_BYTES


def _in_huge_pages() -> int:
    rollup = Path("/proc/self/smaps_rollup")
    found = re.search(r"AnonHugePages: +(\d+) kB", rollup.read_text()) if rollup.exists() else None
    return int(found[1]) * 1024 if found else 0
