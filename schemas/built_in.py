"""What interactions carry: the fields of every event, of the declared types, and of the built-in ones, which follow
from the policy; and the types of features, which follow from those fields."""

from collections.abc import Iterable, Mapping
from typing import get_args

from schemas.interaction import IDENTIFY, SESSION_ENDED, STAGE_CHANGED, TAGGED, TIMER_FIRED, UNTAGGED
from schemas.observed import Feature, FieldType, FieldTypeName, InteractionType
from schemas.policy import Policy

EVENT = {"type": "string", "id": "string", "source": "string", "channel": "string", "time": "timestamp"}
"""The fields that every event has."""
SUMMARY = {
    "started": "timestamp",
    "length_s": "double",
    "interactions": "int",
    "purpose": "string",
    "ended_by": "string",
}
"""What `session_ended` carries beside the features of the session."""
AGGREGATED = {
    **dict.fromkeys(("count", "distinct"), "int"),
    **dict.fromkeys(("rate", "sum", "mean"), "double"),
    "top": "map<string, int>",
}
"""The types of aggregates whose type does not follow the field's."""
FIELD_TYPES = get_args(FieldTypeName)
BUILT_IN = (IDENTIFY, TAGGED, UNTAGGED, SESSION_ENDED, STAGE_CHANGED, TIMER_FIRED)


def built_in(policy: Policy) -> dict[str, InteractionType]:
    """The built-in interaction types by name."""
    sets = {IDENTIFY: tuple(policy.attributes)}
    return {name: InteractionType(fields=_carried(policy, name), sets=sets.get(name, ())) for name in BUILT_IN}


def event_fields(policy: Policy, interaction: str) -> dict[str, str]:
    """The types of the fields that an interaction type carries."""
    known = policy.interactions.get(interaction)
    fields = known.fields if known else _carried(policy, interaction)
    return {name: field.type for name, field in fields.items()}


def _carried(policy: Policy, name: str) -> dict[str, FieldType]:
    match name:
        case "identify":
            return {name: each.model_copy(update={"required": False}) for name, each in policy.attributes.items()}
        case "tagged" | "untagged":
            return {"tags": FieldType(type="list<string>", required=True)}
        case "session_ended":
            return _optional({**travelling(policy), **SUMMARY})
        case "stage_changed":
            return _optional({"from": "string", "to": "string"})
        case "timer_fired":
            return {"timer": FieldType(type="string", required=True)}
    return {}


def field_type(policy: Policy, interaction: str, field: str) -> str | None:
    """The type of one field of an event, the fields that every event has included."""
    return EVENT.get(field) or event_fields(policy, interaction).get(field)


def feature_types(policy: Policy, features: Mapping[str, Feature]) -> dict[str, str]:
    """The types of features, without those that cannot be told because their field is unknown."""
    found = ((name, feature_type(policy, feature)) for name, feature in features.items())
    return {name: kind for name, kind in found if kind is not None}


def feature_type(policy: Policy, feature: Feature) -> str | None:
    """`int`, `list<string>`, or with `by` `map<string, int>`; None if it cannot be told."""
    kind = _aggregate_type(policy, feature)
    return f"map<string, {kind}>" if kind and feature.by else kind


def _aggregate_type(policy: Policy, feature: Feature) -> str | None:
    if feature.aggregate in AGGREGATED:
        return AGGREGATED[feature.aggregate]
    kinds = (field_type(policy, interaction, feature.field) for interaction in feature.types)
    kind = next((kind for kind in kinds if kind), None)
    return f"list<{kind}>" if kind and feature.aggregate == "recent" else kind


def travelling(policy: Policy) -> dict[str, str]:
    """The features of a session that its summary carries, with their types: those whose type a field can have."""
    # a session never sees a summary, and what looked at one could look at itself
    seeing = {name: each for name, each in policy.session.features.items() if SESSION_ENDED not in each.types}
    return {name: kind for name, kind in feature_types(policy, seeing).items() if kind in FIELD_TYPES}


def _optional(types: Mapping[str, str]) -> dict[str, FieldType]:
    return {name: FieldType.model_validate({"type": kind}) for name, kind in types.items()}


def mixed(types: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The fields of several interaction types as one condition sees them: none that has two types."""
    found: dict[str, str] = {}
    clashing: set[str] = set()
    for fields in types:
        clashing |= {name for name, kind in fields.items() if found.get(name, kind) != kind}
        found |= fields
    return {name: kind for name, kind in found.items() if name not in clashing}
