"""The protocol as a set of rules, and the ways in which it is broken on purpose."""

from dataclasses import dataclass, replace
from enum import Enum


class Resume(Enum):
    """Where a worker starts that takes a shard over."""

    OFF = "off"
    """At the position in the guard."""
    LOG = "log"
    """At the position committed to the log, which no failover of Redis touches."""


class Reads(Enum):
    """Where the customers of a batch are read."""

    WITHIN = "within BEGIN, by the same script"
    BESIDE = "after BEGIN in the same pipeline: another owner's writes may come between"
    BEFORE = "in a round trip before BEGIN"


@dataclass(frozen=True, slots=True)
class Rules:
    """Each rule is one check or one habit of docs/exactly-once.md; the default is the whole protocol."""

    guarded: bool = True
    """False: no BEGIN, and no check of the guard anywhere."""
    begin_compares_nonce: bool = True
    begin_compares_n: bool = True
    begin_compares_off: bool = True
    begin_requires_records: bool = True
    """False: an embedded log is not asked whether it still holds what was read from it."""
    begin_renews_nonce: bool = True
    takeover_renews_nonce: bool = True
    apply_checks_nonce: bool = True
    apply_checks_version: bool = True
    end_checks_nonce: bool = True
    end_checks_n: bool = True
    end_last: bool = True
    """False: END is sent before the APPLYs."""
    idle_check: bool = True
    marks: bool = True
    ring: bool = True
    resume: Resume = Resume.OFF
    skips_guarded: bool = True
    """False: a batch with nothing left to apply moves `off` without BEGIN and END."""
    reads: Reads = Reads.WITHIN
    skips_counted: bool = False
    """True: a customer with nothing left sends an APPLY that only raises `n`: not idempotent when it is sent again."""
    versions_unique: bool = True
    """False: the version is a counter, so that after a failover the same number may stand for something else."""
    offsets_unique: bool = True
    """False: the embedded log gives the offsets of lost records to new ones."""


PROTOCOL = Rules()
UNGUARDED = replace(PROTOCOL, guarded=False, idle_check=False)

DESIGNS: dict[str, Rules] = {
    "commit after write, no dedupe": replace(UNGUARDED, marks=False, ring=False, resume=Resume.LOG),
    "ring of seen ids, no watermark": replace(UNGUARDED, marks=False, resume=Resume.LOG),
    "watermark, resume from the log's commit": replace(UNGUARDED, resume=Resume.LOG),
    "watermark, position in Redis, no guard": UNGUARDED,
}
"""What others do instead: the designs of the design page."""

MUTANTS: dict[str, Rules] = {
    "no guard on a skip": replace(PROTOCOL, skips_guarded=False),
    "no nonce check in APPLY": replace(PROTOCOL, apply_checks_nonce=False),
    "no version check in APPLY": replace(PROTOCOL, apply_checks_version=False),
    "no nonce check in END": replace(PROTOCOL, end_checks_nonce=False),
    "no `n` == N in END": replace(PROTOCOL, end_checks_n=False),
    "END before APPLY": replace(PROTOCOL, end_last=False, end_checks_n=False),
    "neither `n` nor `off` compared in BEGIN": replace(PROTOCOL, begin_compares_n=False, begin_compares_off=False),
    "nothing compared in BEGIN": replace(
        PROTOCOL, begin_compares_off=False, begin_compares_n=False, begin_compares_nonce=False
    ),
    "records lost before BEGIN are folded": replace(PROTOCOL, begin_requires_records=False),
    "BEGIN keeps the nonce": replace(PROTOCOL, begin_renews_nonce=False),
    "no fencing at all": replace(PROTOCOL, begin_renews_nonce=False, takeover_renews_nonce=False),
    "customers read before BEGIN": replace(PROTOCOL, reads=Reads.BEFORE),
    "customers read beside BEGIN": replace(PROTOCOL, reads=Reads.BESIDE),
    "takeover resumes from the log's commit": replace(PROTOCOL, resume=Resume.LOG),
    "no idle check": replace(PROTOCOL, idle_check=False),
    "dedupe ring only": replace(PROTOCOL, marks=False),
    "watermark only, no ring": replace(PROTOCOL, ring=False),
    "skips counted in `n`": replace(PROTOCOL, skips_counted=True),
    "versions that return after a failover": replace(PROTOCOL, versions_unique=False),
    "offsets that return after a failover": replace(PROTOCOL, offsets_unique=False),
}
"""Every one must be noticed."""

SPARE: dict[str, Rules] = {
    "nonce not compared in BEGIN": replace(PROTOCOL, begin_compares_nonce=False),
    "`n` not compared in BEGIN": replace(PROTOCOL, begin_compares_n=False),
    "`off` not compared in BEGIN": replace(PROTOCOL, begin_compares_off=False),
    "takeover keeps the nonce": replace(PROTOCOL, takeover_renews_nonce=False),
}
"""Checks that others imply, kept as a second lock.

With `off` as it was left, every record up to it is applied, whoever wrote the guard. With `nonce` and `n` as they
were left, all commits of the last batch are there, and only its END may be missing, which the next one makes up
for. BEGIN fences by itself.
"""
