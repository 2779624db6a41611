"""The form of a profile in Redis: short, readable, and without loss."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from profiles.profile import Profile, Session
from profiles.recent import grouped
from tests.builders import HOUR, MINUTE, NOON_MS

TIMES = st.integers(1, NOON_MS)
NAMES = st.sampled_from(["page_view", "purchase", "call"])
SESSIONS = st.builds(
    lambda started, length, count, features, ended, after: Session(
        started, started + length, count, features, ended, "logout" if ended else "", after
    ),
    TIMES,
    st.integers(0, HOUR),
    st.integers(1, 9),
    st.sampled_from([{}, {"viewed~abc": [NOON_MS, "p"]}]),
    st.none() | TIMES,
    st.none() | TIMES,
)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    recent = draw(st.lists(st.tuples(TIMES, NAMES, st.sampled_from(["web", ""]), st.sampled_from(["shop", "a|b"]))))
    return Profile(
        attributes=draw(st.dictionaries(NAMES, st.integers(1, 9))),
        features=draw(st.dictionaries(NAMES, st.lists(st.integers(0, NOON_MS)))),
        sessions=draw(st.dictionaries(st.sampled_from(["web", "call"]), SESSIONS)),
        latest=grouped(recent, max((each[0] for each in recent), default=0)),
        last=max((each[0] for each in recent), default=None),
        seen=draw(st.text("abc", max_size=8)),
    )


@given(profiles())
def test_what_is_written_is_read(profile: Profile) -> None:
    assert Profile.loads(profile.dumps()) == profile


def test_a_time_is_written_once_and_then_as_a_distance() -> None:
    profile = Profile(
        sessions={
            "web": Session(NOON_MS, NOON_MS + MINUTE, 3, after=NOON_MS - HOUR),
            "call": Session(NOON_MS - HOUR, NOON_MS, 1, {"f~abc": 1}, ended=NOON_MS),
        },
        latest=grouped(
            ((NOON_MS + MINUTE * each, "page_view", "web", "shop") for each in (1, 0, -5)), NOON_MS + MINUTE
        ),
        last=NOON_MS + MINUTE,
    )
    found: dict[str, Any] = orjson.loads(profile.dumps())
    assert found == {
        "sessions": {
            "web": [MINUTE, MINUTE, 3, HOUR],
            "call": [HOUR + MINUTE, HOUR, 1, {"features": {"f~abc": 1}, "ended": NOON_MS}],
        },
        "recent": {"page_view|web|shop": [0, MINUTE, 5 * MINUTE]},
        "last": NOON_MS + MINUTE,
    }
