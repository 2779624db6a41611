"""The sum of a customer's parts. Pure.

Features, attributes, tags and the ledger are what the fold of all their events would have made, in whatever order. Of
visits only the latest of each identifier is known: where a person was on one channel under several at once, and one of
these visits is not the latest of its identifier, the fold would have known more.

| what | joined |
|---|---|
| counts, sums, rates, top | added, bucket by bucket |
| min, max, first, last, recent, distinct | of all values; those of a window by their bucket or time |
| one value for each key | key by key; the keys that were used last are kept |
| tags | the latest statement on each |
| attributes | the latest statement; of two of one moment the smaller text, so that a `false` consent wins |
| visits | as the owner keeps them (profiles/visits.py); of what is not there yet, those that overlap are one |
| first, last, latest interactions | of all |
| ledger | every entry, with what the owner has inferred of it; of the proposals of a rule the one that lasts longest |
| cells of programs | all that are known, each since its earliest time; of those the earliest counts |

Each is a symmetric function of the set of parts. What is bounded is bounded again after the join.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import orjson
from msgspec.structs import replace

from profiles.attribution import together
from profiles.cells import joined_cells, known_now
from profiles.definition import Definition
from profiles.features import FeatureDefinition
from profiles.ledger import proposed
from profiles.profile import Profile, Session, Visit
from profiles.recent import grouped
from profiles.tags import joined_tags
from profiles.windows import packed, unpacked
from schemas.ledger import Ledger, LedgerEntry

LEAVE_ALL = -1
"""Before any proposal's end: joining drops none."""


def joined(profiles: Sequence[Profile], definition: Definition) -> Profile:
    """One profile for all of them; the first is the customer's own, which keeps what is not joined."""
    if len(profiles) == 1:
        return profiles[0]
    stated = _latest_statements(profiles)
    last_ms = max((each.last for each in profiles if each.last is not None), default=None)
    return replace(
        profiles[0],
        attributes={name: value for name, (_, value) in stated.items()},
        set_at={name: at_ms for name, (at_ms, _) in stated.items()},
        features=joined_features([each.features for each in profiles], definition.features),
        sessions=_joined_sessions(profiles, definition),
        tags=reduce(joined_tags, (each.tags for each in profiles)),
        latest=grouped((each for p in profiles for each in p.recent), last_ms or 0),
        first=min((each.first for each in profiles if each.first is not None), default=None),
        last=last_ms,
    )


def joined_ledger(ledgers: Sequence[Ledger]) -> Ledger:
    """As a decision sees it: with the cells that reservations tell of."""
    if len(ledgers) == 1:
        known = known_now(ledgers[0])
        return ledgers[0] if known is ledgers[0].cells else replace(ledgers[0], cells=known)
    cells = joined_cells(known_now(each) for each in ledgers)
    abroad = {code: made for each in ledgers for code, made in each.abroad.items()}
    entries: list[LedgerEntry] = sorted(
        (
            together(entry, abroad[entry.code]) if entry.code in abroad else entry
            for each in ledgers
            for entry in each.entries
        ),
        key=lambda entry: (entry.at_ms, entry.code),
    )
    ledger = Ledger(
        entries=tuple(entries),
        forgotten_ms=max(each.forgotten_ms for each in ledgers),
        cells=cells,
    )
    return proposed(ledger, (proposal for each in ledgers for proposal in each.proposals), LEAVE_ALL)


def _latest_statements(profiles: Iterable[Profile]) -> dict[str, tuple[int, Any]]:
    found: dict[str, tuple[int, Any]] = {}
    for profile in profiles:
        for name, value in profile.attributes.items():
            said = (profile.set_at.get(name, 0), value)
            if name not in found or _later(said, found[name]):
                found[name] = said
    return found


def _later(one: tuple[int, Any], other: tuple[int, Any]) -> bool:
    return one[0] > other[0] or (one[0] == other[0] and orjson.dumps(one[1]) < orjson.dumps(other[1]))


def joined_features(several: Sequence[Mapping[str, Any]], features: Mapping[str, FeatureDefinition]) -> dict[str, Any]:
    """The states of all features. One that only one part knows is taken as it is."""
    found: dict[str, Any] = {}
    for feature in features.values():
        states = [states[feature.key] for states in several if states.get(feature.key) is not None]
        if states:
            found[feature.key] = states[0] if len(states) == 1 else _joined_series(feature, states)
    return found


def _joined_series(feature: FeatureDefinition, states: Sequence[Any]) -> Any:
    if not feature.by:
        return _joined_states(feature, states)
    series: dict[str, Any] = {}
    for key in {key for each in states for key in each}:
        used = [each[key] for each in states if key in each]
        series[key] = [max(at_ms for at_ms, _ in used), _joined_states(feature, [state for _, state in used])]
    kept = sorted(series, key=lambda key: (series[key][0], key), reverse=True)[: feature.keys]
    return {key: series[key] for key in kept}


def _joined_states(feature: FeatureDefinition, states: Sequence[Any]) -> Any:
    aggregate, keep = feature.aggregate, feature.keep
    if feature.window is None or aggregate.timed:
        return aggregate.merge(list(states), keep)
    buckets: dict[int, list[Any]] = {}
    for state in states:
        for number, partial in unpacked(state):
            buckets.setdefault(number, []).append(partial)
    return packed((number, aggregate.merge(buckets[number], keep)) for number in sorted(buckets, reverse=True))


def _joined_sessions(profiles: Sequence[Profile], definition: Definition) -> dict[str, Session]:
    visits = profiles[0].visits
    channels = dict.fromkeys(channel for each in profiles for channel in each.sessions)
    return {
        channel: _session(
            [each.sessions[channel] for each in profiles if channel in each.sessions], visits.get(channel), definition
        )
        for channel in channels
    }


def _session(sessions: Sequence[Session], visit: Visit | None, definition: Definition) -> Session:
    """The visit as its owner knows it, or what the parts say who have more than has come to the owner. A visit that the
    owner knows to be over is over for all parts."""
    if visit is None:
        return _latest_visit(sessions, definition)
    newest = max(each.last for each in sessions)
    if visit.parts and newest <= max(each.last for each in visit.parts.values()):
        return _one_visit(list(visit.parts.values()), definition)
    if visit.before is not None:
        end = visit.before[1]
        sessions = [replace(each, ended=end) if each.ended is None and each.last <= end else each for each in sessions]
    return _latest_visit(sessions, definition)


def _latest_visit(sessions: Sequence[Session], definition: Definition) -> Session:
    """The visits that overlap, or follow each other within the idle time, back from the latest, as one."""
    latest_first = sorted(sessions, key=lambda each: (each.last, each.started), reverse=True)
    together = [latest_first[0]]
    for earlier in latest_first[1:]:
        lasting_ms = 0 if earlier.ended_by else definition.session_idle_ms
        if earlier.last + lasting_ms >= min(each.started for each in together):
            together.append(earlier)
    return together[0] if len(together) == 1 else _one_visit(together, definition)


def _one_visit(together: Sequence[Session], definition: Definition) -> Session:
    last_end = max(together, key=lambda each: (each.ended is None, each.ended or 0, each.ended_by))
    return Session(
        started=min(each.started for each in together),
        last=max(each.last for each in together),
        interactions=sum(each.interactions for each in together),
        features=joined_features([each.features for each in together], definition.session_features),
        ended=last_end.ended,
        ended_by=last_end.ended_by,
    )
