"""What one process has made, taken over by another in small steps, and let go of in small steps.

`taken_apart` makes small pickles of a value: first of its inmost pieces, last of the value itself. `put_together` makes
one piece after the other of them, each in some microseconds; what stands in several pieces is one object again. Who
keeps the pieces can let go of the value in small steps too (`let_go`): all at once would keep the interpreter busy, for
70 ms with a policy of 1,000 offers.

Crosses: whatever pickles, dataclasses (machine code too), and functions that the policy language has generated. Not a
value with a cycle in it.
"""

import pickle
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from io import BytesIO
from types import FunctionType, MappingProxyType
from typing import Any

from rules.language import tree
from rules.language.python import joined, parts

BYTES = 16_384
"""Of a step, about."""
MANY = 100
"""A collection with more than so many members is put together of them, each a piece."""
ATOMS = frozenset({str, int, float, bytes, bool, type(None)})
OURS = frozenset({"app", "consumers", "profiles", "rules", "schemas"})
AT_ONCE, PAUSE_S = 100, 0.001


class _Pickler(pickle.Pickler):
    """Pickles what does not pickle by itself."""

    def reducer_override(self, obj: Any) -> Any:
        kind: Any = type(obj)
        if _is_generated(obj):
            return joined, parts(obj)
        if kind is MappingProxyType:
            return _read_only, (dict(obj),)
        names = _fields(kind)
        return NotImplemented if names is None else _of_fields(obj, *names)


def _is_generated(obj: Any) -> bool:
    return type(obj) is FunctionType and obj.__globals__.get("__builtins__") == {}


def _is_large(obj: Any) -> bool:
    return type(obj) in (tuple, list, dict) and len(obj) > MANY


def _read_only(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)


@cache
def _fields(kind: Any) -> tuple[list[str], list[str]] | None:
    """What the class of a dataclass takes, and what has to be set afterwards; None for another class."""
    if not is_dataclass(kind) or kind.__reduce__ is not object.__reduce__:
        return None
    taken = [each.name for each in fields(kind) if each.init]
    sets_others = hasattr(kind, "__post_init__")
    return taken, [] if sets_others else [each.name for each in fields(kind) if not each.init]


def _of_fields(obj: Any, taken: list[str], others: list[str]) -> tuple[Any, ...]:
    made = type(obj), tuple([getattr(obj, name) for name in taken])
    return (*made, {name: getattr(obj, name) for name in others}, None, None, _set) if others else made


def _set(obj: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        object.__setattr__(obj, name, value)


@cache
def _is_ours(kind: Any) -> bool:
    return kind.__module__.partition(".")[0] in OURS and kind.__module__ != tree.__name__


class _Order:
    """The pieces of a value: objects of ours, large collections and their members; each behind what it is made of."""

    def __init__(self) -> None:
        self.pieces: list[Any] = []
        self._met: dict[int, bool] = {}
        """Whether all that it is made of stands in the order."""
        self._members: set[int] = set()

    def is_met(self, obj: Any) -> bool:
        """Whether it is a piece, which stands in the order then."""
        met = self._met.get(id(obj))
        if met is False:
            raise ValueError(f"a {type(obj).__name__} is in a cycle, so that it cannot be taken apart")
        if met:
            return True
        kind: Any = type(obj)
        found = _is_ours(kind) or id(obj) in self._members or _is_large(obj) or _is_generated(obj)
        if found:
            self.add(obj)
        return found

    def add(self, obj: Any) -> None:
        self._met[id(obj)] = False
        if _is_large(obj):
            self._members.update(map(id, obj))
            self._members.update(map(id, obj.values() if isinstance(obj, dict) else ()))
        _Finder(self, obj).dump(obj)
        self._met[id(obj)] = True
        self.pieces.append(obj)


class _Finder(_Pickler):
    """Looks into one piece, and before that into those that it is made of."""

    def __init__(self, order: _Order, whole: Any) -> None:
        super().__init__(BytesIO(), pickle.HIGHEST_PROTOCOL)
        self._order = order
        self._whole = whole

    def persistent_id(self, obj: Any) -> str | None:
        if type(obj) in ATOMS or obj is self._whole:
            return None
        return "met" if self._order.is_met(obj) else None


class _Writer(_Pickler):
    """One step: some pieces, which refer to those of earlier steps by number."""

    def __init__(self, known: dict[int, int]) -> None:
        self.written = BytesIO()
        super().__init__(self.written, pickle.HIGHEST_PROTOCOL)
        self._known = known

    def persistent_id(self, obj: Any) -> int | None:
        return self._known.get(id(obj))


def taken_apart(value: Any) -> Iterator[bytes]:
    order = _Order()
    order.add(value)
    known: dict[int, int] = {}
    writer, waiting = _Writer(known), list[Any]()
    for each in order.pieces:
        writer.dump(each)
        waiting.append(each)
        if writer.written.tell() > BYTES:
            yield writer.written.getvalue()
            known.update(zip(map(id, waiting), range(len(known), len(known) + len(waiting)), strict=True))
            writer, waiting = _Writer(known), []
    if waiting:
        yield writer.written.getvalue()


class _Reader(pickle.Unpickler):
    def __init__(self, file: BytesIO, made: list[Any]) -> None:
        super().__init__(file)
        self._made = made

    def persistent_load(self, number: int) -> Any:
        return self._made[number]


def put_together(step: bytes, made: list[Any]) -> Iterator[None]:
    """Adds the pieces of a step to those that are there, one by one; the last one of all is the value."""
    file = BytesIO(step)
    reader = _Reader(file, made)
    while file.tell() < len(step):
        made.append(reader.load())
        yield


def let_go(pieces: list[Any]) -> None:
    """Lets go of them in small steps, the value's parts before what these are made of."""
    while pieces:
        del pieces[-AT_ONCE:]
        time.sleep(PAUSE_S)
