"""What happened to somebody, told in order: interactions, the timers that became due in between, and what both led
to.

The same fold as the worker's; only what a log and a clock do for it is done here.
"""

from collections.abc import Sequence

from consumers.folding import Around, Step, fold_decision, fold_interaction, fold_said, goals
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.timers import interaction_of
from profiles.profile import Profile
from profiles.store import ACTIONS, Record
from schemas.action import Action
from schemas.interaction import Interaction
from schemas.ledger import Ledger

MOST_FIRED = 10_000
"""Timers of one story: one for each day of 27 years."""


class Story:
    def __init__(self, subject: str, policy: LivePolicy, around: Around) -> None:
        self.step = Step(subject, Profile(), Ledger(), around=around)
        self._policy = policy
        self._fired = 0
        self._actions: list[Action] = []

    @property
    def actions(self) -> Sequence[Action]:
        """What rules have done so far."""
        return self._actions

    def happen(self, interaction: Interaction) -> None:
        """An interaction, after all that was due until then."""
        self.until(interaction.at_ms)
        self._fold(interaction)

    def until(self, now_ms: int) -> None:
        """Fires what is due, in order, as the worker would have."""
        while self._fired < MOST_FIRED and (due := self._next_due(now_ms)):
            due_ms, name = due
            self.step.timers[name] = None
            self._fired += 1
            self._fold(interaction_of(self.step.subject, name, due_ms))

    def _next_due(self, now_ms: int) -> tuple[int, str] | None:
        due = [(due_ms, name) for name, due_ms in self.step.timers.items() if due_ms is not None and due_ms <= now_ms]
        return min(due, default=None)

    def _fold(self, interaction: Interaction) -> None:
        self.step.now_ms = interaction.at_ms
        fold_interaction(self.step, interaction, self._policy)
        fold_said(self.step, self._policy)
        goals.judge(self.step, self._policy)
        said, self.step.records = self.step.records, []
        for record in said:
            self._say(record, interaction.at_ms)

    def _say(self, record: Record, at_ms: int) -> None:
        """The log gives back what a step says. Interactions are folded already."""
        match record.topic:
            case "decisions":
                logged = LogRecord(record.topic, 0, at_ms, record.id, record.subject, record.body)
                fold_decision(self.step, logged, self._policy)
            case topic if topic == ACTIONS:
                self._actions.append(Action.model_validate_json(record.body))
