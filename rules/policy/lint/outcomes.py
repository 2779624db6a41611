"""Outcomes: what they imply leads to an impression, and never back to themselves."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from rules.policy.findings import Finding
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY
from schemas.policy import Policy


def cycles(subject: Subject) -> Iterator[Finding]:
    """An outcome that implies itself, over whatever detour."""
    graph = {name: set(outcome.implies) for name, outcome in subject.policy.outcomes.items()}
    while cycle := _cycle(graph):
        first = min(cycle)
        around = " > ".join(f"`{name}`" for name in _from(first, cycle))
        message = f"{around}: an outcome cannot imply itself"
        yield subject.error(("outcomes", first, "implies"), "implies-cycle", message)
        for name in cycle:
            graph.pop(name, None)


def impressions(subject: Subject) -> Iterator[Finding]:
    """Rates divide by impressions: an answer without one would let them exceed 1."""
    policy = subject.policy
    if not subject.sound("outcomes"):
        return
    hint = _impression_hint(policy)
    for name, outcome in policy.outcomes.items():
        reached = _reached(policy, name)
        known = reached <= policy.outcomes.keys()  # an unknown one is reported as such
        if known and outcome.kind in ("positive", "negative") and not _has_impression(policy, reached):
            message = f"`{name}` is {outcome.kind} and implies no impression: its rate could exceed 1"
            yield subject.error(("outcomes", name, KEY), "no-impression", message, hint)


def _reached(policy: Policy, name: str) -> set[str]:
    """The names that an outcome implies, directly or not."""
    reached: set[str] = set()
    ahead = [name]
    while ahead:
        outcome = policy.outcomes.get(ahead.pop())
        more = set(outcome.implies) - reached if outcome else set()
        reached |= more
        ahead += more
    return reached


def _has_impression(policy: Policy, names: set[str]) -> bool:
    return any(policy.outcomes[name].kind == "impression" for name in names)


def _impression_hint(policy: Policy) -> str:
    name = next((name for name, outcome in policy.outcomes.items() if outcome.kind == "impression"), None)
    if name:
        return f"write `implies: [{name}]`"
    return "declare `presented: {class: impression}` and write `implies: [presented]`"


def _cycle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[:0:-1]  # the sorter lists it against the arrows, the first name also at the end
    return []


def _from(first: str, cycle: list[str]) -> list[str]:
    at = cycle.index(first)
    return [*cycle[at:], *cycle[:at], first]


CHECKS: tuple[Check, ...] = (cycles, impressions)
