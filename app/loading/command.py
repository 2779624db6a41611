"""`opportune load`: joins the parts, and goes on where an earlier start of the same command was cut short."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from app.bootstrap import Parts, opened, room_of
from app.errors import StartError
from app.loading.bad_rows import BadRows, usual_path
from app.loading.csv_rows import CsvRows
from app.loading.json_rows import JsonRows
from app.loading.judge import Judge, Origin
from app.loading.loader import Loader, Watcher
from app.loading.mapping import Options, resolve
from app.loading.progress import Loads, load_of
from app.loading.quality import Counting
from app.loading.rows import Rows
from app.loading.sending import Nowhere, Outboxes, Sink
from app.settings import Settings
from consumers.live import LivePolicy
from rules.policy import check
from schemas.base import at_ms
from schemas.load import Load

CSV, JSON, PARQUET = (".csv", ".tsv", ".txt"), (".jsonl", ".ndjson", ".json"), (".parquet",)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    path: Path
    options: Options = field(default_factory=Options)
    bad: Path | None = None
    again: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    load: Load
    before: bool
    """Whether it was finished before, and nothing was done."""
    bad_file: Path | None
    """Where the bad rows are; None where there are none, or nowhere."""


class Screen(Watcher, Protocol):
    """Whoever shows how it goes, and what is to be said besides."""

    def say(self, text: str) -> None: ...


async def load_file(asked: Asked, settings: Settings, screen: Screen) -> Loaded:
    """Raises StartError, StoreUnavailable."""
    rows = rows_of(asked.path)
    async with opened(settings) as parts, room_of(settings, parts.store).watched() as room:
        policy = await _live(parts)
        columns = resolve(rows.columns, asked.options, policy.definition.attributes)
        loads = Loads(parts.registry)
        name = load_of(asked.path, columns.digest())
        load = _begun(await loads.get(name), name, asked)
        if load.state == "finished":
            return Loaded(load, True, _bad_file(asked, load))
        if load.rows and not asked.dry_run:
            screen.say(f"going on after row {load.rows:,}")
        began = datetime.fromisoformat(load.started)
        quality = Counting(columns.types, policy.ruleset, began, load.quality)
        origin = Origin(f"load/{load.file}"[:200], f"{name}-{load.run}-", at_ms(began))
        judge = Judge(policy, columns, origin, quality)
        sink: Sink = Nowhere() if asked.dry_run else Outboxes(parts.store, loads, room, screen.say)
        bad_rows = _bad_rows(asked, rows, load)
        load = await Loader(rows, judge, quality, sink, bad_rows, screen).run(load)
    return Loaded(load, False, _bad_file(asked, load))


def rows_of(path: Path) -> Rows:
    """By the name of the file. Raises StartError."""
    packed = path.suffix == ".gz"
    suffix = (path.with_suffix("") if packed else path).suffix.lower()
    if suffix in CSV:
        return CsvRows(path)
    if suffix in JSON:
        return JsonRows(path)
    if suffix in PARQUET and not packed:
        from app.loading.parquet_rows import ParquetRows  # what only this format needs

        return ParquetRows(path)
    hint = f"it reads {', '.join((*CSV, *JSON, *PARQUET))}, and .gz of all but the last"
    raise StartError(f"the name of {path} does not say what it is", hint=hint)


async def _live(parts: Parts) -> LivePolicy:
    revision = await parts.policies.live_revision()
    if revision is None:
        raise StartError("no policy is live: it says which attributes there are", hint="opportune publish FOLDER")
    return LivePolicy.compiled(check(await parts.policies.files(revision)))


def _begun(before: Load | None, name: str, asked: Asked) -> Load:
    """The load as it was left, or as it begins."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    file = asked.path.name.encode("utf-8", "replace").decode()
    fresh = Load(load=name, file=file, started=now, updated=now)
    if before is None or asked.dry_run:
        return fresh
    return fresh.model_copy(update={"run": before.run + 1}) if asked.again else before


def _bad_path(asked: Asked) -> Path | None:
    """Checking alone leaves nothing behind, unless it is asked to."""
    return asked.bad or (None if asked.dry_run else usual_path(asked.path))


def _bad_rows(asked: Asked, rows: Rows, load: Load) -> BadRows | None:
    path = _bad_path(asked)
    return None if path is None else BadRows(path, rows.columns, load.bad_bytes)


def _bad_file(asked: Asked, load: Load) -> Path | None:
    path = _bad_path(asked)
    return path if path is not None and load.bad and path.exists() else None
