"""The records of the archive as they stood in the log."""

from collections.abc import Iterable, Iterator

from consumers.archive.names import Held
from consumers.archive.place import Place
from consumers.archive.survey import faults
from consumers.dead_letters import InKafka
from consumers.kafka.errors import LogMisfit
from consumers.kafka.reading import Part
from schemas.base import at_ms

COLUMNS = ["offset", "taken", "key", "headers", "value", "value_bytes"]
AT_ONCE = 500


def whole(place: Place, topic: str) -> dict[Part, list[Held]]:
    """The files of each partition, from its first record on without a gap. Raises LogMisfit."""
    files = [each for day in place.days(topic) for each in place.files(topic, day)]
    if found := faults(files):
        raise LogMisfit(
            f"the archive is not whole: {found[0]}", hint="`opportune archive check` shows all that is wrong"
        )
    chains: dict[Part, list[Held]] = {}
    for each in sorted(files, key=lambda file: file.first):
        chains.setdefault(each.part, []).append(each)
    for part, chain in chains.items():
        if chain[0].first:
            told = f"the archive of {part} begins at offset {chain[0].first}: what came before is in no file"
            raise LogMisfit(told, hint="customers are rebuilt from the first record on")
    return chains


def records(place: Place, files: Iterable[Held]) -> Iterator[list[InKafka]]:
    """Portion after portion. It blocks: call it in a thread. Raises LogMisfit and LogUnavailable."""
    for each in files:
        for batch in place.table(each, COLUMNS).to_batches(max_chunksize=AT_ONCE):
            yield [_record(each.part, row) for row in batch.to_pylist()]


def _record(part: Part, row: dict[str, object]) -> InKafka:
    value, taken, headers = row["value"], row["taken"], row["headers"]
    return InKafka(
        topic=part.topic,
        partition=part.number,
        offset=row["offset"],  # type: ignore[arg-type]
        at_ms=at_ms(taken),  # type: ignore[arg-type]
        key=row["key"],  # type: ignore[arg-type]
        headers=tuple((each["name"], each["value"]) for each in headers),  # type: ignore[attr-defined]
        value=value.encode() if isinstance(value, str) else row["value_bytes"],  # type: ignore[arg-type]
    )
