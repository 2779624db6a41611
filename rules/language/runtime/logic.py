"""Logic that absorbs errors, for the careful form of a condition.

The fast form uses Python's own `and`, `or`, `all` and `any`, which is right whenever nothing fails. If
something does, the careful form is asked: here an error on one side does not matter where the other side
decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from rules.language.runtime.containers import members, pairs, shown_key
from rules.language.runtime.conversions import truth
from rules.language.runtime.effort import WORK_MAX, work
from rules.language.runtime.values import Failure, Optional, fail, no_overload

ERRORS = (Failure, KeyError, OverflowError)
"""What evaluating may raise for the facts at hand; anything else is a mistake of the program."""

STEPS_MAX = 10_000
"""How many members a macro and those inside it may visit together; Google's evaluator has the same bound."""
_PIECE = 64
"""Members are counted so many at a time."""


def sentence(error: BaseException) -> str:
    """The error in words."""
    if isinstance(error, KeyError):
        return f"there is no key {shown_key(error.args[0])}"
    return str(error) if isinstance(error, Failure) else "the result is out of range"


def read(facts: Mapping[str, object], name: str) -> Any:
    """A fact by name; not being there is an evaluation error."""
    return facts[name] if name in facts else fail(f"{name} is not known")


def both(*sides: Callable[[], Any]) -> bool:
    """`&&`: false if any side is, else the first error if there is one."""
    return not _decides(False, sides)


def either(*sides: Callable[[], Any]) -> bool:
    """`||`: true if any side is, else the first error if there is one."""
    return _decides(True, sides)


def all_of(items: Iterable[tuple[Any, ...]], test: Callable[..., Any]) -> bool:
    """`all`: as `&&` over the members, each a tuple of the macro's variables."""
    return not _decides(False, (_applied(test, item) for item in items))


def any_of(items: Iterable[tuple[Any, ...]], test: Callable[..., Any]) -> bool:
    """`exists`: as `||` over the members."""
    return _decides(True, (_applied(test, item) for item in items))


def _applied(test: Callable[..., Any], item: tuple[Any, ...]) -> Callable[[], Any]:
    return lambda: test(*item)


def _decides(decisive: bool, sides: Iterable[Callable[[], Any]]) -> bool:
    """Whether one side has the decisive value; the first error where none has."""
    failure: BaseException | None = None
    for side in sides:
        try:
            if truth(side()) is decisive:
                return True
        except ERRORS as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return False


def bound(value: Callable[[], Any], body: Callable[[Callable[[], Any]], Any]) -> Any:
    """`cel.bind`: the value is worked out once, and its error matters only where it is used."""
    return body(_Once(value))


class _Once:
    """A value worked out at its first use, and its error kept like a value."""

    __slots__ = ("_known", "_make", "_value")

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._known = make, False
        self._value: Any = None

    def __call__(self) -> Any:
        if not self._known:
            try:
                self._value = self._make()
            except ERRORS as error:
                self._value = error
            self._known = True
        if isinstance(self._value, ERRORS):
            raise self._value
        return self._value


def or_value(optional: Any, other: Callable[[], Any]) -> Any:
    """`orValue`: the other is not worked out if the value is there."""
    if not isinstance(optional, Optional):
        no_overload("orValue()", optional)
    return optional.value if optional.present else other()


def or_optional(optional: Any, other: Callable[[], Any]) -> Any:
    """`or`: the other optional is not worked out if the value is there."""
    if not isinstance(optional, Optional):
        no_overload("or()", optional)
    return optional if optional.present else other()


def begin(budget: list[int]) -> bool:
    """What one evaluation may take, anew; true, so that it can stand before a test."""
    budget[:] = (STEPS_MAX, WORK_MAX)
    return True


def begin_steps(budget: list[int]) -> bool:
    """The steps anew, for the next side of a condition; the work is one for all its sides."""
    budget[0] = STEPS_MAX
    return True


def spend(budget: list[int], range_: Any) -> Any:
    """The range of a macro, its members counted against the steps that are left as they are visited."""
    return _counted(budget, members(range_), range_)


def spend_pairs(budget: list[int], range_: Any) -> Any:
    """The same for a macro with two variables."""
    return _counted(budget, pairs(range_), range_)


def _counted(budget: list[int], items: Iterable[Any], range_: Any) -> Iterable[Any]:
    if len(range_) > _PIECE:
        return chain.from_iterable(_pieces(budget, iter(items)))
    _step(budget, len(range_))
    return items


def _pieces(budget: list[int], items: Iterator[Any]) -> Iterator[tuple[Any, ...]]:
    while piece := tuple(islice(items, _PIECE)):
        _step(budget, len(piece))
        yield piece


def _step(budget: list[int], count: int) -> None:
    budget[0] -= count
    if budget[0] < 0:
        fail(f"macros take more than {STEPS_MAX:,} steps")
    work(budget, 0)  # a macro that absorbs the errors of its members ends where nothing is left


def exactly_one(tests: Iterable[Any]) -> bool:
    return sum(truth(test) for test in tests) == 1
