"""Scores, segments, purposes and stages: functions of the facts, and of the stage on record."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.classes import Classes
from rules.language import Vocabulary, compile_condition
from rules.lifecycle import StageEntry, next_stage
from tests.builders import live

ANY = Vocabulary({f"customer.{name}": "bool" for name in "abcd"})
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)


def stages(**sources: str) -> list[StageEntry]:
    """Each holds if the customer's attribute of its name is true; `b="a"`: from a only."""
    return [
        StageEntry(name, compile_condition(f"customer.{name}", ANY), frozenset(before.split()))
        for name, before in sources.items()
    ]


def judged(entries: list[StageEntry], present: str | None, holding: str) -> str | None:
    return next_stage(entries, present, {f"customer.{name}": name in holding for name in "abcd"})


@pytest.mark.parametrize(
    ("present", "holding", "expected"),
    [
        (None, "ab", "a"),  # order is precedence
        (None, "b", "b"),
        ("b", "ab", "a"),
        ("a", "ab", "a"),
        ("a", "b", "b"),  # without `from`: from any
        ("a", "", "a"),  # nothing holds: it stays
        (None, "", None),
    ],
)
def test_without_from_the_first_that_holds_is_the_stage(present: str | None, holding: str, expected: str) -> None:
    assert judged(stages(a="", b=""), present, holding) == expected


@pytest.mark.parametrize(
    ("present", "holding", "expected"),
    [
        (None, "abc", "b"),  # whom a load has brought skips what comes before
        ("c", "abc", "a"),
        ("c", "bc", "c"),
        (None, "c", "c"),
    ],
)
def test_none_as_from_is_who_has_no_stage_yet(present: str | None, holding: str, expected: str) -> None:
    assert judged(stages(a="b c", b="none a", c=""), present, holding) == expected


@pytest.mark.parametrize(
    ("present", "holding", "expected"),
    [
        (None, "abc", "c"),  # `from` is not none
        ("c", "abc", "b"),
        ("b", "abc", "a"),
        ("a", "bc", "c"),
        ("b", "b", "b"),  # to stay is allowed, whatever `from` says
        ("b", "c", "c"),
        ("a", "b", "a"),  # b is not open to a, and nothing else holds
    ],
)
def test_from_says_from_where_a_stage_may_be_entered(present: str | None, holding: str, expected: str) -> None:
    assert judged(stages(a="b", b="c", c=""), present, holding) == expected


@given(
    st.lists(st.sets(st.sampled_from("abcd")), min_size=4, max_size=4),
    st.sets(st.sampled_from("abcd")),
    st.sampled_from([None, *"abcd"]),
)
def test_with_the_same_facts_nobody_goes_in_circles(sources: list[set[str]], holding: set[str], present: Any) -> None:
    entries = stages(**{name: " ".join(each) for name, each in zip("abcd", sources, strict=True)})
    seen = [present]
    while (step := judged(entries, seen[-1], "".join(holding))) != seen[-1]:
        assert step not in seen
        seen.append(step)
    assert len(seen) <= 5


def classes(**sections: Any) -> Classes:
    return live(**sections).ruleset.classes


SCORED = {
    "scores": {
        "past": "customer.spend * 2.0",
        "ratio": "customer.spend / double(customer.age)",
        "whole": "customer.age / 10",
    },
    "segments": {"big": "customer.past > 100.0", "unknown": "has(customer.ratio) && customer.ratio > 0.0"},
}


def test_scores_are_numbers_that_segments_know() -> None:
    found = classes(**SCORED).classified({"customer.spend": 60.0, "customer.age": 25})
    assert (found["customer.past"], found["customer.ratio"], found["customer.whole"]) == (120.0, 2.4, 2)
    assert found["customer.segments"] == ["big", "unknown"]


def test_a_score_that_cannot_be_told_is_not_known() -> None:
    found = classes(**SCORED).classified({"customer.spend": 60.0})
    assert "customer.ratio" not in found
    assert found["customer.segments"] == ["big"]
    found = classes(**SCORED).classified({"customer.spend": 60.0, "customer.age": 0})
    assert "customer.ratio" not in found, "infinity is no number"
    assert found["customer.whole"] == 0


PURPOSES = {
    "session": {
        "features": {"viewed": {"count": "page_view"}, "bought": {"count": "purchase"}},
        "purposes": {"buying": "session.bought > 0", "browsing": "session.viewed > 2", "information": "true"},
    }
}


@pytest.mark.parametrize(("viewed", "bought", "purpose"), [(9, 1, "buying"), (3, 0, "browsing"), (0, 0, "information")])
def test_the_first_purpose_that_holds_is_that_of_the_visit(viewed: int, bought: int, purpose: str) -> None:
    facts = {"session.started": NOW, "session.viewed": viewed, "session.bought": bought}
    assert classes(**PURPOSES).classified(facts)["session.purpose"] == purpose


def test_where_no_visit_is_open_it_has_no_purpose() -> None:
    assert "session.purpose" not in classes(**PURPOSES).classified({"session.viewed": 0, "session.bought": 0})


STAGED = {"stages": {"grown": {"if": "customer.age >= 18", "from": ["young"]}, "young": "true"}}


def test_the_stage_on_record_becomes_the_one_that_it_is_now() -> None:
    recorded = {"customer.stage": "young", "customer.stage_since": EARLIER, "now": NOW}
    same = classes(**STAGED).classified({**recorded, "customer.age": 9})
    assert (same["customer.stage"], same["customer.stage_since"]) == ("young", EARLIER)
    assert "customer.previous_stage" not in same
    moved = classes(**STAGED).classified({**recorded, "customer.age": 20})
    assert (moved["customer.stage"], moved["customer.previous_stage"]) == ("grown", "young")
    assert moved["customer.stage_since"] == NOW


def test_a_stage_on_record_that_is_not_declared_any_more_counts_as_none() -> None:
    found = classes(**STAGED).classified({"customer.stage": "gone", "now": NOW, "customer.age": 20})
    assert (found["customer.stage"], found["customer.previous_stage"]) == ("young", "gone")
    assert "customer.stage" not in classes().classified({"customer.stage": "gone"})


def test_only_what_stages_need_is_read_for_them() -> None:
    sections = {
        "scores": {"used": "customer.spend * 1.0", "unused": "customer.biggest"},
        "segments": {"rich": "customer.used > 5.0", "poor": "customer.spend < 1.0"},
        "stages": {"a": '"rich" in customer.segments', "b": "customer.purchases_30d > 0"},
    }
    needed = {"customer.spend", "customer.used", "customer.segments", "customer.purchases_30d"}
    about_stages = {"customer.stage", "customer.stage_since", "customer.previous_stage", "now"}
    assert classes(**sections).of_stages().reads == needed | about_stages
    assert set(classes(**sections).of_stages().scores) == {"used"}
