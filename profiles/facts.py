"""What conditions see of a profile: values by qualified name, such as `customer.spend_90d` or `event.type`.

Only the names that are asked for are computed. A value that is not known has no entry.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from profiles.definition import Definition
from profiles.features import FeatureDefinition
from profiles.fields import fact
from profiles.fold import event_value
from profiles.profile import Profile, Session
from schemas.base import moment
from schemas.interaction import Interaction
from schemas.policy import FieldType


@dataclass(frozen=True, slots=True)
class Situation:
    """Whom and what the facts are about."""

    subject: str
    profile: Profile
    channel: str
    now_ms: int
    event: Interaction | None = None
    context: Mapping[str, Any] | None = None

    def session(self, definition: Definition) -> Session | None:
        found = self.profile.sessions.get(self.channel)
        return found if found and found.open_at(self.now_ms, definition.session_idle_ms) else None


Getter = Callable[[Situation], Any]


class FactReader:
    """Computes the named facts of any situation. Names that nobody declared are left to the rule set."""

    def __init__(self, definition: Definition, names: Iterable[str]) -> None:
        found = ((name, _getter(name, definition)) for name in sorted(names))
        self._getters = tuple((name, getter) for name, getter in found if getter is not None)

    def read(self, situation: Situation) -> dict[str, Any]:
        values = ((name, getter(situation)) for name, getter in self._getters)
        return {name: value for name, value in values if value is not None}


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
    if field == "id":
        return lambda situation: situation.subject.partition(":")[2]
    if field in definition.features:
        feature = definition.features[field]
        return lambda situation: read_feature(feature, situation.profile.features, situation.now_ms)
    if field in definition.attributes:
        kind = definition.attributes[field].type
        return lambda situation: fact(situation.profile.attributes.get(field), kind)
    return None  # segments and stage are judgements: the rule set adds them


def read_feature(feature: FeatureDefinition, states: Mapping[str, Any], now_ms: int) -> Any:
    value = feature.read(states.get(feature.name), now_ms)
    if feature.value_type != "timestamp" or value is None:
        return value
    return [_time(each) for each in value] if isinstance(value, list) else _time(value)


def _time(value: Any) -> Any:
    return moment(value) if isinstance(value, int) else fact(value, "timestamp")


def _session(field: str, definition: Definition) -> Getter:
    def read(situation: Situation) -> Any:
        session = situation.session(definition)
        if field in definition.session_features:
            states = session.features if session else {}
            return read_feature(definition.session_features[field], states, situation.now_ms)
        return _session_value(field, session, situation) if session else None

    return read


def _session_value(field: str, session: Session, situation: Situation) -> Any:
    match field:
        case "started":
            return moment(session.started)
        case "length":
            return timedelta(milliseconds=session.last - session.started)
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
