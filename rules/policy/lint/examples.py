"""What the examples name: cells of their program, fields of their interactions, reasons that exist."""

from collections.abc import Iterator

from rules.policy.findings import Finding, Path, nearest, suggestion
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY
from rules.reasons import Reason
from schemas.built_in import BUILT_IN, event_fields
from schemas.example import ExampleInteraction
from schemas.policy import Policy

REASONS = [reason.value for reason in Reason]


def cells(subject: Subject) -> Iterator[Finding]:
    """The cell that an example puts the customer in belongs to the program."""
    if not subject.sound("campaigns"):
        return
    programs = {program.id: [cell.id for cell in program.cells]
                for campaign in subject.policy.campaigns for program in campaign.programs}  # fmt: skip
    for at, example in enumerate(subject.policy.examples):
        for program, cell in example.given.cells.items():
            if program in programs and cell not in programs[program]:
                message = f"the program `{program}` has no cell `{cell}`"
                path = ("examples", at, "given", "cells", program)
                yield subject.error(path, "unknown-cell", message, suggestion(cell, programs[program]))


def data(subject: Subject) -> Iterator[Finding]:
    """The fields of an example's interactions are those of their type."""
    if not subject.sound("interactions", "attributes"):
        return
    for path, interaction in example_interactions(subject.policy):
        fields = event_fields(subject.policy, interaction.type)
        if interaction.type in (*subject.policy.interactions, *BUILT_IN):
            for name in interaction.data.keys() - fields.keys():
                message = f"`{interaction.type}` has no field `{name}`"
                yield subject.error((*path, "data", name, KEY), "unknown-field", message, suggestion(name, fields))


def reasons(subject: Subject) -> Iterator[Finding]:
    for at, example in enumerate(subject.policy.examples):
        for offer, reason in example.then.reasons.items():
            if reason not in REASONS:
                hint = nearest(reason, REASONS) or f"the reasons are {', '.join(f'`{each}`' for each in REASONS)}"
                path = ("examples", at, "then", "reasons", offer)
                yield subject.error(path, "unknown-reason", f"there is no reason `{reason}`", hint)


def example_interactions(policy: Policy) -> Iterator[tuple[Path, ExampleInteraction]]:
    """Every interaction that an example tells of, with its path."""
    for at, example in enumerate(policy.examples):
        for nth, interaction in enumerate(example.given.interactions):
            yield ("examples", at, "given", "interactions", nth), interaction
        if example.when.interaction:
            yield ("examples", at, "when", "interaction"), example.when.interaction


CHECKS: tuple[Check, ...] = (cells, data, reasons)
