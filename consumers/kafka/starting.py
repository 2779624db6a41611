"""Where to begin with a partition, or why it cannot be taken in. Pure.

The position of a partition is the lowest of all shards. What lies between it and the end must be in the log still.
"""

from collections.abc import Sequence
from typing import NamedTuple

from consumers.kafka.errors import BeyondEnd, LogMisfit
from consumers.kafka.reading import Part

REBUILD = (
    "stop the workers; `opportune topics --from-start {topic}` goes on from there; then "
    "`opportune rebuild --swap --from archive` brings in what is missing, if the archive has it"
)


class Start(NamedTuple):
    offset: int
    is_first: bool
    """Shards without a position are to be given this one: nothing before it was ever there for them."""


def start_of(part: Part, positions: Sequence[int | None], begin: int, end: int) -> Start:
    """`positions`: of the shards; `begin`, `end`: what the log has. Raises LogMisfit and
    BeyondEnd."""
    known = [each for each in positions if each is not None]
    missing = len(positions) - len(known)
    if missing and begin and any(each != begin for each in known):
        told = f"{missing} of {len(positions)} shards have no position in {_named(part)}, and the log begins at {begin}"
        raise LogMisfit(f"{told}: Redis has lost what was taken in before", hint=REBUILD.format(topic=part[0]))
    lowest = begin if not known else min([*known, *([0] * bool(missing and not begin))])
    if lowest < begin:
        told = f"{_named(part)} was taken in up to {lowest}, and the log begins at {begin} now"
        raise LogMisfit(f"{told}: its retention has passed", hint=REBUILD.format(topic=part[0]))
    if max(known, default=0) > end:
        told = f"{_named(part)} was taken in up to {max(known)}, and the log ends at {end}"
        hint = f"if it is meant to begin anew: `opportune topics --from-start {part[0]}`"
        raise BeyondEnd(f"{told}: the topic was made anew, or Kafka has lost records", hint=hint)
    return Start(lowest, is_first=bool(missing and begin))


def _named(part: Part) -> str:
    topic, number = part
    return f"partition {number} of {topic}"
