"""What a rebuild found, and what it mended."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MOST_SAMPLES = 20
MOST_SHOWN = 300
"""Characters of a value in a sample."""


@dataclass
class Report:
    policy: str
    """The revision that folded: today's definition of the features, whatever was live when the events came."""
    shards: int = 0
    customers: int = 0
    """Compared."""
    differing: int = 0
    mended: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    """In how many customers each field differs."""
    timers: int = 0
    """Timers that differ."""
    counts: int = 0
    """Counts of the scorecard that differ."""
    counts_kept: int = 0
    """Counts that are higher than the log explains, in shards where customers were erased: they stay as they are."""
    samples: list[dict[str, str]] = field(default_factory=list)
    """The first differences: what, field, live, rebuilt."""

    @property
    def same(self) -> bool:
        return not (self.differing or self.timers or self.counts)

    def add(self, shard: "Report") -> None:
        for name in ("shards", "customers", "differing", "mended", "timers", "counts", "counts_kept"):
            setattr(self, name, getattr(self, name) + getattr(shard, name))
        self.fields.update(shard.fields)
        self.samples = [*self.samples, *shard.samples][:MOST_SAMPLES]

    def add_customer(self, subject: str, found: dict[str, tuple[Any, Any]]) -> None:
        self.differing += 1
        self.fields.update(found.keys())
        for name, (live, rebuilt) in found.items():
            self.add_sample(subject, name, live, rebuilt)

    def add_sample(self, what: str, name: str, live: Any, rebuilt: Any) -> None:
        if len(self.samples) < MOST_SAMPLES:
            shown = {"live": str(live)[:MOST_SHOWN], "rebuilt": str(rebuilt)[:MOST_SHOWN]}
            self.samples.append({"what": what, "field": name, **shown})
