"""The course of an example: what happens one after the other, with the timers that fire between.

It is the very fold of the profile worker; only what a log and a clock do for that is done here, in order of time.
"""

from collections.abc import Sequence

from consumers.folding import Step, fold_decision, fold_interaction
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.timers import interaction_of
from profiles.store import ACTIONS, Record
from schemas.action import Action
from schemas.interaction import Interaction

MOST_FIRED = 10_000
"""Timers of one example: one for each day of 27 years."""


class Course:
    """One customer, step by step."""

    def __init__(self, step: Step, policy: LivePolicy) -> None:
        self._step = step
        self._policy = policy
        self._fired = 0

    def happens(self, interaction: Interaction) -> None:
        """The interaction, after the timers that are due by then."""
        self.passes(interaction.at_ms)
        self._fold(interaction)

    def passes(self, now_ms: int) -> None:
        """Fires what is due, in order."""
        while self._fired < MOST_FIRED:
            due = [(at_ms, name) for name, at_ms in self._step.timers.items() if at_ms is not None and at_ms <= now_ms]
            if not due:
                return
            at_ms, name = min(due)
            del self._step.timers[name]
            self._fired += 1
            self._fold(interaction_of(self._step.subject, name, at_ms))

    @property
    def actions(self) -> Sequence[Action]:
        """What rules have done so far."""
        return [Action.model_validate_json(each.body) for each in self._step.records if each.topic == ACTIONS]

    def _fold(self, interaction: Interaction) -> None:
        said = len(self._step.records)
        self._step.now_ms = interaction.at_ms
        fold_interaction(self._step, interaction, self._policy)
        for each in self._step.records[said:]:
            if each.topic == "decisions":
                self._confirm(each, interaction.at_ms)

    def _confirm(self, said: Record, at_ms: int) -> None:
        """The log gives back what was decided."""
        record = LogRecord(said.topic, 0, at_ms, said.id, said.subject, said.body)
        fold_decision(self._step, record, self._policy)
