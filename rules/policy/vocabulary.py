"""Which names a condition may use, and their types: the vocabulary in scope at each kind of condition.

Promises the one list of names that facts are built for. Leaves names that clash to `lint`.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property

from rules.language import Vocabulary
from schemas.interaction import IDENTIFY, SESSION_ENDED, TIMER_FIRED
from schemas.policy import Feature, Policy, ShortFieldType

EVENT = {"type": "string", "id": "string", "source": "string", "channel": "string", "time": "timestamp"}
CUSTOMER = {"id": "string", "segments": "list<string>", "stage": "string"}
SESSION = {"started": "timestamp", "length": "duration", "interactions": "int", "channel": "string"}
CONTEXT = {"channel": "string"}
OFFER = {"id": "string", "name": "string", "class": "string", "value": "double", "cost": "double"}
FEATURES = {
    **dict.fromkeys(("count", "distinct"), "int"),
    **dict.fromkeys(("rate", "sum", "mean"), "double"),
    "top": "map<string, int>",
}
"""The types of aggregates whose type does not follow the field's."""
DECLARING = ("interactions", "attributes", "features", "session", "context")
"""The sections that declare names."""
BUILT_IN = (IDENTIFY, SESSION_ENDED, TIMER_FIRED)


class Scopes:
    """The vocabularies of one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._by_types: dict[frozenset[str], Vocabulary] = {}

    @cached_property
    def quality(self) -> Vocabulary:
        """In an expectation of data quality: the attributes, as a row of a load gives them."""
        return Vocabulary({**_named("customer", _types(self._policy.attributes)), "now": "timestamp"})

    @cached_property
    def segments(self) -> Vocabulary:
        """In a segment: what is known of the customer."""
        known = _types(self._policy.attributes) | feature_types(self._policy, self._policy.features)
        return Vocabulary({**_named("customer", {**known, "id": "string"}), "now": "timestamp"})

    @cached_property
    def times(self) -> Vocabulary:
        """In the `at` of a rule: what is known of the customer, without `now`, since time must not move by itself."""
        return Vocabulary({name: kind for name, kind in self.segments.types.items() if name != "now"})

    @cached_property
    def stages(self) -> Vocabulary:
        """In a lifecycle stage: that, and the segments."""
        return self.segments.extended({"customer.segments": CUSTOMER["segments"]})

    @cached_property
    def moment(self) -> Vocabulary:
        """Customer, session, context and now: everything but the event and the offer."""
        session = feature_types(self._policy, self._policy.session.features)
        return self.stages.extended(
            _named("customer", CUSTOMER)
            | _named("session", {**session, **SESSION})
            | _named("context", {**_types(self._policy.context), **CONTEXT})
        )

    def rule(self, when: Iterable[str]) -> Vocabulary:
        """In a rule: the moment, and the event with the fields of the types that fire it, or of all types."""
        declared, types = self._policy.interactions.keys(), frozenset(when)
        narrowed = types if types <= {*declared, *BUILT_IN} else frozenset[str]()  # an unknown type is reported once
        return self._with_events(narrowed or frozenset(declared))

    @cached_property
    def everything(self) -> Vocabulary:
        """In eligible, applicable, suitable and the requirements of the contact policy."""
        return self.rule(()).extended(_named("offer", OFFER))

    def _with_events(self, types: frozenset[str]) -> Vocabulary:
        if types not in self._by_types:
            known: dict[str, str] = {}
            for name in types:
                known |= event_fields(self._policy, name)
            self._by_types[types] = self.moment.extended(_named("event", {**known, **EVENT}))
        return self._by_types[types]


def event_fields(policy: Policy, interaction: str) -> dict[str, str]:
    """The types of the fields that an interaction type carries; `identify` carries the attributes."""
    if interaction == IDENTIFY:
        return _types(policy.attributes)
    declared = policy.interactions.get(interaction)
    return _types(declared.fields) if declared else {}


def feature_types(policy: Policy, features: Mapping[str, Feature]) -> dict[str, str]:
    """The types of features, without those that cannot be told because their field is unknown."""
    found = ((name, feature_type(policy, feature)) for name, feature in features.items())
    return {name: kind for name, kind in found if kind is not None}


def feature_type(policy: Policy, feature: Feature) -> str | None:
    """`int`, `list<string>`, or with `by` `map<string, int>`; None if it cannot be told."""
    kind = _aggregate_type(policy, feature)
    return f"map<string, {kind}>" if kind and feature.by else kind


def _aggregate_type(policy: Policy, feature: Feature) -> str | None:
    if feature.aggregate in FEATURES:
        return FEATURES[feature.aggregate]
    kinds = (field_type(policy, interaction, feature.field) for interaction in feature.types)
    kind = next((kind for kind in kinds if kind), None)
    return f"list<{kind}>" if kind and feature.aggregate == "recent" else kind


def field_type(policy: Policy, interaction: str, field: str) -> str | None:
    """The type of one field of an event, the fields that every event has included."""
    return EVENT.get(field) or event_fields(policy, interaction).get(field)


def _types(fields: Mapping[str, ShortFieldType]) -> dict[str, str]:
    return {name: field.type for name, field in fields.items()}


def _named(prefix: str, types: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}.{name}": kind for name, kind in types.items()}
