"""The live policy as workers and the API hold it: one revision, compiled for folding and for deciding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from profiles.definition import Definition
from profiles.facts import FactReader
from profiles.shelf import Shelf
from rules.classes import Classes
from rules.policy import Checked
from rules.ruleset import RuleSet, compile_rules


@dataclass(frozen=True, slots=True, weakref_slot=True)
class LivePolicy:
    revision: str
    definition: Definition
    ruleset: RuleSet
    facts: FactReader
    """Of all that any condition reads."""
    fired_facts: Mapping[str, FactReader]
    """By interaction type, of what the rules that it fires look at. Not of types whose rules look at judgements, such
    as segments: those rest on all facts."""
    purpose_facts: FactReader
    """Of what the purposes of a visit read."""
    stage_facts: FactReader
    stage_classes: Classes
    """What a customer's stage is judged with, and no more."""
    moments: FactReader
    """What the times of rules follow from."""
    texts: FactReader
    """What the texts of actions name."""
    goal_facts: FactReader
    """What goals look at."""
    shelf: Shelf | None
    """Its inventories and budgets; None without any."""

    @staticmethod
    def compiled(checked: Checked) -> "LivePolicy":
        """Raises ValueError for a policy with errors."""
        ruleset = compile_rules(checked)
        definition = Definition.from_policy(ruleset.policy)
        stages = ruleset.classes.of_stages()
        return LivePolicy(
            revision=ruleset.revision,
            definition=definition,
            ruleset=ruleset,
            facts=FactReader(definition, ruleset.reads),
            fired_facts={
                fired: FactReader(definition, group.reads)
                for fired, group in ruleset.rules_of.items()
                if not group.reads & ruleset.classes.adds
            },
            purpose_facts=FactReader(definition, ruleset.classes.of_purposes().reads),
            stage_facts=FactReader(definition, stages.reads),
            stage_classes=stages,
            moments=FactReader(definition, ruleset.timed.reads),
            texts=FactReader(definition, ruleset.written),
            goal_facts=FactReader(definition, ruleset.goals.reads),
            shelf=Shelf.of(ruleset.policy, ruleset.revision),
        )


class PolicySource(Protocol):
    @property
    def current(self) -> LivePolicy | None:
        """The live policy, or None before the first is published."""
