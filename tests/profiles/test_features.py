"""Every aggregate over every kind of window against a brute-force computation over the raw list, in any order."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.aggregates import COUNTERS, plus
from profiles.facts import FactReader, Situation
from profiles.fold import fold, not_after
from profiles.profile import Profile
from profiles.windows import unpacked
from schemas.interaction import Interaction
from tests.builders import DAY, HOUR, MINUTE, NOON_MS, definition, interaction, purchase

ZONE = ZoneInfo("America/New_York")
AGGREGATES: dict[str, dict[str, Any]] = {
    "count": {"count": "purchase"},
    "sum": {"sum": "event.amount", "of": "purchase"},
    "min": {"min": "event.amount", "of": "purchase"},
    "max": {"max": "event.amount", "of": "purchase"},
    "mean": {"mean": "event.amount", "of": "purchase"},
    "last": {"last": "event.product", "of": "purchase"},
    "first": {"first": "event.product", "of": "purchase"},
    "last_at": {"last": "event.time", "of": "purchase"},
    "recent": {"recent": "event.product", "of": "purchase", "keep": 3},
    "distinct": {"distinct": "event.product", "of": "purchase"},
    "top": {"top": "event.product", "of": "purchase", "keep": 3},
    "rate": {"rate": "purchase", "per": "day"},
}
ONE_VALUE = [name for name in AGGREGATES if name not in ("recent", "top")]
WINDOWS: dict[str, dict[str, Any]] = {
    "ever": {},
    "rolling": {"window": "30d"},
    "short": {"window": {"rolling": "36h"}},
    **{period: {"window": {"calendar": period}} for period in ("day", "week", "month", "year")},
}
FEATURES = {
    f"{name}_{window}": {**spec, **span}
    for name, spec in AGGREGATES.items()
    for window, span in WINDOWS.items()
    if name != "rate" or span
}
BY = {
    f"{name}_by": {**FEATURES[name], "by": "event.product"} for name in FEATURES if name.rpartition("_")[0] in ONE_VALUE
}
SHOP = definition(policy={"name": "shop", "time_zone": ZONE.key}, features={**FEATURES, **BY})


class Bought(NamedTuple):
    at_ms: int
    amount: float
    product: str


def folded(bought: Sequence[Bought]) -> Profile:
    profile = Profile()
    for number, (at_ms, amount, product) in enumerate(bought):
        data = {"amount": amount, "product": product}
        profile = fold(profile, interaction("purchase", at_ms, id=f"{number}", data=data), SHOP)
    return profile


def facts(profile: Profile, now_ms: int = NOON_MS) -> dict[str, Any]:
    reader = FactReader(SHOP, [f"customer.{name}" for name in SHOP.features])
    return reader.read(Situation("customer:alice", profile, "web", now_ms))


def local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, ZONE)


ROLLING = {"rolling": (30 * DAY, DAY), "short": (36 * HOUR, HOUR)}
PERIODS: dict[str, Callable[[datetime], Any]] = {
    "day": datetime.date,
    "week": lambda at: at.isocalendar()[:2],
    "month": lambda at: (at.year, at.month),
    "year": lambda at: at.year,
}
TIMED = ("last", "last_at", "recent", "distinct")
"""Exact to the millisecond; the others to a bucket."""


def within(bought: Sequence[Bought], name: str, window: str) -> list[Bought]:
    """What the window holds, as docs/policy.md says it."""
    if window in PERIODS:
        return [each for each in bought if PERIODS[window](local(each.at_ms)) == PERIODS[window](local(NOON_MS))]
    length, width = ROLLING.get(window, (NOON_MS, 1))
    from_ms = NOON_MS - length
    return [each for each in bought if each.at_ms >= (from_ms if name in TIMED else from_ms // width * width)]


def days(window: str) -> float:
    """The time that a rate is taken over."""
    if window in ROLLING:
        length, width = ROLLING[window]
        return (NOON_MS - (NOON_MS - length) // width * width) / DAY
    now = local(NOON_MS)
    starts = {"day": now.day, "week": now.day - now.weekday(), "month": 1}
    start = now.replace(day=starts.get(window, 1), month=1 if window == "year" else now.month, hour=0, minute=0)
    return max(1.0, (now.timestamp() - start.timestamp()) * 1000 / DAY)


def expected(bought: Sequence[Bought], name: str, window: str) -> Any:
    """The value over the raw list; None if it is not known."""
    amounts = [each.amount for each in bought]
    latest = sorted(bought, key=lambda each: (-each.at_ms, each.product))
    match name:
        case "count":
            return len(bought)
        case "rate":
            return len(bought) / days(window)
        case "sum":
            return float(sum(map(decimal, amounts)))
        case "distinct":
            return len({each.product for each in bought})
        case "top":
            ranked = sorted(Counter(each.product for each in bought).items(), key=lambda item: (-item[1], item[0]))
            return dict(ranked[:3])
    if not bought:
        return None
    match name:
        case "min":
            return min(amounts)
        case "max":
            return max(amounts)
        case "mean":
            return float(sum(map(decimal, amounts)) / len(amounts))
        case "last":
            return latest[0].product
        case "first":
            return min(bought, key=lambda each: (each.at_ms, each.product)).product
        case "last_at":
            return datetime.fromtimestamp(latest[0].at_ms / 1000, ZONE)
        case "recent":
            return list(dict.fromkeys(each.product for each in latest))[:3]


def decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, float):
        return bool(found == pytest.approx(wanted, rel=1e-12))
    return bool(found == wanted)


BOUGHT = st.builds(
    Bought,
    st.one_of(st.integers(0, 70 * DAY), st.integers(0, 70 * 24).map(lambda hours: hours * HOUR)).map(
        lambda ago: NOON_MS - ago
    ),
    st.integers(-10_000, 1_000_000).map(lambda cents: cents / 100),
    st.sampled_from("abcdef"),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(BOUGHT, max_size=25))
def test_every_aggregate_over_every_window_agrees_with_the_raw_list(bought: list[Bought]) -> None:
    found = facts(folded(bought))
    for full in FEATURES:
        name, _, window = full.rpartition("_")
        wanted = expected(within(bought, name, window), name, window)
        assert same(found.get(f"customer.{full}"), wanted), full


@settings(max_examples=30, deadline=None)
@given(st.lists(BOUGHT, max_size=25))
def test_one_series_for_each_key(bought: list[Bought]) -> None:
    found = facts(folded(bought))
    for full in BY:
        name, _, window = full.removesuffix("_by").rpartition("_")
        inside = within(bought, name, window)
        series = found[f"customer.{full}"]
        assert set(series) == {each.product for each in inside}, full
        for key, value in series.items():
            assert same(value, expected([each for each in inside if each.product == key], name, window)), full


@settings(max_examples=60, deadline=None)
@given(st.lists(BOUGHT, max_size=15).flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))))
def test_the_order_of_arrival_changes_nothing_to_the_last_bit(orders: tuple[list[Bought], list[Bought]]) -> None:
    one, other = (folded(each) for each in orders)
    assert facts(one) == facts(other)
    assert one.recent == other.recent


@settings(max_examples=20, deadline=None)
@given(st.lists(BOUGHT, min_size=100, max_size=200))
def test_states_stay_small(bought: list[Bought]) -> None:
    states = folded(bought).features
    features = {name: states[each.key] for name, each in SHOP.features.items() if each.key in states}
    for name in FEATURES:
        if SHOP.features[name].window is not None and not SHOP.features[name].aggregate.timed:
            numbers = [number for number, _ in unpacked(features[name])]
            assert numbers == sorted(set(numbers), reverse=True), name
            assert len(numbers) <= 85, name
    for window in WINDOWS:
        assert len(features[f"recent_{window}"]) <= 2 * 3
        assert len(features[f"last_{window}"]) <= 2


CENTS = st.integers(-(10**13), 10**13).map(lambda cents: cents / 100)


@given(st.lists(CENTS, max_size=50))
def test_amounts_in_cents_add_up_exactly(amounts: list[float]) -> None:
    total = 0.0
    for each in amounts:
        total = plus(total, each)
    assert total == float(sum(map(decimal, amounts)))


ANY = st.floats(-1e15, 1e15) | CENTS | st.floats(-1e4, 1e4).map(lambda value: round(value, 3)) | st.integers(-9, 9)


@given(ANY, ANY)
def test_a_sum_is_the_double_nearest_to_the_sum_of_the_decimals(one: float, other: float) -> None:
    assert plus(one, other) == float(decimal(one) + decimal(other))


def test_a_sum_stops_at_the_largest_number() -> None:
    largest = 1.7e308
    profile = folded([Bought(NOON_MS - day * DAY, largest, "a") for day in range(2)])
    assert facts(profile)["customer.sum_ever"] > largest
    assert facts(profile)["customer.sum_rolling"] > largest


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40).map(lambda n: f"p{n:02}"), max_size=150))
def test_top_beyond_its_bound_is_too_high_by_a_known_amount(products: list[str]) -> None:
    """Space-saving: never too low, at most n / counters too high, and nothing more frequent is missing."""
    keep = 3
    found = facts(folded([Bought(NOON_MS - 1, 1.0, each) for each in products]))["customer.top_ever"]
    true, slack = Counter(products), len(products) / (COUNTERS * keep)
    for product, amount in found.items():
        assert true[product] <= amount <= true[product] + slack
    for product, amount in true.most_common(1):
        assert product in found or amount <= max(found.values())


def test_distinct_is_exact_up_to_keep_and_then_means_at_least() -> None:
    shop = definition(features={"seen": {"distinct": "event.product", "of": "page_view", "keep": 10}})
    profile = Profile()
    for number in range(15):
        profile = fold(profile, interaction(at_ms=NOON_MS + number, data={"product": f"p{number}"}), shop)
        found = shop.features["seen"].read(profile.features[shop.features["seen"].key], NOON_MS + number)
        assert found == min(number + 1, 10)


def test_the_keys_with_the_latest_events_are_kept() -> None:
    shop = definition(features={"views": {"count": "page_view", "by": "event.product", "keys": 3}})
    profile = Profile()
    for minute, product in enumerate("abacd"):
        profile = fold(profile, interaction(at_ms=NOON_MS + minute * MINUTE, data={"product": product}), shop)
    assert shop.features["views"].read(profile.features[shop.features["views"].key], NOON_MS) == {
        "a": 2,
        "c": 1,
        "d": 1,
    }
    late = fold(profile, interaction(at_ms=NOON_MS - MINUTE, data={"product": "x"}), shop)
    assert late.features == profile.features


def test_a_calendar_window_begins_at_local_midnight() -> None:
    midnight = int(datetime(2026, 3, 1, tzinfo=ZONE).timestamp() * 1000)
    profile = folded([Bought(midnight - 1, 1.0, "a"), Bought(midnight, 2.0, "a"), Bought(NOON_MS, 4.0, "a")])
    assert facts(profile)["customer.sum_month"] == 6.0
    assert facts(profile, midnight - 1)["customer.sum_month"] == 1.0, "the month before is kept for late events"


def test_a_rate_at_the_start_of_a_period_is_taken_over_one_unit() -> None:
    midnight = int(datetime(2026, 3, 1, tzinfo=ZONE).timestamp() * 1000)
    profile = folded([Bought(midnight + MINUTE, 1.0, "a")])
    assert facts(profile, midnight + 2 * MINUTE)["customer.rate_month"] == 1.0


def test_the_current_event_can_be_left_out() -> None:
    shop = definition(
        features={
            "before": {"count": "purchase", "including_current": False},
            "with": {"count": "purchase"},
        },
        session={"features": {"before": {"count": "purchase", "including_current": False}}},
    )
    names = ["customer.before", "customer.with", "session.before"]
    reader = FactReader(shop, names)

    def seen(before: Profile | None, profile: Profile, event: Interaction | None) -> list[Any]:
        found = reader.read(Situation("customer:alice", profile, "web", NOON_MS, event, before=before))
        return [found[name] for name in names]

    first, second = purchase(1, NOON_MS - MINUTE), purchase(2, NOON_MS)
    after_one = fold(Profile(), first, shop)
    after_two = fold(after_one, second, shop)
    assert seen(Profile(), after_one, first) == [0, 1, 0]
    assert seen(after_one, after_two, second) == [1, 2, 1]
    assert seen(None, after_two, None) == [2, 2, 2], "where no event is judged, all of them count"


def test_an_event_from_the_future_pushes_nothing_out() -> None:
    early = purchase(1, NOON_MS + 400 * DAY)
    assert not_after(NOON_MS, early).at_ms == NOON_MS
    assert not_after(NOON_MS, purchase(1, NOON_MS - 1)).at_ms == NOON_MS - 1
    profile = folded([Bought(NOON_MS - DAY, 1.0, "a")])
    found = facts(fold(profile, not_after(NOON_MS, early), SHOP))
    assert found["customer.count_rolling"] == 2
    assert found["customer.sum_rolling"] == 2.0


def test_times_in_fields_are_compared_as_times() -> None:
    shop = definition(
        interactions={"signed": {"channel": "web", "fields": {"until": "timestamp"}}},
        features={"latest": {"max": "event.until", "of": "signed"}},
        session={},
    )
    profile = Profile()
    for number, until in enumerate(("2026-03-01T09:30:00.500000Z", "2026-03-01T09:30:00Z")):
        profile = fold(profile, interaction("signed", id=str(number), data={"until": until}), shop)
    found = FactReader(shop, ["customer.latest"]).read(Situation("customer:alice", profile, "web", NOON_MS))
    assert found["customer.latest"] == datetime.fromisoformat("2026-03-01T09:30:00.500+00:00")
