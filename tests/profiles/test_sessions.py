"""Visits: which one an interaction belongs to, and when it is over, in any order of arrival."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.fold import fold
from profiles.profile import Profile, Session
from profiles.sessions import just_ended
from schemas.interaction import SESSION_ENDED, STAGE_CHANGED, TIMER_FIRED, Interaction
from tests.builders import DAY, HOUR, MINUTE, NOON_MS, SHOP, definition, interaction

IDLE = 30 * MINUTE
INTERACTIONS = {**SHOP["interactions"], "logout": {"channel": "web"}}
POLICY = definition(interactions=INTERACTIONS, session={**SHOP["session"], "ends": ["logout"]})


def view(minute: int, product: str = "a", **over: str) -> Interaction:
    return interaction(at_ms=NOON_MS + minute * MINUTE, data={"product": product}, **over)


def logout(minute: int) -> Interaction:
    return interaction("logout", at_ms=NOON_MS + minute * MINUTE)


def timer(minute: int) -> Interaction:
    return interaction(TIMER_FIRED, at_ms=NOON_MS + minute * MINUTE, channel="", data={"timer": "session:web"})


def folded(*interactions: Interaction) -> tuple[Profile, list[Session]]:
    """The profile, and the visits that have ended on the way."""
    profile, ended = Profile(), []
    for each in interactions:
        before, profile = profile, fold(profile, each, POLICY)
        found = just_ended(before.sessions.get("web"), profile.sessions.get("web"), each.at_ms, IDLE)
        ended += [found] if found else []
    return profile, ended


def minutes(session: Session) -> tuple[int, int, int]:
    return (session.started - NOON_MS) // MINUTE, (session.last - NOON_MS) // MINUTE, session.interactions


def test_an_interaction_that_ends_visits_ends_it_at_once() -> None:
    profile, (ended,) = folded(view(0), view(5), logout(7))
    assert minutes(ended) == (0, 7, 3)
    assert (ended.ended, ended.ended_by) == (NOON_MS + 7 * MINUTE, "logout")
    assert not profile.sessions["web"].open_at(NOON_MS + 7 * MINUTE, IDLE)


def test_what_happens_after_the_end_is_another_visit_though_within_the_idle_time() -> None:
    profile, ended = folded(view(0), logout(7), view(8))
    assert len(ended) == 1
    assert minutes(profile.sessions["web"]) == (8, 8, 1)


def test_where_no_visit_is_open_nothing_is_ended_and_none_begins() -> None:
    assert folded(logout(0)) == folded(logout(0))
    assert folded(logout(0))[0].sessions == {}
    profile, ended = folded(view(0), logout(5), logout(6))
    assert len(ended) == 1
    assert minutes(profile.sessions["web"]) == (0, 5, 2)
    profile, ended = folded(view(0), logout(45))
    assert not ended, "the timer comes for it"
    assert profile.sessions["web"].ended is None


def test_what_ends_a_visit_and_arrives_late_ends_it_at_its_last_interaction() -> None:
    _, (ended,) = folded(view(0), view(9), logout(7))
    assert (minutes(ended), ended.ended) == ((0, 9, 3), NOON_MS + 9 * MINUTE)


def test_a_later_visit_ends_the_one_before_without_any_timer() -> None:
    profile, (ended,) = folded(view(0), view(5), view(60))
    assert (minutes(ended), ended.ended_by) == ((0, 5, 2), "")
    assert minutes(profile.sessions["web"]) == (60, 60, 1)


def test_what_arrives_late_adds_to_a_visit_that_has_ended_and_does_not_open_it() -> None:
    profile, ended = folded(view(0), timer(30), view(12, "late"), view(20, "later"), timer(50))
    assert len(ended) == 1
    session = profile.sessions["web"]
    assert (minutes(session), session.ended) == ((0, 20, 3), NOON_MS + 30 * MINUTE)
    profile, ended = folded(view(0), timer(30), view(20), view(45))
    assert len(ended) == 1, "what happened after the end is another visit"
    assert minutes(profile.sessions["web"]) == (45, 45, 1)
    _, ended = folded(view(0), logout(7), view(3), logout(5))
    assert len(ended) == 1


def test_what_happened_before_a_logout_is_no_part_of_the_next_visit() -> None:
    profile, ended = folded(view(0), logout(7), view(10), view(5, "late"))
    assert len(ended) == 1
    assert minutes(profile.sessions["web"]) == (10, 10, 1)


def test_what_opportune_says_itself_is_no_visit_and_no_sign_of_life() -> None:
    before, _ = folded(view(0))
    for kind, channel in ((SESSION_ENDED, "web"), (STAGE_CHANGED, "")):
        after = fold(before, interaction(kind, at_ms=NOON_MS + DAY, channel=channel), POLICY)
        assert (after.sessions, after.last, after.first) == (before.sessions, before.last, before.first)
        assert (after.recent, after.seen) == (before.recent, before.seen)


def test_a_tag_without_a_channel_is_in_no_visit_and_with_one_it_is() -> None:
    somewhere = interaction("tagged", data={"tags": ["vip"]})
    nowhere = interaction("tagged", data={"tags": ["vip"]}, channel="")
    assert folded(nowhere)[0].sessions == {}
    assert folded(somewhere)[0].sessions["web"].interactions == 1


def test_the_features_of_a_visit_are_those_of_its_interactions() -> None:
    _, (ended,) = folded(view(0, "a"), view(1, "b"), logout(2), view(3, "c"))
    key = POLICY.session_features["viewed"].key
    assert POLICY.session_features["viewed"].read(ended.features[key], NOON_MS) == ["b", "a"]


SHORT_VISIT = st.lists(st.integers(0, 30), min_size=1, max_size=8, unique=True).flatmap(st.permutations)


@settings(max_examples=200, deadline=None)
@given(SHORT_VISIT)
def test_a_visit_no_longer_than_the_idle_time_is_the_same_in_any_order(arrival: list[int]) -> None:
    _, (ended,) = folded(*(view(minute, f"p{minute}") for minute in arrival), timer(90))
    _, (in_order,) = folded(*(view(minute, f"p{minute}") for minute in sorted(arrival)), timer(90))
    assert ended == in_order


EVENTS = st.lists(
    st.tuples(st.integers(0, 240), st.sampled_from(["view", "view", "view", "logout", "timer"])), max_size=30
)


@settings(max_examples=300, deadline=None)
@given(EVENTS)
def test_each_visit_ends_once_and_after_the_one_before(events: list[tuple[int, str]]) -> None:
    makers = {"view": view, "logout": logout, "timer": timer}
    profile, ended = folded(*(makers[kind](minute) for minute, kind in events))
    ends = [each.ended if each.ended and each.ended_by else each.last for each in ended]
    assert all(one < other for one, other in pairwise(ends)), "so that no two summaries have one id"
    held = sum(each.interactions for each in ended)
    assert held <= sum(1 for _, kind in events if kind != "timer")
    session = profile.sessions.get("web")
    assert session is None or session.ended is not None or session.started > (ends[-1] if ends else 0)


def test_a_visit_survives_its_form_in_redis() -> None:
    profile, _ = folded(view(0), logout(7), view(8))
    again = Profile.loads(profile.dumps())
    assert again == profile
    assert again.sessions["web"].after == NOON_MS + 7 * MINUTE
    plain, _ = folded(view(0), view(5), interaction(at_ms=NOON_MS + 5 * HOUR))
    assert not {b"ended", b"tags", b"stages"} & set(plain.dumps().replace(b'"', b" ").split())
