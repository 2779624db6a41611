"""Offers that never come as far as an answer: their conditions contradict those above them, or those of the rule that
proposes them.

Promises no false alarm: what is reported cannot happen for any facts. What waits (`for`) is left alone, since facts may
change meanwhile; so is a condition that never holds by itself, which is reported as such.
"""

import json
from collections.abc import Iterator, Sequence

from rules.language import Condition, ConditionError, Vocabulary, compile_condition, never_holds, never_together
from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from rules.policy.vocabulary import DECLARING, OFFER, Scopes
from schemas.catalogue import Conditions, Offer

OF_OFFERS = Vocabulary({f"offer.{name}": kind for name, kind in OFFER.items()})


def contradicted(subject: Subject) -> Iterator[Finding]:
    """An offer in a cell where no customer can have it."""
    for path, offer, conditions in _in_cells(subject):
        if reason := _contradiction(offer, conditions):
            message = f"`{offer.id}` never appears here, where it inherits conditions: {reason}"
            yield subject.warning(path, "never-appears", message, "take it out, or change one of the conditions")


def proposed_in_vain(subject: Subject) -> Iterator[Finding]:
    """An offer that nobody can have for whom its rule holds."""
    cells: dict[str, list[list[Condition]]] = {}
    offers: dict[str, Offer] = {}
    for _, offer, conditions in _in_cells(subject):
        cells.setdefault(offer.id, []).append(conditions)
        offers[offer.id] = offer
    for at, rule in enumerate(subject.policy.rules if cells else ()):
        condition = subject.conditions.get(("rules", at, "condition"))
        if condition is None or rule.lifetime is not None or rule.timing or never_holds(condition):
            continue
        for nth, name in enumerate(rule.propose):
            places = cells.get(name, [])
            reasons = [_contradiction(offers[name], [condition, *each]) for each in places]
            if places and all(reasons) and not all(_contradiction(offers[name], each) for each in places):
                message = f"`{name}` can never be made when `{rule.id}` proposes it: {reasons[0]}"
                yield subject.warning(("rules", at, "propose", nth), "in-vain", message, "change one of the conditions")


def fired_in_vain(subject: Subject) -> Iterator[Finding]:
    """A rule that none of the interactions which fire it can meet."""
    if not subject.sound(*DECLARING):
        return
    scopes = Scopes(subject.policy)
    for at, rule in enumerate(subject.policy.rules):
        path: Path = ("rules", at, "condition")
        condition = subject.conditions.get(path)
        if condition is None or not rule.types or "event.type" not in condition.reads or never_holds(condition):
            continue
        types = ", ".join(json.dumps(each) for each in rule.types)
        fired = compile_condition(f"event.type in [{types}]", scopes.rule(rule.types))
        if reason := never_together([condition, fired]):
            message = f"this never holds when `{rule.id}` is fired: {reason}"
            yield subject.warning(path, "never-holds", message, "name the type in `when`, or leave it out of `if`")


def past(subject: Subject) -> Iterator[Finding]:
    """A condition on `now` that held once and will not again."""
    if subject.today is None or not subject.sound(*DECLARING):
        return
    scope = Scopes(subject.policy).quality
    later = compile_condition(f'now >= timestamp("{subject.today}T00:00:00Z")', scope)
    for path, condition in subject.conditions.items():
        if "now" in condition.reads and not never_holds(condition) and (reason := never_together([condition, later])):
            yield subject.warning(path, "over", f"this holds no more: {reason}", "move the date, or take it out")


def _in_cells(subject: Subject) -> Iterator[tuple[Path, Offer, list[Condition]]]:
    """Each offer in each cell that gives it, with its path there and all that it inherits."""
    policy = subject.policy
    if not subject.sound(*DECLARING, "offers", "campaigns"):
        return
    offers = {each.id: (("offers", at), each) for at, each in enumerate(policy.offers)}
    for c, campaign in enumerate(policy.campaigns):
        for p, program in enumerate(campaign.programs):
            for i, cell in enumerate(program.cells):
                above: list[Path] = [("campaigns", c), ("campaigns", c, "programs", p)]
                above.append((*above[-1], "cells", i))
                for nth, name in enumerate(cell.offers):
                    if name in offers:
                        path, offer = offers[name]
                        parts = [offers[part][0] for part in offer.bundle if part in offers]
                        yield (*above[-1], "offers", nth), offer, _conditions(subject, [*above, path, *parts])


def _conditions(subject: Subject, holders: Sequence[Path]) -> list[Condition]:
    paths = [(*path, field) for field in Conditions.model_fields for path in holders]
    return [subject.conditions[path] for path in paths if path in subject.conditions]


def _contradiction(offer: Offer, conditions: list[Condition]) -> str | None:
    if any(never_holds(each) for each in conditions):
        return None
    known = _known(offer, conditions)
    return never_together([*conditions, *known]) if len(conditions) + len(known) > 1 else None


def _known(offer: Offer, conditions: list[Condition]) -> list[Condition]:
    """What is known of the offer, of what the conditions ask."""
    values: dict[str, str | float] = {
        "offer.id": offer.id,
        "offer.class": offer.kind,
        "offer.category": offer.category or "",
        "offer.value": offer.value,
        "offer.cost": offer.cost,
    }
    asked = frozenset[str]().union(*(each.reads for each in conditions)) & values.keys()
    sources = [f"{name} == {json.dumps(values[name])}" for name in sorted(asked)]
    try:
        return [compile_condition(each, OF_OFFERS) for each in sources]
    except ConditionError:  # a number that the language writes otherwise
        return []


CHECKS: tuple[Check, ...] = (contradicted, proposed_in_vain, fired_in_vain, past)
