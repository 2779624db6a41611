"""Which names a condition may use, and their types: the vocabulary in scope at each kind of condition.

Promises the one list of names that facts are built for. Leaves names that clash to `lint`.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property

from rules.language import Vocabulary
from rules.policy.scores import Scores, compiled_scores, score_types
from schemas.built_in import BUILT_IN, EVENT, event_fields, feature_types, mixed
from schemas.observed import ShortFieldType
from schemas.policy import Policy

CUSTOMER = {
    "id": "string",
    "first_seen": "timestamp",
    "last_seen": "timestamp",
    "tags": "list<string>",
    "segments": "list<string>",
    "stage": "string",
    "stage_since": "timestamp",
    "previous_stage": "string",
}
KNOWN = ("id", "first_seen", "last_seen", "tags")
"""Of these, what is known and not judged."""
SESSION = {
    "started": "timestamp",
    "length": "duration",
    "interactions": "int",
    "channel": "string",
    "purpose": "string",
}
CONTEXT = {"channel": "string"}
OFFER = {
    "id": "string",
    "name": "string",
    "class": "string",
    "category": "string",
    "value": "double",
    "cost": "double",
}
EVENT_OF_GOALS = ("type", "time", "channel")
"""What is kept of an event that may meet a goal, beside its fields."""
DECLARING = ("interactions", "attributes", "features", "scores", "session", "context")
"""The sections that declare names."""


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
    def scores(self) -> Vocabulary:
        """In a score: what is known of the customer."""
        known = _types(self._policy.attributes) | feature_types(self._policy, self._policy.features)
        known |= {name: CUSTOMER[name] for name in KNOWN}
        return Vocabulary({**_named("customer", known), "now": "timestamp"})

    @cached_property
    def purposes(self) -> Vocabulary:
        """In a purpose: that, and the session."""
        return self.scores.extended(
            _named("session", {name: kind for name, kind in self._session if name != "purpose"})
        )

    @cached_property
    def segments(self) -> Vocabulary:
        """In a segment: what is known of the customer, and the scores."""
        return self.scores.extended(_named("customer", score_types(self.compiled_scores)))

    @cached_property
    def times(self) -> Vocabulary:
        """In the `at` of a rule: what is known of the customer, without `now`, since time must not move by itself."""
        return Vocabulary({name: kind for name, kind in self.scores.types.items() if name != "now"})

    @cached_property
    def stages(self) -> Vocabulary:
        """In a lifecycle stage: that, the segments, and the time since when the present stage lasts."""
        return self.segments.extended(
            _named("customer", {name: CUSTOMER[name] for name in ("segments", "stage_since")})
        )

    @cached_property
    def moment(self) -> Vocabulary:
        """Customer, session, context and now: everything but the event and the offer."""
        return self.stages.extended(
            _named("customer", CUSTOMER)
            | _named("session", dict(self._session))
            | _named("context", {**_types(self._policy.context), **CONTEXT})
        )

    @cached_property
    def compiled_scores(self) -> Scores:
        """Compiled here, since what they are is what conditions know of them."""
        return compiled_scores(self._policy.scores, self.scores)

    @property
    def _session(self) -> Iterable[tuple[str, str]]:
        return {**feature_types(self._policy, self._policy.session.features), **SESSION}.items()

    def rule(self, when: Iterable[str]) -> Vocabulary:
        """In a rule: the moment, and the event with the fields of the types that fire it, or of all types."""
        declared, types = self._policy.interactions.keys(), frozenset(when)
        narrowed = types if types <= {*declared, *BUILT_IN} else frozenset[str]()  # an unknown type is reported once
        return self._with_events(narrowed or frozenset(declared))

    def goal(self, when: Iterable[str]) -> Vocabulary:
        """In a goal: what the event says, and the offer. What is known of the customer depends on when it arrives."""
        types = frozenset(when) & {*self._policy.interactions, *BUILT_IN}
        fields = mixed(event_fields(self._policy, name) for name in types or self._policy.interactions)
        known = {**fields, **{name: EVENT[name] for name in EVENT_OF_GOALS}}
        return Vocabulary({**_named("event", known), **_named("offer", OFFER)})

    @cached_property
    def everything(self) -> Vocabulary:
        """In eligible, applicable, suitable and the requirements of the contact policy."""
        return self.rule(()).extended(_named("offer", OFFER))

    def _with_events(self, types: frozenset[str]) -> Vocabulary:
        if types not in self._by_types:
            known = mixed(event_fields(self._policy, name) for name in types)
            self._by_types[types] = self.moment.extended(_named("event", {**known, **EVENT}))
        return self._by_types[types]


def _types(fields: Mapping[str, ShortFieldType]) -> dict[str, str]:
    return {name: field.type for name, field in fields.items()}


def _named(prefix: str, types: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}.{name}": kind for name, kind in types.items()}
