"""The universal holdout: its cell has a name of its own, and it keeps something back."""

from collections.abc import Iterator

from rules.policy.findings import Finding
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY
from schemas.cells import HOLDOUT


def named_once(subject: Subject) -> Iterator[Finding]:
    """The scorecard tells what it kept back by the name of the cell."""
    if subject.policy.holdout is None:
        return
    for at, campaign in enumerate(subject.policy.campaigns):
        for nth, program in enumerate(campaign.programs):
            for index, cell in enumerate(program.cells):
                if cell.id == HOLDOUT:
                    path = ("campaigns", at, "programs", nth, "cells", index, "id")
                    message = f"a cell of `{program.id}` cannot be called `{HOLDOUT}`: that is the universal one"
                    yield subject.error(path, "name-taken", message, f"call it `{program.id}-{HOLDOUT}`")


def effect(subject: Subject) -> Iterator[Finding]:
    policy = subject.policy
    if policy.holdout is None or not subject.sound("offers"):
        return
    if not any(offer.kind == "standard" for offer in policy.offers):
        message = "this has no effect: it keeps back `standard` offers, and there are none"
        yield subject.warning(("holdout",), "no-effect", message, "leave it out")


def examples(subject: Subject) -> Iterator[Finding]:
    if subject.policy.holdout is not None or not subject.sound("holdout"):
        return
    for at, example in enumerate(subject.policy.examples):
        if example.given.held_out:
            path = ("examples", at, "given", "held_out", KEY)
            message = "nobody is held out: the policy has no universal holdout"
            yield subject.error(path, "no-holdout", message, "write `holdout: {share: 2}`, or name a cell in `cells`")


CHECKS: tuple[Check, ...] = (named_once, effect, examples)
