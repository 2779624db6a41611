"""A log that is folded without Redis: records in the order of arrival, timers fired by a clock between them."""

from collections.abc import Iterable

from consumers.folding import Step, fold_decision, fold_interaction, fold_said
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.timers import interaction_of
from profiles.profile import Profile
from profiles.store import ACTIONS
from schemas.action import Action
from schemas.interaction import Interaction
from schemas.ledger import Ledger

ALICE = "customer:alice"


class Log:
    """One customer. `clock` holds what the sorted set would hold."""

    def __init__(self, policy: LivePolicy, subject: str = ALICE) -> None:
        self.policy = policy
        self.step = Step(subject, Profile(), Ledger())
        self.clock: dict[str, int] = {}
        self.fired: list[tuple[str, int]] = []

    def fold(self, interaction: Interaction, now_ms: int | None = None) -> None:
        said, step = len(self.step.records), self.step
        step.now_ms = interaction.at_ms if now_ms is None else now_ms
        fold_interaction(step, interaction, self.policy)
        fold_said(step, self.policy)
        for each in step.records[said:]:
            if each.topic == "decisions":
                record = LogRecord(each.topic, 0, step.now_ms, each.id, each.subject, each.body)
                fold_decision(step, record, self.policy)
        step.profile = Profile.loads(step.profile.dumps())  # as it comes back from Redis
        step.ledger = Ledger.from_json(step.ledger.as_json())
        for name, due_ms in step.timers.items():
            if due_ms is None:
                self.clock.pop(name, None)
            else:
                self.clock[name] = due_ms
        step.timers.clear()

    def look(self, now_ms: int) -> list[str]:
        """Fires what is due, in order; the names of what has fired."""
        found = []
        while due := [(at_ms, name) for name, at_ms in self.clock.items() if at_ms <= now_ms]:
            at_ms, name = min(due)
            del self.clock[name]
            self.fired.append((name, at_ms))
            found.append(name)
            self.fold(interaction_of(self.step.subject, name, at_ms), now_ms)
        return found

    @property
    def actions(self) -> list[Action]:
        return actions_of(self.step)


def actions_of(step: Step) -> list[Action]:
    return [Action.model_validate_json(each.body) for each in step.records if each.topic == ACTIONS]


def texts(actions: Iterable[Action]) -> list[str]:
    return [each.text for each in actions]
