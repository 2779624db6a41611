"""Rules that a time fires: the key that events share, and outcomes that happen by themselves."""

from collections.abc import Iterator

from rules.policy.findings import Finding, Path, suggestion
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY
from schemas.built_in import BUILT_IN, EVENT, event_fields, field_type


def keys(subject: Subject) -> Iterator[Finding]:
    """The field of `by` is a text that all of its events carry."""
    if not subject.sound("interactions", "attributes"):
        return
    for at, rule in enumerate(subject.policy.rules):
        if rule.timing and rule.timing.by:
            field = rule.timing.by.removeprefix("event.")
            for interaction in (*rule.timing.after, *rule.timing.absent):
                yield from _key(subject, ("rules", at, "when", "by"), interaction, field)


def _key(subject: Subject, path: Path, interaction: str, field: str) -> Iterator[Finding]:
    if interaction not in (*subject.policy.interactions, *BUILT_IN):
        return  # an unknown type is reported as such
    kind = field_type(subject.policy, interaction, field)
    if kind is None:
        message = f"`{interaction}` has no field `{field}`, so that its key is not known"
        hint = suggestion(field, {**event_fields(subject.policy, interaction), **EVENT})
        yield subject.error(path, "unknown-field", message, hint)
    elif kind != "string":
        yield subject.error(
            path, "feature-type", f"`by` cannot be taken of `{field}`, which is {kind}", "it takes text"
        )


def unanswered(subject: Subject) -> Iterator[Finding]:
    """An outcome that happens by itself is neutral, alone, and the only one of its channel."""
    first: dict[str, str] = {}
    for name, outcome in subject.policy.outcomes.items():
        path: Path = ("outcomes", name)
        if outcome.after and outcome.kind != "neutral":
            message = f"`{name}` happens by itself, so its class is neutral, not {outcome.kind}"
            yield subject.error((*path, "kind"), "unanswered", message)
        if outcome.after and (outcome.implies or outcome.ends):
            message = f"`{name}` happens by itself: it implies nothing and ends nothing"
            yield subject.error((*path, "after"), "unanswered", message, "leave out `implies` and `ends`")
        for channel in outcome.after:
            if first.setdefault(channel, name) != name:
                message = f"on `{channel}`, `{first[channel]}` already happens by itself"
                yield subject.error((*path, "after", channel, KEY), "unanswered", message, "one of them is enough")


CHECKS: tuple[Check, ...] = (keys, unanswered)
