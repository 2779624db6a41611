"""The live policy as workers and the API hold it: one revision, compiled for folding and for deciding."""

from dataclasses import dataclass
from typing import Protocol

from profiles.definition import Definition
from profiles.facts import FactReader
from rules.policy import Checked
from rules.ruleset import RuleSet, compile_rules


@dataclass(frozen=True, slots=True)
class LivePolicy:
    revision: str
    definition: Definition
    ruleset: RuleSet
    facts: FactReader
    moments: FactReader
    """What the times of rules follow from."""
    texts: FactReader
    """What the texts of actions name."""

    @staticmethod
    def compiled(checked: Checked) -> "LivePolicy":
        """Raises ValueError for a policy with errors."""
        ruleset = compile_rules(checked)
        definition = Definition.from_policy(ruleset.policy)
        named = (ruleset.reads, ruleset.timed.reads, ruleset.written)
        return LivePolicy(ruleset.revision, definition, ruleset, *(FactReader(definition, each) for each in named))


class PolicySource(Protocol):
    @property
    def current(self) -> LivePolicy | None:
        """The live policy, or None before the first is published."""
