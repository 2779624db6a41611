"""Features: the fields that they aggregate exist, and can be aggregated in that way; the field of `by` is a text."""

from collections.abc import Iterator

from rules.policy.findings import Finding, Path, suggestion
from rules.policy.lint.subject import Check, Subject
from schemas.built_in import BUILT_IN, EVENT, event_fields, field_type
from schemas.observed import Feature
from schemas.policy import Policy

NUMBERS = ("int", "double")
ORDERED = (*NUMBERS, "timestamp")
SINGLE = (*ORDERED, "string", "bool")
TYPES = {
    **dict.fromkeys(("sum", "mean"), NUMBERS),
    **dict.fromkeys(("min", "max"), ORDERED),
    **dict.fromkeys(("recent", "distinct"), SINGLE),
    **dict.fromkeys(("top", "by"), ("string",)),
}


def aggregates(subject: Subject) -> Iterator[Finding]:
    if subject.sound("interactions", "attributes"):
        for path, feature in _features(subject.policy):
            for key, field in _fields(feature):
                yield from _unknown_fields(subject, (*path, key), feature, field)
                yield from _wrong_types(subject, (*path, key), feature, field)


def _fields(feature: Feature) -> Iterator[tuple[str, str]]:
    """The fields of the event that a feature looks at, by the key that names them."""
    if feature.field:
        yield feature.aggregate, feature.field
    if feature.by:
        yield "by", feature.by.removeprefix("event.")


def _unknown_fields(subject: Subject, path: Path, feature: Feature, field: str) -> Iterator[Finding]:
    for interaction in feature.types:
        known = interaction in (*subject.policy.interactions, *BUILT_IN)
        if known and field_type(subject.policy, interaction, field) is None:
            fields = {**event_fields(subject.policy, interaction), **EVENT}
            message = f"`{interaction}` has no field `{field}`"
            yield subject.error(path, "unknown-field", message, suggestion(field, fields))


def _wrong_types(subject: Subject, path: Path, feature: Feature, field: str) -> Iterator[Finding]:
    key = str(path[-1])
    allowed = TYPES.get(key)
    found = (field_type(subject.policy, interaction, field) for interaction in feature.types)
    for kind in sorted({kind for kind in found if kind}):
        if allowed and kind not in allowed:
            message = f"`{key}` cannot be taken of `{field}`, which is {kind}"
            yield subject.error(path, "feature-type", message, f"it takes {', '.join(allowed)}")


def _features(policy: Policy) -> Iterator[tuple[Path, Feature]]:
    for name, feature in policy.features.items():
        yield ("features", name), feature
    for name, feature in policy.session.features.items():
        yield ("session", "features", name), feature


CHECKS: tuple[Check, ...] = (aggregates,)
