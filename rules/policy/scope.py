"""Names that are declared, and cannot be named where a condition stands.

Promises to tell them from those that nothing declares, and to say who knows them. Leaves which names are in scope to
`vocabulary`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rules.language import Problem, Vocabulary
from rules.policy.findings import Path
from schemas.built_in import event_fields
from schemas.policy import Policy

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
MOMENT = "`at`"
GOAL = "goals"
HINTS = {
    "scores": "a score knows the attributes, features and tags of the customer, and `now`",
    "segments": "a segment knows the attributes, features, tags and scores of the customer, and `now`",
    "stages": "a stage knows what a segment knows, the segments, and `customer.stage_since`; `from` says from where",
    "purposes": "a purpose knows the session, the attributes, features and tags of the customer, and `now`",
    MOMENT: "a time follows from the attributes and features of the customer, not from the moment",
    GOAL: "a goal knows `event.*` without `id` and `source`, and `offer.*`: whatever arrives late must not change it",
    "quality": "an expectation knows the attributes of the customer, and `now`",
    "rules": "ask for it in `eligible`, `applicable` or `suitable`",
}
"""By the section: what its conditions know instead. All other conditions know every name."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the condition at this path may name, and what others may."""

    policy: Policy
    path: Path
    available: Vocabulary
    everything: Vocabulary

    def explained(self, problem: Problem, source: str) -> Problem:
        """The problem, or a better sentence if it stands at a name that is known elsewhere."""
        section = str(self.path[1] if self.path[0] == "session" else self.path[0])
        if self.path[2:] == ("when", "at"):
            section = MOMENT
        if "goal" in self.path:
            section = GOAL
        found = NAME.match(source.split("\n")[problem.line - 1], problem.column - 1)
        name = self._elsewhere(found[0]) if found and section in HINTS else None
        if name is None:
            return problem
        if section == "rules" and name.startswith("event."):
            return self._of_other_events(problem, name)
        return replace(problem, message=f"`{name}` is not available in {section}", hint=HINTS[section])

    def _elsewhere(self, written: str) -> str | None:
        """The name as it is declared for other conditions; what is written may call a function of its value."""
        for name in _prefixes(written):
            if name in self.available.types:
                return None
            if name in self.everything.types:
                return name
        root = _root(written)
        only_there = root in _roots(self.everything.types) and root not in _roots(self.available.types)
        return written if only_there else None

    def _of_other_events(self, problem: Problem, name: str) -> Problem:
        firing = self.policy.rules[int(self.path[1])].judged_types
        field = name.removeprefix("event.")
        owners = [each for each in self.policy.interactions if field in event_fields(self.policy, each)]
        message = f"`{name}` is not available here: {_listed(firing)} has no field `{field}`"
        return replace(problem, message=message, hint=f"{_listed(owners)} has it")


def _prefixes(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]


def _root(name: str) -> str:
    return name.partition(".")[0]


def _roots(names: Iterable[str]) -> set[str]:
    return {_root(name) for name in names}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
