"""A customer whose records are folded as the worker folds them, without a store, with what is said."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from consumers.folding import Step, fold_interaction, fold_said
from consumers.live import LivePolicy
from profiles.facts import FactReader, Situation
from profiles.profile import Profile
from schemas.interaction import TIMER_FIRED, CloudEvent, Interaction, from_cloud_event
from schemas.ledger import Ledger
from tests.builders import interaction


@dataclass
class Customer:
    policy: LivePolicy
    step: Step = field(default_factory=lambda: Step("customer:alice", Profile(), Ledger()))
    said: list[Interaction] = field(default_factory=list)
    """What the steps have said, in order."""

    def fold(self, *interactions: Interaction) -> "Customer":
        for each in interactions:
            fold_interaction(self.step, each, self.policy)
            fold_said(self.step, self.policy)
            records, self.step.records = self.step.records, []
            self.said += [from_cloud_event(CloudEvent.model_validate(orjson.loads(each.body)), 0) for each in records]
        return self

    def of(self, kind: str) -> list[Interaction]:
        return [each for each in self.said if each.type == kind]

    @property
    def profile(self) -> Profile:
        return self.step.profile


def fired(name: str, at_ms: int) -> Interaction:
    return interaction(TIMER_FIRED, at_ms, channel="", id=f"{name}@{at_ms}", data={"timer": name})


def facts(customer: Customer, *names: str, now_ms: int, channel: str = "web") -> dict[str, Any]:
    """What conditions see, the judgements included."""
    reader = FactReader(customer.policy.definition, customer.policy.ruleset.reads | set(names))
    values = reader.read(Situation("customer:alice", customer.profile, channel, now_ms))
    classified = customer.policy.ruleset.classified(values)
    return {name: classified[name] for name in names if name in classified}
