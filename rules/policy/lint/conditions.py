"""Conditions that compile and cannot mean what they say: names of no segment, stage or purpose, rules without an event,
contradictions, expectations of something else."""

from collections.abc import Iterator, Mapping

from rules.language import Condition, never_holds
from rules.policy.closed import strangers
from rules.policy.findings import Finding, Path, suggestion
from rules.policy.lint.rules import FIRING, known
from rules.policy.lint.subject import Check, Subject
from rules.policy.nodes import Scalar, position
from rules.policy.places import node_at
from schemas.interaction import SESSION_ENDED, STAGE_CHANGED

NOUNS = {
    "customer.segments": "segment",
    **dict.fromkeys(("customer.stage", "customer.previous_stage", "event.from", "event.to"), "stage"),
    **dict.fromkeys(("session.purpose", "event.purpose"), "purpose"),
}
SECTIONS = {"segment": "segments", "stage": "stages", "purpose": "session"}
OF_EVENTS = {"event.from": STAGE_CHANGED, "event.to": STAGE_CHANGED, "event.purpose": SESSION_ENDED}
"""Facts that mean this only in rules which nothing else fires."""


def closed_names(subject: Subject) -> Iterator[Finding]:
    """A segment, stage or purpose that a condition asks for is declared."""
    policy = subject.policy
    named: dict[str, Mapping[str, object]]
    named = {"segment": policy.segments, "stage": policy.stages, "purpose": policy.session.purposes}
    judged = {fact: list(named[noun]) for fact, noun in NOUNS.items() if subject.sound(SECTIONS[noun])}
    for path, condition in subject.conditions.items():
        fired_by = set(policy.rules[int(path[1])].when) if path[0] == "rules" else set[str]()
        asked = {
            fact: names for fact, names in judged.items() if fired_by == {OF_EVENTS.get(fact)} or fact not in OF_EVENTS
        }
        for fact, name, offset in strangers(condition, asked):
            yield _unknown(subject, path, offset, NOUNS[fact], name, suggestion(name, asked[fact]))


def _unknown(subject: Subject, path: Path, offset: int, noun: str, name: str, hint: str | None) -> Finding:
    node = node_at(subject.tree, path)
    where = node.position_of(offset) if isinstance(node, Scalar) else position(node)
    hint = hint or f"declare it under `{'session: purposes' if noun == 'purpose' else f'{noun}s'}:`"
    return Finding("error", where, f"there is no {noun} `{name}`", hint, f"unknown-{noun}")


def without_event(subject: Subject) -> Iterator[Finding]:
    """A rule that nothing fires looks at an event."""
    for at, rule in known(subject):
        path: Path = ("rules", at, "condition")
        read = sorted(name for name in _reads(subject.conditions.get(path)) if name.startswith("event."))
        if read and not rule.when:
            message = (
                f"`{rule.id}` is asked at every decision: `{read[0]}` is known only if the request brings an event"
            )
            yield subject.warning(path, "no-event", message, FIRING)


def _reads(condition: Condition | None) -> frozenset[str]:
    return condition.reads if condition else frozenset()


def contradictions(subject: Subject) -> Iterator[Finding]:
    for path, condition in subject.conditions.items():
        if reason := never_holds(condition):
            yield subject.warning(path, "never-holds", f"this never holds: {reason}")


def beside_the_attribute(subject: Subject) -> Iterator[Finding]:
    """An expectation that says nothing about the attribute for which it is counted."""
    for name, expectation in subject.policy.quality.items():
        path: Path = ("quality", name, "expect")
        asked, attribute = subject.conditions.get(path), f"customer.{expectation.attribute}"
        if asked is not None and attribute not in asked.reads and expectation.attribute in subject.policy.attributes:
            message = f"`{name}` is counted for `{expectation.attribute}` and does not ask for `{attribute}`"
            yield subject.warning(path, "beside-the-attribute", message, "name the attribute that it judges")


CHECKS: tuple[Check, ...] = (closed_names, without_event, contradictions, beside_the_attribute)
