"""Every metric there is, on one page. Names follow Prometheus: counters end in `_total`, times in `_seconds`."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from app.tally import Summed, Tally
from consumers.meter import CHOSEN, Labels

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)

COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "requests": ("HTTP requests answered", ("route", "method", "status")),
    "interactions_accepted": ("Interactions taken in", ()),
    "interactions_refused": ("Interactions refused", ()),
    "decisions": ("Decisions answered", ("channel",)),
    "decisions_degraded": ("Requests answered with defaults, by what could not be done in time", ("reason",)),
    "treatments": ("Treatments chosen", ()),
    "responses": ("Responses taken in", ("outcome",)),
    "worker_folded": ("Log records folded", ()),
    "worker_conflicts": ("Commits that lost to another writer and were folded again", ()),
    "worker_fences": ("Shards lost to another owner, or rolled back", ()),
    "worker_takeovers": ("Shards taken over", ()),
    "worker_dead_letters": ("Records that could not be folded", ("reason",)),
    "worker_dead_letters_cut": ("Dead letters that were too many or too old, and are lost here", ()),
    "worker_future_events": ("Interactions that said they happened after they arrived", ()),
    "identity_conflicts": (
        "Identifiers not linked: somebody else has them, or there are too many",
        (),
    ),
    "identity_records_delivered": ("Records moved from one identifier's shard to another's", ()),
    "timers_fired": ("Timers fired", ()),
    "timers_dropped": ("Timers of rules that had to go because a customer had too many", ()),
    "actions": ("Actions that rules have taken", ("kind",)),
    "erasures": ("Erasures finished", ()),
    "archive_records": ("Records archived", ("topic",)),
    "archive_files": ("Files of the archive written", ("topic",)),
    "archive_unreadable": ("Records archived that could not be read", ("topic",)),
    "archive_lost": ("Offsets that left the log before they were archived", ("topic",)),
    "intake_taken": ("Records taken in from Kafka", ()),
    "intake_replayed": ("Records read again that were taken in before", ()),
    "intake_rekeyed": ("Records of Kafka that were moved to the shard of their customer", ()),
    "intake_dead_letters": ("Records of Kafka that could not be taken in", ("topic",)),
    "intake_found_again": ("Responses put back: their decisions were known only after them", ()),
    "intake_rewinds": ("Times that Redis had lost what was taken in, so that it was read again", ()),
    "intake_failures": ("Rounds of the intake that failed", ("reason",)),
    "intake_renewals": ("Consumers made anew because they stood still", ()),
    "relay_sent": ("Records that the relay has moved to Kafka", ()),
    "relay_failures": ("Batches that the relay could not send", ("reason",)),
}
TALLIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "candidates": ("Candidates by offer, and what became of them: `chosen`, or the reason", ("offer", "reason")),
}
MOST_OFFERS = 500
"""What comes after so many offers is counted as `other`: each has up to 17 series in each process."""
HISTOGRAMS: Mapping[str, str] = {
    "request": "Time to answer a request",
    "worker_batch": "Time to fold and commit one batch",
    "worker_fold": "Time to fold the records of one shard, or of several with few",
    "intake_batch": "Time to take in one batch from Kafka",
    "timer_lateness": "How late timers fired",
}
GAUGES: Mapping[str, str] = {
    "stock_granted": "Of each inventory and budget, what the shards owned have been given in all",
    "stock_held": "What decisions hold of it for a while",
    "stock_used": "What outcomes have used of it for good",
    "stock_owed": "What was used beyond what there was, since an answer came too late",
    "worker_shards": "Shards owned",
    "worker_dead_letters_waiting": "Dead letters in the shards owned",
    "timers_pending": "Timers that are set in the shards owned",
    "archive_lag_seconds": "Age of the oldest record that is not in the archive",
    "archive_refused_partitions": "Partitions that cannot be archived, as the log says why",
    "worker_lag_seconds": "Age of the newest record of the last batch when it was folded",
    "intake_partitions": "Partitions of Kafka's topics assigned to this worker",
    "intake_lag_records": "Records in these that are not taken in yet",
    "intake_lag_seconds": "For how long the longest of these partitions has stood still though there is more",
    "relay_waiting": "Records in the outboxes of the shards owned that Kafka does not have yet",
    "relay_oldest_seconds": "Age of the oldest of them",
    "relay_misfit": "1 while the relay stands still because the cluster or a topic is not as it must be",
}


GAUGE_LABELS: Mapping[str, tuple[str, ...]] = {
    "intake_lag_records": ("topic",),
    "intake_lag_seconds": ("topic",),
    "stock_granted": ("supply",),
    "stock_held": ("supply",),
    "stock_used": ("supply",),
    "stock_owed": ("supply",),
}
OF_WORKERS = ("intake_", "worker_", "timer", "identity_", "actions", "erasures", "relay_", "archive_", "stock_")
"""What only workers count: an API that showed zeros would seem to have nothing behind."""


class Metrics:
    """A `Meter` over a registry of its own. `without`: beginnings of names that this process has nothing to say of."""

    def __init__(self, without: tuple[str, ...] = ()) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._counters = {
            name: Counter(f"opportune_{name}", text, labels, registry=self.registry)
            for name, (text, labels) in COUNTERS.items()
            if not name.startswith(without)
        }
        self._found: dict[tuple[object, ...], Callable[[float], None]] = {}
        self._tallies = {name: Tally(f"opportune_{name}", *each, MOST_OFFERS) for name, each in TALLIES.items()}
        for tally in self._tallies.values():
            self.registry.register(tally)
        candidates = self._tallies["candidates"]
        self.registry.register(Summed("opportune_left_out", "Candidates left out", "reason", candidates, CHOSEN))
        self._histograms = {
            name: Histogram(f"opportune_{name}_seconds", text, buckets=BUCKETS_S, registry=self.registry)
            for name, text in HISTOGRAMS.items()
            if not name.startswith(without)
        }
        self._gauges = {
            name: Gauge(f"opportune_{name}", text, GAUGE_LABELS.get(name, ()), registry=self.registry)
            for name, text in GAUGES.items()
            if not name.startswith(without)
        }

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        key = (name, *labels.items())
        increase = self._found.get(key)
        if increase is None:  # prometheus-client takes a while to find it
            counter = self._counters[name].labels(**labels) if labels else self._counters[name]
            increase = self._found[key] = counter.inc
        increase(amount)

    def tally(self, name: str, each: Sequence[Labels], together: Iterable[Mapping[Labels, int]] = ()) -> None:
        self._tallies[name].add(each, together)

    def observe(self, name: str, seconds: float) -> None:
        self._histograms[name].observe(seconds)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def page(self) -> bytes:
        return generate_latest(self.registry)
