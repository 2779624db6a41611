"""Identifiers that stand for two things."""

from collections.abc import Iterable, Iterator

from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import place_of
from schemas.policy import Policy

Identified = tuple[Path, str]
OF_CONTACT = {
    "do_not_contact": "list",
    "black_lists": "list",
    "consents": "consent",
    "requirements": "requirement",
    "quiet_hours": "entry",
    "priorities": "entry",
    "suppressions": "suppression",
    "caps": "cap",
}
"""The sections of the contact policy whose entries have ids, and what one is called."""


def unique(subject: Subject) -> Iterator[Finding]:
    """Ids within their list; programs within the policy, since a customer's cell is kept by program."""
    for noun, entries in _lists(subject.policy):
        yield from _duplicates(subject, noun, entries)


def _lists(policy: Policy) -> Iterator[tuple[str, Iterable[Identified]]]:
    yield "campaign", [(("campaigns", at), each.id) for at, each in enumerate(policy.campaigns)]
    yield "offer", [(("offers", at), each.id) for at, each in enumerate(policy.offers)]
    yield "rule", [(("rules", at), each.id) for at, each in enumerate(policy.rules)]
    yield "program", list(_programs(policy))
    for section, noun in OF_CONTACT.items():
        entries = enumerate(getattr(policy.contact_policy, section))
        yield noun, [(("contact_policy", section, at), each.id) for at, each in entries]
    for at, campaign in enumerate(policy.campaigns):
        for nth, program in enumerate(campaign.programs):
            cells: Path = ("campaigns", at, "programs", nth, "cells")
            yield "cell", [((*cells, index), cell.id) for index, cell in enumerate(program.cells)]
    for at, offer in enumerate(policy.offers):
        yield (
            "treatment",
            [(("offers", at, "treatments", nth), t.id) for nth, t in enumerate(offer.treatments)],
        )


def _programs(policy: Policy) -> Iterator[Identified]:
    for at, campaign in enumerate(policy.campaigns):
        for nth, program in enumerate(campaign.programs):
            yield ("campaigns", at, "programs", nth), program.id


def _duplicates(subject: Subject, noun: str, entries: Iterable[Identified]) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for path, name in entries:
        if name in first:
            where = place_of(subject.tree, (*first[name], "id"))
            message = f"the {noun} `{name}` is defined twice, first at {where}"
            yield subject.error((*path, "id"), "duplicate-id", message, "give one of them another id")
        first.setdefault(name, path)


CHECKS: tuple[Check, ...] = (unique,)
