"""The archive as the settings have it: who writes it, how far it is, and whether it is whole."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from app.errors import StartError
from app.kafka import kafka_connection
from app.settings import Settings
from consumers.archive import ARCHIVED
from consumers.archive.archiver import Archiver
from consumers.archive.names import Held
from consumers.archive.place import Place
from consumers.archive.survey import Fault, faults, late_beginnings, newest
from consumers.kafka.errors import LogMisfit
from consumers.kafka.partitions import PartitionReader
from consumers.kafka.reading import Part
from consumers.meter import Meter

FOOTERS_AT_ONCE = 16


def archive_place(settings: Settings) -> Place:
    """Raises StartError where no archive is set, and LogMisfit where what is set is none."""
    if not settings.archive:
        raise StartError("there is no archive", hint="set OPPORTUNE_ARCHIVE to a folder or to s3://bucket/prefix")
    return Place(settings.archive)


def archiver(settings: Settings, meter: Meter, member: str | None = None) -> Archiver:
    """The role `archive` of a worker. Raises StartError, BadSettings and LogMisfit."""
    return Archiver(kafka_connection(settings), archive_place(settings), meter, settings.archive_every, member)


@dataclass
class TopicStatus:
    topic: str
    files: int = 0
    since: str = ""
    """Day and hour (UTC) of the first file."""
    until: str = ""
    positions: dict[int, int] = field(default_factory=dict)
    """By partition, the first offset that is not archived."""
    waiting: int | None = None
    """Offsets in Kafka that are not archived; None where Kafka was not asked."""


async def archive_status(settings: Settings) -> list[TopicStatus]:
    """Raises StartError, LogMisfit and LogUnavailable."""
    place = archive_place(settings)
    found = [_topic_status(topic, list(_all_files(place, topic))) for topic in ARCHIVED]
    if settings.kafka:
        reader = PartitionReader(kafka_connection(settings))
        try:
            for each in found:
                each.waiting = await _waiting(reader, each)
        finally:
            await reader.close()
    return found


def _topic_status(topic: str, files: list[Held]) -> TopicStatus:
    hours = sorted(f"{each.day} {each.hour}:00" for each in files)
    positions = {part.number: each.last + 1 for part, each in sorted(newest(files).items())}
    return TopicStatus(topic, len(files), hours[0] if hours else "", hours[-1] if hours else "", positions)


async def _waiting(reader: PartitionReader, status: TopicStatus) -> int:
    parts = [Part(status.topic, number) for number in await reader.partitions(status.topic)]
    bounds = await reader.bounds(parts)
    return sum(
        max(0, each.end - max(each.begin, status.positions.get(part.number, 0))) for part, each in bounds.items()
    )


@dataclass
class Check:
    records: dict[str, dict[str, int]] = field(default_factory=dict)
    """By topic and day."""
    files: int = 0
    faults: list[Fault] = field(default_factory=list)
    begins: dict[str, int] = field(default_factory=dict)
    """By partition the first offset that is held, where it is not 0; no fault, since nobody knows what came before."""

    @property
    def sound(self) -> bool:
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        said = [{**asdict(each), "part": str(each.part), "said": str(each)} for each in self.faults]
        return {
            "sound": self.sound,
            "files": self.files,
            "records": self.records,
            "faults": said,
            "begins": self.begins,
        }


def checked(settings: Settings, since: str = "") -> Check:
    """Looks at the footer of every file of the days since then (`2026-11-27`). Raises StartError, LogMisfit and
    LogUnavailable."""
    place, check = archive_place(settings), Check()
    for topic in ARCHIVED:
        files = list(_all_files(place, topic, since))
        check.files += len(files)
        check.faults += faults(files)
        if not since:
            check.begins |= {str(part): first for part, first in late_beginnings(files).items()}
        days: dict[str, int] = {}
        for each, found in _footers(place, files):
            if isinstance(found, Fault):
                check.faults.append(found)
            else:
                days[each.day] = days.get(each.day, 0) + found
        if days:
            check.records[topic] = dict(sorted(days.items()))
    return check


def _all_files(place: Place, topic: str, since: str = "") -> Iterator[Held]:
    for day in place.days(topic):
        if day >= since:
            yield from place.files(topic, day)


def _footers(place: Place, files: Iterable[Held]) -> Iterator[tuple[Held, int | Fault]]:
    """How many records a file has, or what is wrong with it."""

    def found(each: Held) -> tuple[Held, int | Fault]:
        try:
            records = place.footer(each).records
        except LogMisfit as cause:
            return each, Fault("damaged", each.part, each.first, each.last, each.path, str(cause))
        if records > each.last - each.first + 1:
            why = f"it has {records} records, more than its offsets"
            return each, Fault("damaged", each.part, each.first, each.last, each.path, why)
        return each, records

    with ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
        yield from pool.map(found, files)
