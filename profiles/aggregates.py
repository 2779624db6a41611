"""Aggregates: how each is folded, joined and read. Pure, and of bounded size.

A partial aggregate is a plain JSON value. `add` folds one more event into it, `merge` joins the partials of several
buckets, `read` turns the result into what conditions see. None of them depends on the order of arrival, with two
exceptions that only begin beyond a bound: `top` once it has dropped a value, and sums of more than 15 significant
digits.

    count, rate       1 number
    sum, mean         1 or 2 numbers; decimal addition, see `plus`
    min, max          1 value
    first             1 value and its time
    last, recent      the latest `keep` distinct values (1 for `last`), each with its latest time
    distinct          as `recent`, of 36-bit hashes: exact up to `keep` values, then `keep`, which means at least;
                      `distinct_ever`, without a window, needs no times
    top               a count for each of up to 4 × `keep` values; see `_counted`
"""

from binascii import b2a_base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from hashlib import blake2b
from math import fsum
from operator import itemgetter
from sys import float_info
from typing import Any

from profiles.windows import packed, unpacked

Partial = Any
COUNTERS = 4
"""`top` keeps so many counters for each value that it shows."""
EXACT = Context(prec=40)
URL_SAFE = bytes.maketrans(b"+/", b"-_")
LARGEST = float_info.max
MOST = 1e13
"""Below it, cents have at most 15 digits: no other decimal as short is the same double."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    add: Callable[[Partial, Any, int, int], Partial]
    """(partial or None, value, at_ms, keep) → partial"""
    merge: Callable[[list[Partial], int], Partial]
    read: Callable[[Partial, int], Any]
    empty: Any = None
    timed: bool = False
    """A partial is a packed list of times and values, newest first, and needs no buckets."""


def plus(total: float, value: float) -> float:
    """Decimal addition: the double nearest to the sum of the two shortest decimals.

    A decimal of up to 15 significant digits survives the way through a double (C's DBL_DIG). As long as totals stay
    within that – cents up to 9,999,999,999,999.99 – every addition is exact and the order does not matter; beyond,
    the last digit may. Totals stop at the largest double.
    """
    if -MOST < total < MOST and -MOST < value < MOST:
        cents, more = round(total * 100), round(value * 100)
        if cents / 100 == total and more / 100 == value:
            return (cents + more) / 100  # the same, faster: the quotient of two integers is the nearest double
    exact = float(EXACT.add(Decimal(repr(total)), Decimal(repr(value))))
    return max(-LARGEST, min(LARGEST, exact))


def _total(totals: Iterable[float]) -> float:
    """The rounded exact sum of doubles (Shewchuk's, in `math.fsum`), whatever their order."""
    try:
        return fsum(totals)
    except OverflowError:
        return LARGEST


def digest(text: str) -> str:
    """Eight characters (48 bits) that stand for a text."""
    return b2a_base64(blake2b(text.encode(), digest_size=6).digest(), newline=False).translate(URL_SAFE).decode()


def _oldest(pairs: list[Partial]) -> Partial:
    return min(pairs, key=lambda pair: (pair[0], str(pair[1])))


def _latest(partial: Partial, value: Any, at_ms: int, keep: int) -> Partial:
    """The latest time of each value, newest first."""
    if not partial:
        return [at_ms, value]
    if at_ms > partial[0] and value not in partial[1::2]:  # as most do: newer and new
        return [at_ms, value, at_ms - partial[0], *partial[1:]][: 2 * keep]
    others = []
    for pair in unpacked(partial):
        if pair[1] == value:
            at_ms = max(at_ms, pair[0])
        else:
            others.append(pair)
    place = 0
    while place < len(others) and _is_later(others[place], at_ms, value):
        place += 1
    return packed([*others[:place], (at_ms, value), *others[place:]][:keep])


def _is_later(pair: tuple[int, Any], at_ms: int, value: Any) -> bool:
    return bool(pair[0] > at_ms or (pair[0] == at_ms and str(pair[1]) < str(value)))


def _joined(partials: list[Partial], keep: int) -> Partial:
    joined: Partial = []
    for pairs in partials:
        for at_ms, value in unpacked(pairs):
            joined = _latest(joined, value, at_ms, keep)
    return joined


def _last(partial: Partial, value: Any, at_ms: int, _keep: int) -> Partial:
    return [at_ms, value] if not partial or at_ms > partial[0] else _latest(partial, value, at_ms, 1)


def _short(value: Any) -> str:
    """36 bits: two of a thousand different values share them in one profile of 140,000."""
    return digest(str(value))[:6]


def _distinct(partial: Partial, value: Any, at_ms: int, keep: int) -> Partial:
    return _latest(partial, _short(value), at_ms, keep)


def _different(partial: Partial, value: Any, _at_ms: int, keep: int) -> Partial:
    found, new = partial or [], _short(value)
    return found if new in found or len(found) >= keep else sorted((*found, new))


def _counted(partial: Partial, value: str, _at_ms: int, keep: int) -> Partial:
    """Space-saving (Metwally, Agrawal, El Abbadi 2005): with all counters in use, the least frequent value makes room
    and the new one inherits its count. Of n events a count is too high by at most n / counters and never too low,
    and whatever happened more often than that is there."""
    counts = dict(partial or {})
    inherited = 0
    if value not in counts and len(counts) >= COUNTERS * keep:
        inherited = counts.pop(min(counts, key=lambda each: (counts[each], each)))
    counts[value] = counts.get(value, inherited) + 1
    return counts


def _counts(partials: list[Partial], _keep: int) -> Partial:
    joined: dict[str, int] = {}
    for partial in partials:
        for value, amount in partial.items():
            joined[value] = joined.get(value, 0) + amount
    return joined


def _most_frequent(partial: Partial, keep: int) -> dict[str, int]:
    ranked = sorted(partial.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:keep])


def _values(partial: Partial, _keep: int) -> list[Any]:
    return list(partial[1::2])


COUNT = Aggregate(lambda p, _v, _t, _k: (p or 0) + 1, lambda ps, _k: sum(ps), lambda p, _k: p, empty=0)
AGGREGATES: dict[str, Aggregate] = {
    "count": COUNT,
    "rate": COUNT,  # what is counted; profiles/features.py divides
    "sum": Aggregate(
        lambda p, v, _t, _k: plus(p or 0.0, v), lambda ps, _k: _total(ps), lambda p, _k: float(p), empty=0.0
    ),
    "mean": Aggregate(
        lambda p, v, _t, _k: [plus(p[0], v), p[1] + 1] if p else [v, 1],
        lambda ps, _k: [_total(map(itemgetter(0), ps)), sum(map(itemgetter(1), ps))],
        lambda p, _k: float(p[0] / p[1]),
    ),
    "min": Aggregate(lambda p, v, _t, _k: v if p is None else min(p, v), lambda ps, _k: min(ps), lambda p, _k: p),
    "max": Aggregate(lambda p, v, _t, _k: v if p is None else max(p, v), lambda ps, _k: max(ps), lambda p, _k: p),
    "first": Aggregate(
        lambda p, v, t, _k: _oldest([p, [t, v]]) if p else [t, v],
        lambda ps, _k: _oldest(ps),
        lambda p, _k: p[1],
    ),
    "last": Aggregate(_last, lambda ps, _k: _joined(ps, 1), lambda p, _k: p[1], timed=True),
    "recent": Aggregate(_latest, _joined, _values, timed=True),
    "distinct": Aggregate(_distinct, _joined, lambda p, _k: len(p) // 2, empty=0, timed=True),
    "distinct_ever": Aggregate(
        _different, lambda ps, keep: sorted(set().union(*ps))[:keep], lambda p, _k: len(p), empty=0
    ),
    "top": Aggregate(_counted, _counts, _most_frequent, empty={}),
}
