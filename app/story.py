"""What happened to somebody, told in order: interactions, the timers that became due in between, and what both led to.

The same fold as the worker's, with the log and the clock left out: a record that a step says is folded next.
"""

import orjson

from consumers.folding import Step, fold_interaction
from consumers.live import LivePolicy
from consumers.timers import record_of
from profiles.profile import Profile
from profiles.store import Record
from schemas.interaction import CloudEvent, Interaction, from_cloud_event
from schemas.ledger import Ledger


class Story:
    def __init__(self, subject: str, policy: LivePolicy) -> None:
        self.step = Step(subject, Profile(), Ledger())
        self._policy = policy

    def happen(self, interaction: Interaction) -> None:
        """An interaction, after all that was due until then."""
        self.until(interaction.at_ms)
        self._fold(interaction)

    def until(self, now_ms: int) -> None:
        """Fires what is due, in order, as the worker would have."""
        while due := self._next_due(now_ms):
            name, due_ms = due
            self.step.timers[name] = None
            self._said(record_of(f"{self.step.subject}|{name}", due_ms))

    def _next_due(self, now_ms: int) -> tuple[str, int] | None:
        due = [(due_ms, name) for name, due_ms in self.step.timers.items() if due_ms is not None and due_ms <= now_ms]
        return (min(due)[1], min(due)[0]) if due else None

    def _fold(self, interaction: Interaction) -> None:
        fold_interaction(self.step, interaction, self._policy)
        said, self.step.records = self.step.records, []
        for record in said:
            if record.topic == "interactions":  # actions and the like are folded by nobody
                self._said(record)

    def _said(self, record: Record) -> None:
        event = from_cloud_event(CloudEvent.model_validate(orjson.loads(record.body)), received_ms=0)
        self._fold(event if event.policy is not None else self._policy.definition.typed(event))
