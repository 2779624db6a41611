"""Features: the fields that they aggregate exist, and can be aggregated in that way."""

from collections.abc import Iterator

from rules.policy.findings import Finding, Path, suggestion
from rules.policy.lint.subject import Check, Subject
from rules.policy.vocabulary import EVENT, event_fields, field_type
from schemas.policy import Feature, Policy

NUMBERS = ("int", "double")
ORDERED = (*NUMBERS, "timestamp")
SINGLE = (*ORDERED, "string", "bool")
TYPES = {"sum": NUMBERS, "mean": NUMBERS, "min": ORDERED, "max": ORDERED, "recent": SINGLE}


def aggregates(subject: Subject) -> Iterator[Finding]:
    if subject.sound("interactions", "attributes"):
        for path, feature in _features(subject.policy):
            if feature.aggregate != "count":
                yield from _unknown_fields(subject, path, feature)
                yield from _wrong_types(subject, path, feature)


def _unknown_fields(subject: Subject, path: Path, feature: Feature) -> Iterator[Finding]:
    for interaction in feature.types:
        known = interaction in subject.policy.interactions
        if known and field_type(subject.policy, interaction, feature.field) is None:
            fields = {**event_fields(subject.policy, interaction), **EVENT}
            message = f"`{interaction}` has no field `{feature.field}`"
            yield subject.error((*path, feature.aggregate), "unknown-field", message, suggestion(feature.field, fields))


def _wrong_types(subject: Subject, path: Path, feature: Feature) -> Iterator[Finding]:
    allowed = TYPES.get(feature.aggregate)
    found = (field_type(subject.policy, interaction, feature.field) for interaction in feature.types)
    for kind in sorted({kind for kind in found if kind}):
        if allowed and kind not in allowed:
            message = f"`{feature.aggregate}` cannot be taken of `{feature.field}`, which is {kind}"
            yield subject.error((*path, feature.aggregate), "feature-type", message, f"it takes {', '.join(allowed)}")


def _features(policy: Policy) -> Iterator[tuple[Path, Feature]]:
    for name, feature in policy.features.items():
        yield ("features", name), feature
    for name, feature in policy.session.features.items():
        yield ("session", "features", name), feature


CHECKS: tuple[Check, ...] = (aggregates,)
