"""The contact policy and the outcomes that it looks at."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject

DAY_MS = 86_400_000


def remembered(subject: Subject) -> Iterator[Finding]:
    """Nothing can be counted for longer than the ledger keeps it."""
    contact = subject.policy.contact_policy
    spans: list[tuple[Path, int]] = [
        *((("caps", at, "within"), cap.within) for at, cap in enumerate(contact.caps)),
        *((("cool_downs", at, "lasting"), each.lasting) for at, each in enumerate(contact.cool_downs)),
        (("reservation",), contact.reservation),
    ]
    for path, span_ms in spans:
        if span_ms > contact.remember:
            kept = f"{contact.remember / DAY_MS:g} days"
            message = f"this looks back {span_ms / DAY_MS:g} days, and the ledger remembers {kept}"
            hint = "raise `contact_policy.remember`"
            yield subject.error(("contact_policy", *path), "remember", message, hint)


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


CHECKS: tuple[Check, ...] = (remembered, cycles)
