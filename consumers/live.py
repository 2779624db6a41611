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

    @staticmethod
    def compiled(checked: Checked) -> "LivePolicy":
        """Raises ValueError for a policy with errors."""
        ruleset = compile_rules(checked)
        definition = Definition.from_policy(ruleset.policy)
        return LivePolicy(ruleset.revision, definition, ruleset, FactReader(definition, ruleset.reads))


class PolicySource(Protocol):
    @property
    def current(self) -> LivePolicy | None:
        """The live policy, or None before the first is published."""
