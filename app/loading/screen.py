"""What a person sees of a load: on a terminal a bar, elsewhere a line each ten seconds; at the end the counts.

Everything but the answer goes to standard error.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.loading.command import Loaded
from app.loading.rows import BadRow
from app.terminal import counted
from schemas.load import Load, Quality

MOST_SHOWN = 20
LINE_EVERY_S = 10.0


class Lines:
    """For a log, and for whoever has no terminal."""

    def __init__(self, console: Console, file: str) -> None:
        self._console = console
        self._file = file
        self._bad = 0
        self._said = time.monotonic()
        self._first: tuple[int, float] | None = None
        """The rows at the first batch of this start, and when that was."""

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def bad(self, row: BadRow) -> None:
        self._bad += 1
        if self._bad <= MOST_SHOWN:
            self.say(f"{self._file}:{row.line}: {row.reason}")
        elif self._bad == MOST_SHOWN + 1:
            self.say("… more bad rows are only counted here")

    def progress(self, load: Load, fraction: float) -> None:
        rates = self.rates(load)
        if time.monotonic() - self._said >= LINE_EVERY_S:
            self._said = time.monotonic()
            self.say(f"{fraction:.0%}: {rates}")

    def rates(self, load: Load) -> str:
        """What there is in all, and rows a second since the first batch of this start."""
        if self._first is None:
            self._first = load.rows, time.monotonic()
        rows, began = self._first
        per_s = (load.rows - rows) / max(0.001, time.monotonic() - began)
        return f"{load.rows:,} rows, {load.bad:,} bad, {per_s:,.0f} rows/s"


class Bar(Lines):
    """For a terminal."""

    def __init__(self, progress: Progress, task: TaskID, file: str) -> None:
        super().__init__(progress.console, file)
        self._progress = progress
        self._task = task

    def progress(self, load: Load, fraction: float) -> None:
        self._progress.update(self._task, completed=fraction, rates=self.rates(load))


@contextmanager
def shown(file: str) -> Iterator[Lines]:
    """What suits standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(console, file)
        return
    columns = (SpinnerColumn(), TextColumn(file), BarColumn(), TextColumn("{task.fields[rates]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        yield Bar(progress, progress.add_task(file, total=1.0, rates=""), file)


def _console() -> Console:
    """Standard output; wide enough for a table where it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 120)


def show_loaded(loaded: Loaded, dry_run: bool) -> None:
    """What came of it, the data quality below it."""
    load, console = loaded.load, _console()
    if loaded.before:
        console.print(f"{load.file} was loaded before: {_counts(load)}. --again loads it again.", soft_wrap=True)
        return
    console.print(f"{'checked' if dry_run else 'loaded'} {load.file}: {_counts(load)}", soft_wrap=True)
    if loaded.bad_file is not None:
        console.print(f"the bad rows with their reasons: {loaded.bad_file}", soft_wrap=True)
    console.print()
    _show_quality(load.quality, console)


def _counts(load: Load) -> str:
    return f"{counted(load.rows, 'row')}, {load.accepted:,} accepted, {load.bad:,} bad"


def show_loads(loads: list[Load], with_quality: bool) -> None:
    console = _console()
    _show_list(loads, console)
    for each in loads if with_quality else ():
        console.print()
        _show_quality(each.quality, console)


def _show_list(loads: list[Load], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("load", "file", "state", "begun"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "file")
    for heading in ("rows", "accepted", "bad"):
        table.add_column(heading, justify="right")
    for each in loads:
        begun = each.started[:16].replace("T", " ")
        counts = (f"{number:,}" for number in (each.rows, each.accepted, each.bad))
        table.add_row(each.load, each.file, each.state, begun, *counts)
    console.print(table)


def _show_quality(quality: Quality, console: Console) -> None:
    """One line for each attribute, and under it one for each expectation."""
    table = Table(box=None, pad_edge=False)
    table.add_column("attribute")
    for heading in ("rows", "filled", ""):
        table.add_column(heading, justify="right")
    table.add_column("expectation")
    for heading in ("failed", "not evaluable"):
        table.add_column(heading, justify="right")
    for name, filled in quality.filled.items():
        counts = (name, f"{quality.rows:,}", f"{filled:,}", f"{filled / max(1, quality.rows):.1%}")
        found = [(key, each) for key, each in quality.expectations.items() if each.attribute == name]
        for at, (key, each) in enumerate(found):
            table.add_row(
                *(counts if at == 0 else ("", "", "", "")), key, f"{each.failed:,}", f"{each.not_evaluable:,}"
            )
        if not found:
            table.add_row(*counts)
    console.print(table)
