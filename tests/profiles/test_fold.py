"""The fold against a brute-force computation over the raw list, and the stories behind it."""

from itertools import permutations
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.facts import FactReader, Situation
from profiles.fold import fold, has_seen, identity_hash
from profiles.profile import Profile
from profiles.recent import KEPT_INTERACTIONS
from schemas.interaction import TIMER_FIRED, Interaction
from tests.builders import DAY, HOUR, MINUTE, NOON_MS, definition, interaction, purchase

SHOP = definition()


def folded(*interactions: Interaction) -> Profile:
    profile = Profile()
    for each in interactions:
        profile = fold(profile, each, SHOP)
    return profile


def fact(profile: Profile, name: str, now_ms: int = NOON_MS, channel: str = "web") -> Any:
    reader = FactReader(SHOP, [name])
    return reader.read(Situation("customer:alice", profile, channel, now_ms)).get(name)


def test_aggregates_of_three_purchases() -> None:
    profile = folded(purchase(10, NOON_MS - 40 * DAY), purchase(30, NOON_MS - 2 * DAY), purchase(20, NOON_MS - DAY))
    assert fact(profile, "customer.purchases_30d") == 2
    assert fact(profile, "customer.spend_30d") == 50.0
    assert fact(profile, "customer.spend") == 60.0
    assert fact(profile, "customer.biggest") == 30.0
    assert fact(profile, "customer.smallest_30d") == 20.0
    assert fact(profile, "customer.mean_30d") == 25.0


def test_what_never_happened_is_zero_where_it_counts_and_unknown_elsewhere() -> None:
    assert fact(Profile(), "customer.purchases_30d") == 0
    assert fact(Profile(), "customer.spend") == 0.0
    assert fact(Profile(), "customer.biggest") is None
    assert fact(Profile(), "customer.last_call_at") is None


def test_a_window_rolls_on_without_any_event() -> None:
    profile = folded(purchase(10))
    assert fact(profile, "customer.purchases_30d", NOON_MS + 29 * DAY) == 1
    assert fact(profile, "customer.purchases_30d", NOON_MS + 32 * DAY) == 0


def test_the_same_interaction_twice_changes_nothing() -> None:
    once = folded(purchase(10, id="p-1"))
    assert fold(once, purchase(10, id="p-1"), SHOP) is once


def test_the_same_id_from_another_source_is_another_interaction() -> None:
    profile = folded(purchase(10, id="p-1"), purchase(10, id="p-1", source="app"))
    assert fact(profile, "customer.spend") == 20.0


def test_recent_values_are_distinct_and_newest_first() -> None:
    products = ["a", "b", "a", "c", "d"]
    views = [interaction(at_ms=NOON_MS + i, data={"product": p}) for i, p in enumerate(products)]
    assert fact(folded(*views), "customer.viewed") == ["d", "c", "a"]


def test_an_interaction_sets_the_attributes_that_its_type_names() -> None:
    profile = folded(interaction("call_started", data={"age": 41}))
    assert profile.attributes == {"age": 41}
    assert fact(profile, "customer.age") == 41


def test_identify_sets_attributes() -> None:
    assert folded(interaction("identify", data={"city": "Porto"})).attributes == {"city": "Porto"}


def test_a_session_ends_after_idle_time() -> None:
    profile = folded(
        interaction(at_ms=NOON_MS, data={"product": "a"}),
        interaction(at_ms=NOON_MS + 20 * MINUTE, data={"product": "b"}),
    )
    assert fact(profile, "session.interactions", NOON_MS + 20 * MINUTE) == 2
    assert fact(profile, "session.viewed", NOON_MS + 20 * MINUTE) == ["b", "a"]
    assert fact(profile, "session.interactions", NOON_MS + 2 * HOUR) is None
    later = fold(profile, interaction(at_ms=NOON_MS + 2 * HOUR, data={"product": "c"}), SHOP)
    assert fact(later, "session.viewed", NOON_MS + 2 * HOUR) == ["c"]


def test_each_channel_has_its_own_session() -> None:
    profile = folded(interaction(at_ms=NOON_MS), interaction("call_started", at_ms=NOON_MS))
    assert set(profile.sessions) == {"web", "call"}


def test_a_session_end_that_was_overtaken_changes_nothing() -> None:
    profile = folded(interaction(at_ms=NOON_MS), interaction(at_ms=NOON_MS + 10 * MINUTE))
    ended = interaction(TIMER_FIRED, at_ms=NOON_MS + 30 * MINUTE, data={"timer": "session:web"})
    assert fold(profile, ended, SHOP).sessions == profile.sessions
    ended = interaction(TIMER_FIRED, at_ms=NOON_MS + 40 * MINUTE, data={"timer": "session:web"})
    assert fold(profile, ended, SHOP).sessions["web"].ended == NOON_MS + 40 * MINUTE


def test_the_latest_interactions_are_bounded_and_newest_first() -> None:
    profile = folded(*(interaction(at_ms=NOON_MS + i) for i in range(KEPT_INTERACTIONS + 5)))
    times = [each[0] for each in profile.recent]
    assert len(times) == KEPT_INTERACTIONS
    assert times == sorted(times, reverse=True)


def test_a_profile_survives_its_form_in_redis() -> None:
    profile = folded(interaction(data={"product": "a"}), purchase(12.5), interaction("call_started"))
    assert Profile.loads(profile.dumps()) == profile


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_order_of_arrival_does_not_matter(order: tuple[int, ...]) -> None:
    events = [purchase(8, NOON_MS - 3 * DAY), purchase(2, NOON_MS - 2 * DAY), purchase(4, NOON_MS)]
    profile = folded(*(events[i] for i in order))
    in_order = folded(*events)
    for name in ("purchases_30d", "spend_30d", "spend", "biggest", "smallest_30d", "mean_30d"):
        assert fact(profile, f"customer.{name}") == fact(in_order, f"customer.{name}")


EVENTS = st.lists(st.tuples(st.integers(0, 59 * 24).map(lambda hours: hours * HOUR), st.integers(1, 1000)), max_size=30)


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_windows_agree_with_the_raw_list(events: list[tuple[int, int]]) -> None:
    """A window covers itself and at most one bucket (a day) more."""
    purchases = [purchase(float(amount), NOON_MS - ago, id=str(i)) for i, (ago, amount) in enumerate(events)]
    profile = folded(*purchases)
    surely = [amount for ago, amount in events if ago < 30 * DAY]
    perhaps = [amount for ago, amount in events if ago <= 31 * DAY]
    count, spent = fact(profile, "customer.purchases_30d"), fact(profile, "customer.spend_30d")
    assert len(surely) <= count <= len(perhaps)
    assert sum(surely) <= spent <= sum(perhaps)
    assert fact(profile, "customer.spend") == float(sum(amount for _, amount in events))


def test_an_older_statement_does_not_replace_a_newer_one() -> None:
    newer = interaction("identify", at_ms=NOON_MS, data={"city": "Porto"})
    older = interaction("identify", at_ms=NOON_MS - DAY, data={"city": "Lisboa", "age": 40})
    assert folded(newer, older).attributes == folded(older, newer).attributes == {"city": "Porto", "age": 40}


def test_what_arrives_after_the_end_of_its_session_belongs_to_it() -> None:
    first = interaction(at_ms=NOON_MS, data={"product": "a"})
    ended = interaction(TIMER_FIRED, at_ms=NOON_MS + 30 * MINUTE, data={"timer": "session:web"})
    late = interaction(at_ms=NOON_MS + 5 * MINUTE, data={"product": "b"})
    session = folded(first, ended, late).sessions["web"]
    assert (session.interactions, session.started, session.ended) == (2, NOON_MS, NOON_MS + 30 * MINUTE)


def test_a_thousand_interactions_sent_again_change_nothing() -> None:
    events = [purchase(1, NOON_MS + n, id=str(n)) for n in range(1_000)]
    once = folded(*events)
    again = once
    for each in events:
        again = fold(again, each, SHOP)
    assert again is once


def test_identities_are_found_only_where_one_begins() -> None:
    assert has_seen("abcdefgABCDEFG", "ABCDEFG")
    assert not has_seen("abcdefgABCDEFG", "efgABCD")


def test_an_identity_stands_in_json_as_it_is() -> None:
    hashes = [identity_hash(interaction(id=str(number)).identity) for number in range(2_000)]
    assert len(set(hashes)) == len(hashes)
    assert {len(each) for each in hashes} == {7}
    assert orjson.dumps("".join(hashes)) == f'"{"".join(hashes)}"'.encode()


def test_an_attribute_kept_with_another_type_is_not_known() -> None:
    profile = Profile(attributes={"since": "yesterday", "age": "old"})
    assert fact(profile, "customer.since") is None
    assert fact(profile, "customer.age") is None


def test_a_feature_that_is_defined_otherwise_starts_afresh() -> None:
    profile = folded(purchase(10, NOON_MS - DAY))
    wider = definition(features={"spend_30d": {"sum": "event.amount", "of": "purchase", "window": "90d"}})
    reader = FactReader(wider, ["customer.spend_30d"])
    assert reader.read(Situation("customer:alice", profile, "web", NOON_MS)) == {"customer.spend_30d": 0.0}
    later = fold(profile, purchase(5), wider)
    assert reader.read(Situation("customer:alice", later, "web", NOON_MS)) == {"customer.spend_30d": 5.0}
    assert list(later.features) == [wider.features["spend_30d"].key]
