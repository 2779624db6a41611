"""Who judges what, and what follows from it, computed from the raw logs: for people with any number of identifiers.

The log of an identifier says whose it is at each of its records (the earliest claim that is not undone) and so, for
each event, whether its own rules judge it or to whom it is passed on. There the log says when it arrived and whose
*that* identifier was then. So the one who judges an event is known exactly, however the shards were interleaved, and
with it what rules do that look at a single event. What a timer of `rescue` does is known exactly where its judge has
set it; of one that was passed on, unless a purchase elsewhere was on its way at the same time: see `Rescues`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from consumers.said import SAID
from profiles.definition import Definition
from schemas.interaction import TIMER_FIRED, CloudEvent, Interaction, from_cloud_event
from tests.sim.actions import RESCUE, WITHIN, WORTH_A_MESSAGE, WORTH_A_NOTE, Logged, Taken

Key = tuple[str, str]
"""An event: under which identifier, and its identity."""


@dataclass
class Claims:
    """Whose an identifier is, by what its log has said so far."""

    at: dict[str, int] = field(default_factory=dict)
    judged: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def hear(self, said: Mapping[str, Any]) -> None:
        name = said["claimant"]
        if said["kind"] == "judged":
            self.judged[name] = max((said["at_ms"], said["wrong"]), self.judged.get(name, (0, False)))
        if not said.get("wrong"):
            self.at[name] = min(said["at_ms"], self.at.get(name, said["at_ms"]))

    @property
    def owner(self) -> str | None:
        valid = [(at_ms, name) for name, at_ms in self.at.items() if not self.judged.get(name, (0, False))[1]]
        return min(valid)[1] if valid else None


@dataclass(frozen=True, slots=True)
class Met:
    """An interaction that has come to an identifier: its own, or one that was passed on to it."""

    event: Interaction
    to: str | None
    """Who gets it next; None where it is judged."""
    passed: bool

    @property
    def key(self) -> Key:
        return self.event.subject, self.event.identity


@dataclass
class Logs:
    """What came to each identifier, in the order of its log, each event once."""

    met: dict[str, list[Met]] = field(default_factory=dict)
    owners: dict[str, str | None] = field(default_factory=dict)
    """In the end."""

    @staticmethod
    def of(log: Sequence[Logged], people: Collection[str], definition: Definition) -> "Logs":
        said: dict[str, list[Logged]] = {each: [] for each in people}
        for each in log:
            if each.subject in said:
                said[each.subject].append(each)
        logs, passed = Logs(), _passed(log)
        for name, records in said.items():
            claims, met = Claims(), dict[Key, Met]()
            for one in _met(records, claims, passed, definition):
                met.setdefault(one.key, one)
            logs.met[name], logs.owners[name] = list(met.values()), claims.owner
        return logs

    def judged(self, name: str) -> list[Interaction]:
        return [each.event for each in self.met[name] if each.to is None and each.event.type != TIMER_FIRED]

    def top(self, name: str) -> str:
        owner = self.owners[name]
        return name if owner is None else self.top(owner)

    def members(self) -> dict[str, list[str]]:
        """By who belongs to nobody: all identifiers of that person."""
        found: dict[str, list[str]] = {}
        for name in self.owners:
            found.setdefault(self.top(name), []).append(name)
        return found


def _passed(log: Iterable[Logged]) -> dict[Key, str]:
    """To whom each event was passed on first."""
    found: dict[Key, str] = {}
    for each in log:
        if each.topic == "identities":
            for passed in orjson.loads(each.body).get("events", ()):
                event = passed["event"]
                found.setdefault((passed["subject"], f"{event['source']}#{event['id']}"), each.subject)
    return found


def _met(
    records: Iterable[Logged], claims: Claims, passed_on: Mapping[Key, str], definition: Definition
) -> Iterator[Met]:
    """What a fold has said was judged where it was said, earlier than where its record stands: whether it was somebody
    else's to judge can only be told by whether it was passed on."""
    for each in records:
        if each.topic == "identities":
            said = orjson.loads(each.body)
            for passed in said.get("events", ()):
                event = _event(orjson.dumps(passed["event"]), passed["subject"], definition)
                yield Met(event, claims.owner, passed=True)
            if said["kind"] in ("claim", "judged"):
                claims.hear(said)
        elif each.topic == "interactions" and not each.id.startswith("poison"):
            event = definition.typed(_event(each.body, each.subject, definition))
            to = passed_on.get((event.subject, event.identity)) if event.type in SAID else claims.owner
            yield Met(event, to, passed=False)


def _event(body: bytes, subject: str, definition: Definition) -> Interaction:
    return from_cloud_event(CloudEvent.model_validate_json(body), 0, definition.identifiers, subject)


def wrong_judging(logs: Logs, acted: Taken, decided: Mapping[str, int], lost: Mapping[str, Interaction]) -> list[str]:
    """`decided`: how many decisions the log of each judge has. `lost`: what a failover of one shard has taken out of
    its log, by identity; where it is sent again it may be judged by somebody else this time."""
    found = [*_judged_not_once(logs, lost)]
    for name in logs.met:
        judged, mine = logs.judged(name), acted.get(name, ())
        noted = Counter(each.event.id for each in mine if each.rule == "noted")
        if noted != (expected := Counter(each.id for each in judged if _amount(each) > WORTH_A_NOTE)):
            found.append(f"judging: {name} noted {dict(noted)} instead of {dict(expected)}")
        worth = [each.id for each in judged if _amount(each) > WORTH_A_MESSAGE]
        if decided[name] != len(worth):
            found.append(f"judging: {name} has {decided[name]} decisions for {worth}")
        found += Rescues(name, logs, lost).wrong([each.text for each in mine if each.rule == "rescue"])
    return found


def _judged_not_once(logs: Logs, lost: Mapping[str, Interaction]) -> Iterator[str]:
    judges: dict[Key, list[str]] = {}
    for name, met in logs.met.items():
        for each in met:
            if each.to is None and each.event.type != TIMER_FIRED:
                judges.setdefault(each.key, []).append(name)
    for met in logs.met.values():
        for each in met:
            who = judges.get(each.key, [])
            is_exact = not each.passed and each.event.type != TIMER_FIRED and each.event.identity not in lost
            if is_exact and len(who) != 1:
                yield f"judging: {each.key} is judged by {who}"


def _amount(event: Interaction) -> float:
    return float(event.data["amount"]) if event.type == "purchase" else 0.0


class Rescues:
    """`rescue`: page views after which no purchase came in time, at one judge.

    A timer that has fired in the judge's log was set there by a view that the judge has judged. If a purchase within
    the time is judged there before it fires, nothing is done. If there is none, and no newer view, the view is on the
    list. If there is a newer view, both are right: it has replaced the timer unless it came too late to set one.

    A timer that was passed on is judged on all that is known then: the view is on the list if nobody at all has bought
    in time; it is not if a purchase in time was judged by the same judge before, as long as nothing is newer than what
    a judge remembers (the newest purchase, until `within` is over). Else both are right.
    """

    def __init__(self, judge: str, logs: Logs, lost: Mapping[str, Interaction]) -> None:
        self.judge = judge
        self.must: set[str] = set()
        self.may: set[str] = set()
        self.never_passed: list[str] = []
        self._arrived = {name: {each.key for each in met if each.passed} for name, met in logs.met.items()}
        own = (each.event for met in logs.met.values() for each in met if not each.passed)
        self._everything = [each for each in (*own, *lost.values()) if each.type != TIMER_FIRED]
        self._views: list[Interaction] = []
        self._purchases: list[Interaction] = []
        for each in logs.met[judge]:
            self._meet(each)

    def wrong(self, taken: Sequence[str]) -> Iterator[str]:
        if not self.must <= set(taken) <= self.may or len(set(taken)) < len(taken):
            yield f"judging: {self.judge} rescued {taken}, must {self.must}, may {self.may}"
        yield from self.never_passed

    def _meet(self, met: Met) -> None:
        event = met.event
        if event.type != TIMER_FIRED and met.to is None:
            self._views += [event] if event.type == "page_view" else []
            self._purchases += [event] if event.type == "purchase" else []
        elif event.type == TIMER_FIRED and event.data["timer"] == RESCUE:
            if not met.passed:
                self._own(met)
            elif met.to is None:
                self._passed(event.data["pending"]["event"], event.at_ms)

    def _own(self, met: Met) -> None:
        due_ms = met.event.at_ms
        view = next((each for each in self._views if each.at_ms + WITHIN == due_ms), None)
        if view is None or _within(self._purchases, view.at_ms, due_ms):
            return
        is_newest = all(each.at_ms <= view.at_ms for each in self._views)
        if met.to is not None:
            if is_newest and met.key not in self._arrived[met.to]:
                self.never_passed.append(f"judging: {self.judge} has not passed {met.event.id} on to {met.to}")
            return
        self.may.add(view.id)
        self.must |= {view.id} if is_newest else set()

    def _passed(self, view: Mapping[str, Any], due_ms: int) -> None:
        newest_ms = max(each.at_ms for each in self._everything)
        latest = max((each.at_ms for each in self._everything if each.type == "purchase"), default=0)
        known = _within(self._purchases, view["at"], due_ms)
        if known and latest <= due_ms and newest_ms < max(each.at_ms for each in known) + WITHIN:
            return
        self.may.add(view["id"])
        if not _within((each for each in self._everything if each.type == "purchase"), view["at"], due_ms):
            self.must.add(view["id"])


def _within(purchases: Iterable[Interaction], after_ms: int, until_ms: int) -> list[Interaction]:
    return [each for each in purchases if after_ms < each.at_ms <= until_ms]
