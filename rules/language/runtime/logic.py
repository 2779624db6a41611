"""Logic that absorbs errors, for the careful form of a condition.

The fast form uses Python's own `and`, `or`, `all` and `any`, which is right whenever nothing fails. If
something does, the careful form is asked: here an error on one side does not matter where the other side
decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rules.language.runtime.containers import members, shown_key
from rules.language.runtime.conversions import truth
from rules.language.runtime.values import Failure, Optional, fail, no_overload

ERRORS = (Failure, KeyError, OverflowError)
"""What evaluating may raise for the facts at hand; anything else is a mistake of the program."""

STEPS_MAX = 10_000
"""How many members a macro and those inside it may visit together; Google's evaluator has the same bound."""


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


def begin(budget: list[int], range_: Any) -> Any:
    """The range of an outermost macro, with which the count of steps begins."""
    budget[0] = STEPS_MAX
    return spend(budget, range_)


def spend(budget: list[int], range_: Any) -> Any:
    """The range of a macro, its members counted against the steps that are left."""
    budget[0] -= len(members(range_))
    return range_ if budget[0] >= 0 else fail(f"macros take more than {STEPS_MAX:,} steps")


def scan(budget: list[int], value: Any) -> Any:
    """A text or list that is looked through inside a macro, counted as one step for every 64 parts of it."""
    if isinstance(value, (str, bytes, list, dict)):
        budget[0] -= len(value) >> 6
        if budget[0] < 0:
            fail(f"macros take more than {STEPS_MAX:,} steps")
    return value


def exactly_one(tests: Iterable[Any]) -> bool:
    return sum(truth(test) for test in tests) == 1
