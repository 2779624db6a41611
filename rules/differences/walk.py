"""Two policies side by side, down to the values that differ.

Entries are compared by their names, not by where they stand; that they stand in another order is said as such.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from rules.differences.phrases import called, phrase_of, said, summary
from rules.differences.values import both, text
from rules.differences.words import EMPTY, SECTIONS, VERBS, Place, noun
from schemas.contact import CoolDown
from schemas.difference import Difference

ORDERED = ("stages", "identifiers", "purposes")
"""Names with definitions whose order means something; the order of a list always may."""


class Walk:
    def __init__(self, currency: str) -> None:
        self._currency = currency

    def differences(self, before: Any, after: Any, place: Place) -> Iterator[Difference]:
        if _same(before, after):
            return
        match before, after:
            case BaseModel(), BaseModel():
                yield from self._models(before, after, place)
            case dict(), dict():
                yield from self._entries(before, after, place)
            case tuple(), tuple() if any(isinstance(each, BaseModel) for each in (*before, *after)):
                yield from self._entries(_by_name(before), _by_name(after), place)
            case tuple(), tuple():
                yield from self._lists(before, after, place)
            case _:
                yield self._changed(before, after, place)

    def _models(self, before: BaseModel, after: BaseModel, place: Place) -> Iterator[Difference]:
        phrase = phrase_of(after)
        done: tuple[str, ...] = ()
        if phrase is not None and isinstance(before, type(after)) and phrase.say(before) != phrase.say(after):
            yield _sentence(place, f"{phrase.say(before)} → {phrase.say(after)}")
            done = phrase.fields
        kinds = (type(before), type(after))
        for name in dict.fromkeys(field for kind in kinds for field in kind.model_fields if field not in done):
            kind = kinds[1] if name in kinds[1].model_fields else kinds[0]
            yield from self.differences(getattr(before, name, None), getattr(after, name, None), place.of(kind, name))

    def _entries(self, before: Mapping[str, Any], after: Mapping[str, Any], place: Place) -> Iterator[Difference]:
        for name in [each for each in before if each not in after]:
            yield _there_or_not(place, name, before[name], "is removed", "")
        for name in [each for each in after if each not in before]:
            value = after[name]
            told = summary(value, self._currency) if isinstance(value, BaseModel) else text(value, place.style)
            yield _there_or_not(place, name, value, "", f": {told}" if told else "")
        kept = [name for name in after if name in before]
        for name in kept:
            inner = _inner(place, name, after[name])
            yield from self.differences(before[name], after[name], inner)
        listed = isinstance(before, _Listed) or place.field in ORDERED
        if listed and kept != [name for name in before if name in after]:
            yield _sentence(place, "stand in another order")

    def _lists(self, before: tuple[Any, ...], after: tuple[Any, ...], place: Place) -> Iterator[Difference]:
        """Lists of names."""
        new, gone = _without(after, before), _without(before, after)
        if not (new or gone):
            yield _sentence(place, f"{text(before, place.style)} → {text(after, place.style)}")
        elif (not before or not after) and place.field in EMPTY:
            yield self._changed(before, after, place)
        elif place.field in VERBS:
            verb = VERBS[place.field]
            if new:
                yield _plain(place, f"{place.head} now {verb} {text(new, place.style)} too")
            if gone:
                yield _plain(place, f"{place.head} no longer {verb} {text(gone, place.style)}")
        else:
            if new:
                yield _sentence(place, f"now also {text(new, place.style)}")
            if gone:
                yield _sentence(place, f"no longer {text(gone, place.style)}")

    def _changed(self, before: Any, after: Any, place: Place) -> Difference:
        if isinstance(before, BaseModel) or isinstance(after, BaseModel):
            was, now = (said(each, place.style, place.field, self._currency) for each in (before, after))
        else:
            was, now = both(before, after, place.style, place.field, self._currency)
        return _sentence(place, f"{was} → {now}" if was != now else f"{was}, with other spaces")


class _Listed(dict[str, Any]):
    """Entries of a list by name: their order may mean something."""


def _by_name(entries: tuple[Any, ...]) -> _Listed:
    """Those without a name by their number."""
    found, seen = _Listed(), Counter[str]()
    for number, entry in enumerate(entries, start=1):
        name = _name(entry, number)
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} ({seen[name]})"] = entry
    return found


def _name(entry: Any, number: int) -> str:
    if isinstance(entry, CoolDown):
        return f"after {entry.after} per {entry.per}"
    return str(getattr(entry, "id", None) or getattr(entry, "name", None) or f"no. {number}")


def _inner(place: Place, name: str, value: Any) -> Place:
    """Definitions and everything in a section are things; what stands deeper and is one value belongs to its field."""
    if isinstance(value, BaseModel) or (len(place.where) == 1 and place.where[0] not in SECTIONS):
        return place.thing(called(noun(place.field), name, value), name)
    return place.sub(name)


def _there_or_not(place: Place, name: str, value: Any, gone: str, told: str) -> Difference:
    what = _inner(place, name, value)
    is_thing = not what.label
    said_of = what.things[-1] if is_thing else what.label
    around = ", ".join(what.things[:-1] if is_thing else what.things)
    words = f"{said_of} {gone}" if gone else f"new {said_of}{told}"
    line = f"{around}: {words}" if around else words
    line = line[:1].upper() + line[1:]
    return Difference(group=what.group, where=what.where, text=line)


def _sentence(place: Place, words: str) -> Difference:
    head = f"{place.head}: " if place.head else ""
    line = f"{head}{place.label} {words}" if place.label else f"{head}{words}"
    return _plain(place, line[:1].upper() + line[1:])


def _plain(place: Place, line: str) -> Difference:
    return Difference(group=place.group, where=place.where, text=line)


def _without(these: tuple[Any, ...], those: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each for each in these if not any(_same(each, other) for other in those))


def _same(before: Any, after: Any) -> bool:
    """Without Python's view that 1 is 1.0 and true."""
    if type(before) is not type(after):
        return False
    if isinstance(before, BaseModel):
        return all(_same(getattr(before, name), getattr(after, name)) for name in type(before).model_fields)
    if isinstance(before, dict):
        return list(before) == list(after) and all(_same(each, after[name]) for name, each in before.items())
    if isinstance(before, tuple | list):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after or (before != before and after != after))
