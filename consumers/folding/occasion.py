"""Why rules are fired: the event that they judge, and what was known when it came to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consumers.live import LivePolicy
from profiles.facts import Situation
from profiles.profile import Profile
from schemas.interaction import Interaction


@dataclass(frozen=True, slots=True)
class Occasion:
    event: Interaction
    """What `event.*` is about: after a while, the event that set the timer."""
    cause: Interaction
    """The interaction that is folded: that event itself, or the timer."""
    before: Profile | None
    after: Profile
    """The profile without the event, if the event has just happened, and with it."""
    now_ms: int
    """When what is done is done: when the log took the cause."""

    @property
    def at_ms(self) -> int:
        """When the rules are fired, in event time."""
        return self.cause.at_ms

    @property
    def situation(self) -> Situation:
        event = self.event
        return Situation(event.subject, self.after, event.channel, self.at_ms, event, before=self.before)

    def facts(self, policy: LivePolicy) -> Mapping[str, Any]:
        """What the conditions of rules see."""
        return policy.ruleset.classified(policy.facts.read(self.situation))

    def fired_facts(self, policy: LivePolicy) -> Mapping[str, Any]:
        """What the conditions of those rules see that the event fires, and no more than they look at."""
        reader = policy.fired_facts.get(self.event.type)
        return self.facts(policy) if reader is None else reader.read(self.situation)

    def written(self, policy: LivePolicy) -> Mapping[str, Any]:
        """What the texts of actions may name."""
        values = {**policy.facts.read(self.situation), **policy.texts.read(self.situation)}
        return policy.ruleset.classified(values)
