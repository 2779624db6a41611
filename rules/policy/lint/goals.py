"""Goals and cell codes: names that are declared, fields that have an amount, codes that stand for one cell."""

from collections.abc import Iterator

from rules.cell_codes import read_code
from rules.policy.conditions import goals
from rules.policy.findings import Finding, Path, suggestion
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import place_of
from schemas.built_in import BUILT_IN, field_type
from schemas.contact import DECIDED, PRESENTED
from schemas.goals import Goal

NUMBERS = ("double", "int")


def declared(subject: Subject) -> Iterator[Finding]:
    policy = subject.policy
    for path, goal in goals(policy):
        if subject.sound("interactions"):
            types = {*policy.interactions, *BUILT_IN}
            for nth, name in enumerate(goal.when):
                if name not in types:
                    hint = suggestion(name, sorted(types)) or "declare it under `interactions:`"
                    message = f"there is no interaction type `{name}`"
                    yield subject.error((*path, "when", nth), "unknown-interaction-type", message, hint)
        if subject.sound("outcomes"):
            yield from _outcomes(subject, path, goal)


def _outcomes(subject: Subject, path: Path, goal: Goal) -> Iterator[Finding]:
    known = subject.policy.outcomes
    for field, name, besides in (("outcome", goal.outcome, ()), ("of", goal.of, (PRESENTED, DECIDED))):
        if name not in known and name not in besides:
            hint = suggestion(name, sorted({*known, *besides})) or "declare it under `outcomes:`"
            yield subject.error((*path, field), "unknown-outcome", f"there is no outcome `{name}`", hint)
    if goal.outcome in known and known[goal.outcome].after:
        message = f"`{goal.outcome}` happens by itself when no answer comes, and is no goal"
        yield subject.error((*path, "outcome"), "goal", message, "name an outcome such as `bought: {class: positive}`")


def amounts(subject: Subject) -> Iterator[Finding]:
    """The field is a number of every interaction that may meet the goal."""
    policy = subject.policy
    for path, goal in goals(policy) if subject.sound("interactions") else ():
        field = (goal.amount or "").removeprefix("event.")
        for name in (each for each in goal.when if field and each in policy.interactions):
            kind = field_type(policy, name, field)
            if kind not in NUMBERS:
                what = f"is {kind}, and an amount is a number" if kind else "is not carried by it"
                message = f"`{goal.amount}` of `{name}` {what}"
                yield subject.error((*path, "amount"), "goal-amount", message)


def within_memory(subject: Subject) -> Iterator[Finding]:
    """A window that is longer than the ledger remembers its decisions."""
    remember = subject.policy.contact_policy.remember
    for path, goal in goals(subject.policy):
        if goal.within > remember:
            message = "the window is longer than decisions are remembered (`contact_policy: remember`)"
            yield subject.error((*path, "within"), "goal-window", message, "shorten it, or remember for longer")


def cell_codes(subject: Subject) -> Iterator[Finding]:
    """Codes are read without case and dashes, and are unique over the policy."""
    first: dict[str, Path] = {}
    for at, campaign in enumerate(subject.policy.campaigns):
        for nth, program in enumerate(campaign.programs):
            for index, cell in enumerate(program.cells):
                path: Path = ("campaigns", at, "programs", nth, "cells", index, "code")
                if cell.code is None:
                    continue
                if cell.holdout:
                    message = f"`{cell.id}` sends nothing out that a code could be printed on"
                    yield subject.error(
                        path, "cell-code", message, "leave it out: who is held out has nothing to answer"
                    )
                elif (code := read_code(cell.code)) in first:
                    message = (
                        f"the code `{cell.code}` stands for two cells, first at {place_of(subject.tree, first[code])}"
                    )
                    yield subject.error(path, "duplicate-code", message, "give each cell a code of its own")
                else:
                    first[code] = path


CHECKS: tuple[Check, ...] = (declared, amounts, within_memory, cell_codes)
