"""What conditions see of a profile: values by qualified name, such as `customer.spend_90d` or `event.type`.

Only the names that are asked for are computed. A value that is not known has no entry.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from profiles.definition import Definition
from profiles.features import FeatureDefinition
from profiles.fields import fact
from profiles.fold import event_value
from profiles.profile import Profile, Session
from profiles.situation import Situation as Situation
from profiles.tags import held
from schemas.base import moment
from schemas.observed import FieldType

Getter = Callable[[Situation], Any]


class FactReader:
    """Computes the named facts of any situation. Names that nobody declared are left to the rule set."""

    def __init__(self, definition: Definition, names: Iterable[str]) -> None:
        self._made_of = definition, tuple(sorted(names))
        found = ((name, _getter(name, definition), _plain(name, definition)) for name in self._made_of[1])
        self._getters = tuple((name, getter, plain) for name, getter, plain in found if getter is not None)

    def __reduce__(self) -> tuple[Any, ...]:
        return FactReader, self._made_of

    def read(self, situation: Situation) -> dict[str, Any]:
        found = {}
        states, now_ms = situation.profile.features, situation.now_ms
        for name, getter, plain in self._getters:
            value = getter(situation) if plain is None else plain.read(states.get(plain.key), now_ms)
            if value is not None:
                found[name] = value
        return found


class Plain:
    """A feature that is read as it stands in the profile. There are many, so that they are asked without detours."""

    def __init__(self, feature: FeatureDefinition) -> None:
        self.key = feature.key
        self.read = feature.reading()


def _plain(name: str, definition: Definition) -> Plain | None:
    scope, _, field = name.partition(".")
    if scope != "customer" or field in KNOWN or field not in definition.features:
        return None
    feature = definition.features[field]
    return Plain(feature) if feature.value_type != "timestamp" and feature.with_current else None


def _getter(name: str, definition: Definition) -> Getter | None:
    scope, _, field = name.partition(".")
    match scope:
        case "now":
            return lambda situation: moment(situation.now_ms)
        case "customer":
            return _customer(field, definition)
        case "session":
            return _session(field, definition)
        case "event":
            return partial(_event, field=field, definition=definition)
        case "context":
            return partial(_context, field=field, declared=definition.context.get(field))
        case _:
            return None


def _customer(field: str, definition: Definition) -> Getter | None:
    if field in KNOWN:
        return KNOWN[field]
    if field in definition.features:
        return _feature(definition.features[field])
    if field in definition.attributes:
        kind = definition.attributes[field].type
        return lambda situation: fact(situation.profile.attributes.get(field), kind)
    return None  # segments and scores are judgements: the rule set adds them


def _time(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else moment(at_ms)


def _stage(situation: Situation, nth: int) -> tuple[str, int] | tuple[None, None]:
    stages = situation.profile.stages
    return stages[nth] if len(stages) > nth else (None, None)


KNOWN: Mapping[str, Getter] = {
    "id": lambda situation: situation.subject.partition(":")[2],
    "first_seen": lambda situation: _time(situation.profile.first),
    "last_seen": lambda situation: _time(situation.profile.last),
    "tags": lambda situation: held(situation.profile.tags),
    "stage": lambda situation: _stage(situation, 0)[0],
    "stage_since": lambda situation: _time(_stage(situation, 0)[1]),
    "previous_stage": lambda situation: _stage(situation, 1)[0],
}
"""What is known of every customer. Of the stage it is what is on record: the rule set makes of it what it is now."""


def _feature(feature: FeatureDefinition) -> Getter:
    return lambda situation: read_feature(feature, _counted(feature, situation).features, situation.now_ms)


def _counted(feature: FeatureDefinition, situation: Situation) -> Profile:
    """The profile with the event that is judged, or without it."""
    return situation.profile if feature.with_current else situation.before or situation.profile


def read_feature(feature: FeatureDefinition, states: Mapping[str, Any], now_ms: int) -> Any:
    value = feature.read(states.get(feature.key), now_ms)
    return _times(value) if feature.value_type == "timestamp" else value


def _times(value: Any) -> Any:
    match value:
        case list():
            return [moment(each) for each in value]
        case dict():
            return {key: moment(each) for key, each in value.items()}
        case _:
            return value if value is None else moment(value)


def _session(field: str, definition: Definition) -> Getter:
    feature = definition.session_features.get(field)

    def value(situation: Situation) -> Any:
        session = situation.session(definition)
        return _session_value(field, session, situation) if session else None

    def aggregate(situation: Situation) -> Any:
        assert feature is not None
        session = situation.session(definition) if feature.with_current else situation.session_before(definition)
        return read_feature(feature, session.features if session else {}, situation.now_ms)

    return value if feature is None else aggregate


def _session_value(field: str, session: Session, situation: Situation) -> Any:
    match field:
        case "started":
            return moment(session.started)
        case "length":
            return timedelta(milliseconds=session.length_ms)
        case "interactions":
            return session.interactions
        case "channel":
            return situation.channel
        case _:
            return None


def _event(situation: Situation, field: str, definition: Definition) -> Any:
    if situation.event is None:
        return None
    value = event_value(situation.event, field)
    if field == "time":
        return moment(value)
    known = definition.interactions.get(situation.event.type)
    declared = known.fields.get(field) if known else None
    return fact(value, declared.type) if declared else value


def _context(situation: Situation, field: str, declared: FieldType | None) -> Any:
    if field == "channel":
        return situation.channel
    value = (situation.context or {}).get(field)
    return fact(value, declared.type) if declared else value
