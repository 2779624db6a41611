"""Where the files of the archive are: a folder, or an S3-compatible store. All of it blocks: call it in a thread.

A file is there as a whole or not at all: in a folder it is moved to its place when it is on the disk, in S3 an object
appears when its upload is complete.
"""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from pyarrow import fs

from consumers.archive.names import Held, parsed
from consumers.kafka.errors import LogMisfit, LogUnavailable

log = logging.getLogger(__name__)

INCOMING = ".incoming"
"""Beside the topics, in a folder only: files that are being written."""
TAIL_BYTES = 64 << 10
OLD_S = 86_400
"""A file that is being written and was not touched for so long was left behind by a crash."""
FORMS = "give a folder, or s3://bucket/prefix; ?endpoint_override=host:port&scheme=https where it is not Amazon's"


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file says of itself."""

    records: int
    schema: str
    last_taken_ms: int


class Place:
    """`where`: a path or a URI. Every method raises LogUnavailable where the place does not answer."""

    def __init__(self, where: str) -> None:
        """Raises LogMisfit for what is neither a folder nor S3."""
        self.where = where
        self.folder: Path | None = None
        """None in S3."""
        if "://" not in where:
            self.folder = Path(where).absolute()
            self._files, self._root = fs.LocalFileSystem(), str(self.folder)
        else:
            self._files, self._root = _s3(where)

    def prepare(self) -> Path:
        """The folder for drafts: on the disk of the archive, so that they can be moved. Checks that the place is there.
        Raises LogMisfit where there is no such bucket."""
        if self.folder is None:
            bucket = self._root.partition("/")[0]
            with self._trouble():
                found = self._files.get_file_info(bucket).type
            if found is fs.FileType.NotFound:
                raise LogMisfit(
                    f"there is no bucket {bucket} for the archive", hint="make it, or set OPPORTUNE_ARCHIVE"
                )
            return Path(tempfile.mkdtemp(prefix="opportune-archive-"))
        with self._trouble():
            incoming = self.folder / INCOMING
            incoming.mkdir(parents=True, exist_ok=True)
            for each in incoming.iterdir():
                if each.stat().st_mtime < time.time() - OLD_S:
                    each.unlink(missing_ok=True)
        return incoming

    def leave(self, drafts: Path) -> None:
        if self.folder is None:
            shutil.rmtree(drafts, ignore_errors=True)

    def publish(self, draft: Path, held: Held) -> None:
        """Puts a draft in its place; one that is there already has the same records, and gives way."""
        with self._trouble():
            if self.folder is None:
                self._upload(draft, held)
            else:
                _move(draft, self.folder / held.path)

    def _upload(self, draft: Path, held: Held) -> None:
        # in one piece, as a stream that is let go half-way would be completed with what it has
        with pa.memory_map(str(draft)) as source, self._files.open_output_stream(f"{self._root}/{held.path}") as out:
            out.write(source.read_buffer())

    def days(self, topic: str) -> list[str]:
        """Newest first."""
        return sorted((name[4:] for name in self._names(topic) if name.startswith("day=")), reverse=True)

    def files(self, topic: str, day: str) -> list[Held]:
        root = f"{self._root}/"
        below = fs.FileSelector(f"{self._root}/{topic}/day={day}", allow_not_found=True, recursive=True)
        with self._trouble():
            paths = [each.path for each in self._files.get_file_info(below) if each.is_file]
        return [each for path in sorted(paths) if (each := parsed(path.removeprefix(root)))]

    def newest_files(self, topic: str, numbers: Iterable[int]) -> Iterator[Held]:
        """Those among which is the last file of each partition. Looks no further back than needed: clocks of brokers
        that follow each other may differ around midnight, so one day more."""
        missing, one_more = set(numbers), True
        for day in self.days(topic):
            if not missing and not one_more:
                return
            one_more = bool(missing)
            found = self.files(topic, day)
            missing -= {each.part.number for each in found}
            yield from found

    def footer(self, held: Held) -> Footer:
        """Raises LogMisfit for a file that is damaged, or not what its name says."""
        with _sound(held):
            found = pq.read_metadata(pa.BufferReader(self._end_of(held)))
        said = {name.decode(): text.decode() for name, text in (found.metadata or {}).items()}
        try:
            first, last, taken = (int(said[f"opportune.{name}"]) for name in ("first", "last", "last_taken_ms"))
        except (KeyError, ValueError) as cause:
            raise LogMisfit(f"{held.path} was not written by an archiver: it lacks {cause}") from cause
        if (first, last) != (held.first, held.last):
            raise LogMisfit(f"{held.path} holds the offsets {first} to {last}: it was given another name")
        return Footer(found.num_rows, said["opportune.schema"], taken)

    def _end_of(self, held: Held) -> bytes:
        """As much of a file as its footer takes: its length is in the eight bytes at the end."""
        with self._trouble(), self._files.open_input_file(f"{self._root}/{held.path}") as file:
            size: int = file.size()
            end: bytes = file.read_at(min(size, TAIL_BYTES), max(0, size - TAIL_BYTES))
            needed = int.from_bytes(end[-8:-4], "little") + 8
            return end if needed <= len(end) else file.read_at(min(size, needed), max(0, size - needed))

    def table(self, held: Held, columns: list[str]) -> Any:
        """A `pyarrow.Table`. Raises LogMisfit for a file that is damaged."""
        with self._trouble(), self._files.open_input_file(f"{self._root}/{held.path}") as file:
            whole = file.read_buffer()
        with _sound(held):
            return pq.read_table(pa.BufferReader(whole), columns=columns, partitioning=None)

    def _names(self, folder: str) -> list[str]:
        with self._trouble():
            found = self._files.get_file_info(fs.FileSelector(f"{self._root}/{folder}", allow_not_found=True))
        return [each.base_name for each in found]

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except OSError as cause:
            hint = "is it there, may we write, and (in S3) are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY right?"
            raise LogUnavailable(f"the archive at {self.where}: {cause}", hint=hint) from cause


@contextmanager
def _sound(held: Held) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as cause:  # all is in memory: it is not the place that fails
        raise LogMisfit(f"{held.path} is no sound Parquet file: {cause}") from cause


def _s3(where: str) -> tuple[Any, str]:
    parts = urlsplit(where)
    if parts.scheme != "s3" or not parts.hostname:
        raise LogMisfit(f"{where.partition('?')[0]} is no place for an archive", hint=FORMS)
    if parts.username or parts.password:
        hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role"
        raise LogMisfit("the archive's URI has a password in it", hint=hint)
    try:
        files, root = fs.FileSystem.from_uri(where)
    except (pa.ArrowException, ValueError) as cause:
        raise LogMisfit(f"{where} is no place for an archive: {cause}", hint=FORMS) from cause
    except OSError as cause:
        raise LogUnavailable(f"the archive at {where}: {cause}") from cause
    return files, root.rstrip("/")


def _move(draft: Path, target: Path) -> None:
    _sync(draft)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft.replace(target)
    for folder in (target.parent, target.parent.parent, target.parent.parent.parent):
        _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
