"""Tags: the latest statement wins, in any order of arrival, and their number is bounded."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.definition import Definition
from profiles.facts import FactReader, Situation
from profiles.fold import fold
from profiles.profile import Profile
from profiles.tags import LONGEST_TAG, MOST_TAGS, held, joined_tags
from schemas.interaction import Interaction
from tests.builders import DAY, NOON_MS, definition, interaction

SHOP: Definition = definition()


def said(kind: str, at_ms: int, *tags: str) -> Interaction:
    return interaction(kind, at_ms=at_ms, channel="", data={"tags": list(tags)})


def folded(*interactions: Interaction) -> Profile:
    profile = Profile()
    for each in interactions:
        profile = fold(profile, each, SHOP)
    return profile


def test_tags_come_and_go() -> None:
    profile = folded(said("tagged", NOON_MS, "vip", "slow"), said("untagged", NOON_MS + 1, "slow"))
    reader = FactReader(SHOP, ["customer.tags"])
    assert reader.read(Situation("customer:a", profile, "", NOON_MS)) == {"customer.tags": ["vip"]}
    assert reader.read(Situation("customer:a", Profile(), "", NOON_MS)) == {"customer.tags": []}
    assert Profile.loads(profile.dumps()) == profile


def test_an_older_statement_does_not_replace_a_newer_one() -> None:
    assert held(folded(said("untagged", NOON_MS, "vip"), said("tagged", NOON_MS - DAY, "vip")).tags) == []
    assert held(folded(said("tagged", NOON_MS, "vip"), said("untagged", NOON_MS, "vip")).tags) == ["vip"]
    assert held(folded(said("untagged", NOON_MS, "vip"), said("tagged", NOON_MS, "vip")).tags) == ["vip"]
    assert held(folded(said("tagged", 0, "vip"), said("untagged", 0, "old")).tags) == ["vip"]


def test_long_tags_are_cut() -> None:
    assert held(folded(said("tagged", NOON_MS, "x" * 500)).tags) == ["x" * LONGEST_TAG]


STATEMENTS = st.lists(
    st.tuples(st.sampled_from(["tagged", "untagged"]), st.integers(0, 50), st.integers(0, 3 * MOST_TAGS)),
    min_size=1,
    max_size=200,
)


@settings(max_examples=100, deadline=None)
@given(STATEMENTS, st.randoms(use_true_random=False), st.integers(0, 200))
def test_order_of_arrival_and_of_joining_does_not_matter(
    statements: list[tuple[str, int, int]], chance: Random, cut: int
) -> None:
    events = [said(kind, NOON_MS + at, f"t{tag}") for kind, at, tag in statements]
    shuffled = list(events)
    chance.shuffle(shuffled)
    expected = folded(*events).tags
    assert folded(*shuffled).tags == expected
    assert len(expected) <= MOST_TAGS
    parts = folded(*shuffled[:cut]).tags, folded(*shuffled[cut:]).tags
    assert joined_tags(*parts) == joined_tags(*reversed(parts)) == expected


@settings(max_examples=100, deadline=None)
@given(STATEMENTS)
def test_the_latest_statement_about_each_tag_counts(statements: list[tuple[str, int, int]]) -> None:
    """A brute-force computation, as long as no tag is dropped."""
    few = [(kind, at, tag % MOST_TAGS) for kind, at, tag in statements]
    latest: dict[str, tuple[int, bool]] = {}
    for kind, at, tag in few:
        latest[f"t{tag}"] = max(latest.get(f"t{tag}", (-1, False)), (at, kind == "tagged"))
    profile = folded(*(said(kind, NOON_MS + at, f"t{tag}") for kind, at, tag in few))
    assert held(profile.tags) == sorted(tag for tag, (_, given) in latest.items() if given)
