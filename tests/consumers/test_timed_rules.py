"""Rules that a time fires, folded without Redis: against brute force in any order of arrival, and case by case."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.live import LivePolicy
from profiles.waiting import MOST_BYTES, MOST_PENDING
from schemas.base import at_ms, rfc3339
from schemas.interaction import Interaction
from tests.builders import DAY, HOUR, MINUTE, NOON_MS, interaction, live, purchase
from tests.consumers.course import Log, texts

WITHIN = 30 * MINUTE
AFTER = {"after": "page_view", "absent": "purchase", "within": "30m", "by": "event.product"}


def ruled(when: dict[str, Any], **rule: Any) -> LivePolicy:
    given: dict[str, Any] = {"id": "r", "when": when, "act": [{"call_list": "x", "note": "{event.id}"}], **rule}
    return live(rules=[given])


POLICY = ruled(AFTER)


def view(at_ms: int, product: str = "tv", **over: Any) -> Interaction:
    return interaction(at_ms=at_ms, data={"product": product}, **over)


def buy(at_ms: int, product: str = "tv", **over: Any) -> Interaction:
    return interaction("purchase", at_ms, data={"amount": 1.0, "product": product}, **over)


# in any order of arrival


@dataclass(frozen=True)
class Arrival:
    """`late_ms`: how long after it happened it arrives. `look`: whether timers are fired before it does."""

    kind: str
    key: str
    gap_ms: int
    late_ms: int
    look: bool


ARRIVALS = st.lists(
    st.builds(
        Arrival,
        kind=st.sampled_from(("x", "x", "y", "z")),
        key=st.sampled_from(("tv", "pc")),
        gap_ms=st.integers(1, 25 * MINUTE),
        late_ms=st.sampled_from((0, 0, 1, 7 * MINUTE, 29 * MINUTE, 31 * MINUTE, 2 * HOUR)),
        look=st.booleans(),
    ),
    max_size=14,
)


@dataclass
class BruteForce:
    """Looks through everything that has arrived, each time."""

    arrived: list[tuple[str, str, int, str]] = field(default_factory=list)
    """Kind, key, time and id of all events; an X that came too late is none."""
    fired: list[str] = field(default_factory=list)

    def arrives(self, kind: str, key: str, at_ms: int, name: str) -> None:
        newest = max((each[2] for each in self.arrived), default=at_ms)
        too_late = kind == "x" and at_ms + WITHIN <= newest
        self.arrived.append(("late x" if too_late else kind, key, at_ms, name))

    def look(self, now_ms: int) -> None:
        due = []
        for key in ("tv", "pc"):
            starting = [(at, -n, name) for n, (kind, k, at, name) in enumerate(self.arrived) if (kind, k) == ("x", key)]
            if starting:
                at, _, name = max(starting)
                absent = [y for kind, k, y, _ in self.arrived if (kind, k) == ("y", key) and at < y <= at + WITHIN]
                if at + WITHIN <= now_ms and not absent and name not in self.fired:
                    due.append((at, name))
        self.fired += [name for _, name in sorted(due)]


@given(ARRIVALS)
@settings(max_examples=400, deadline=None)
def test_after_and_absent_equal_brute_force_in_any_order_of_arrival(arrivals: Sequence[Arrival]) -> None:
    log, expected, now_ms = Log(POLICY), BruteForce(), NOON_MS
    for number, each in enumerate(arrivals):
        now_ms += each.gap_ms
        if each.look:
            log.look(now_ms)
            expected.look(now_ms)
        happened, name = now_ms - each.late_ms, f"e{number}"
        make = {"x": view, "y": buy}.get(each.kind)
        event = make(happened, each.key, id=name) if make else interaction("call_started", happened, id=name)
        log.fold(event, now_ms)
        expected.arrives(each.kind, each.key, happened, name)
        assert len(log.clock.keys() - {"session:web", "session:call"}) <= 2
    for each_ms in (now_ms, now_ms + DAY):
        log.look(each_ms)
        expected.look(each_ms)
    assert sorted(texts(log.actions)) == sorted(expected.fired)
    assert log.step.profile.pending == {}


# after and absent


def test_the_rule_judges_the_event_that_set_it_with_the_facts_of_the_moment() -> None:
    policy = ruled(AFTER, **{"if": 'event.product == "tv" && customer.spend > 5.0'})
    log = Log(policy)
    log.fold(view(NOON_MS, id="x"))
    log.fold(purchase(10, NOON_MS + MINUTE))  # without a product: another key
    log.look(NOON_MS + WITHIN)
    assert texts(log.actions) == ["x"]
    (action,) = log.actions
    assert (action.rule, action.kind, action.list, action.customer) == ("r", "call_list", "x", "alice")
    assert (action.event.id, action.event.type, action.event.source) == ("x", "page_view", "test")
    assert action.at == rfc3339(NOON_MS + WITHIN)


def test_a_rule_that_does_not_hold_at_that_moment_does_nothing() -> None:
    log = Log(ruled(AFTER, **{"if": "customer.spend > 5.0"}))
    log.fold(view(NOON_MS))
    assert log.look(NOON_MS + WITHIN) != []
    assert log.actions == []


def test_what_it_proposes_waits_from_the_due_time() -> None:
    log = Log(ruled(AFTER, propose="mug", **{"for": "2h"}))
    log.fold(view(NOON_MS))
    log.look(NOON_MS + WITHIN)
    (proposal,) = log.step.ledger.proposals
    assert (proposal.rule, proposal.until_ms) == ("r", NOON_MS + WITHIN + 2 * HOUR)


def test_one_timer_for_each_key_and_the_newer_event_replaces() -> None:
    log = Log(POLICY)
    log.fold(view(NOON_MS, "tv", id="tv1"))
    log.fold(view(NOON_MS + MINUTE, "pc", id="pc1"))
    log.fold(view(NOON_MS + 2 * MINUTE, "tv", id="tv2"))
    due = sorted(at for name, at in log.clock.items() if name.startswith("after:"))
    assert due == [NOON_MS + MINUTE + WITHIN, NOON_MS + 2 * MINUTE + WITHIN]
    log.look(NOON_MS + HOUR)
    assert texts(log.actions) == ["pc1", "tv2"]


def test_a_late_event_that_was_answered_before_sets_no_timer_and_takes_an_older_one_away() -> None:
    log = Log(POLICY)
    log.fold(view(NOON_MS, id="a"))
    log.fold(buy(NOON_MS + 40 * MINUTE))  # too late for a
    log.fold(view(NOON_MS + 20 * MINUTE, id="b"), NOON_MS + 40 * MINUTE)
    assert log.step.profile.pending == {}
    assert list(log.clock) == ["session:web"]


def test_events_without_the_key_set_nothing() -> None:
    log = Log(POLICY)
    log.fold(interaction())
    assert not log.step.profile.pending


def test_a_policy_without_the_rule_lets_its_timers_pass(the_other_policy: LivePolicy) -> None:
    log = Log(POLICY)
    log.fold(view(NOON_MS))
    log.policy = the_other_policy
    log.look(NOON_MS + HOUR)
    assert (log.actions, log.step.profile.pending, log.clock) == ([], {}, {})


@pytest.fixture
def the_other_policy() -> LivePolicy:
    return ruled(AFTER, id="another")


def test_a_timer_keeps_its_time_when_the_policy_changes_it() -> None:
    log = Log(POLICY)
    log.fold(view(NOON_MS, id="x"))
    log.policy = ruled({**AFTER, "within": "10m"})
    log.look(NOON_MS + WITHIN - 1)
    assert log.actions == []
    log.look(NOON_MS + WITHIN)
    assert texts(log.actions) == ["x"]


def test_a_fired_timer_that_is_not_pending_at_that_time_does_nothing() -> None:
    """The sorted set woke for what has been replaced meanwhile."""
    log = Log(POLICY)
    log.fold(view(NOON_MS, id="a"))
    (name,) = log.step.profile.pending
    log.fold(view(NOON_MS + MINUTE, id="b"))
    log.clock[name] = NOON_MS + WITHIN
    log.look(NOON_MS + WITHIN)
    assert log.actions == []
    log.clock[name] = NOON_MS + WITHIN + MINUTE
    log.look(NOON_MS + HOUR)
    assert texts(log.actions) == ["b"]


def test_what_waits_is_bounded() -> None:
    log = Log(POLICY)
    for number in range(MOST_PENDING + 10):
        log.fold(view(NOON_MS + number, f"p{number}", id=f"e{number}"))
    assert len(log.step.profile.pending) == MOST_PENDING
    assert log.step.dropped == 10
    assert log.clock.keys() - {"session:web"} == log.step.profile.pending.keys()
    log.look(NOON_MS + HOUR)
    assert texts(log.actions) == [f"e{number}" for number in range(10, MOST_PENDING + 10)]


def test_a_large_event_waits_without_its_longest_fields() -> None:
    policy = live(
        interactions={"page_view": {"channel": "web", "fields": {"product": "string", "text": "string"}}, "buy": {}},
        features={},
        session={},
        rules=[
            {
                "id": "r",
                "when": {"after": "page_view", "absent": "buy", "within": "1h"},
                "act": [{"call_list": "x", "note": "{event.product}|{event.text}"}],
            }
        ],
    )
    log = Log(policy)
    log.fold(interaction(data={"product": "tv", "text": "x" * MOST_BYTES}))
    log.look(NOON_MS + HOUR)
    assert texts(log.actions) == ["tv|"]


# at


def moment(text: str) -> int:
    return at_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


def identify(at_ms: int, **data: Any) -> Interaction:
    return interaction("identify", at_ms, data=data, id=f"identify-{at_ms}-{data}")


CONTRACT = ruled(
    {"at": 'customer.since - duration("24h")'}, act=[{"call_list": "x", "note": "{event.type} {event.time}"}]
)


def test_a_moment_is_set_replaced_and_cancelled_with_what_it_follows_from() -> None:
    log = Log(CONTRACT)
    log.fold(interaction())
    assert "at:r" not in log.clock
    log.fold(identify(NOON_MS + 1, since=rfc3339(NOON_MS + 10 * DAY)))
    assert log.clock["at:r"] == NOON_MS + 9 * DAY
    log.fold(identify(NOON_MS + 2, since=rfc3339(NOON_MS + 20 * DAY)))
    assert log.clock["at:r"] == NOON_MS + 19 * DAY
    log.fold(identify(NOON_MS + 3, since=rfc3339(NOON_MS)))
    assert "at:r" not in log.clock


def test_a_moment_fires_once() -> None:
    log = Log(CONTRACT)
    log.fold(identify(NOON_MS, since=rfc3339(NOON_MS + 2 * DAY)))
    log.fold(interaction(at_ms=NOON_MS + HOUR))
    log.look(NOON_MS + DAY)
    log.fold(interaction(at_ms=NOON_MS + DAY + HOUR))
    log.look(NOON_MS + 400 * DAY)
    assert texts(log.actions) == ["timer_fired 2026-03-11 12:00"]


def test_a_moment_that_was_over_when_it_was_learned_does_not_fire() -> None:
    log = Log(CONTRACT)
    log.fold(identify(NOON_MS, since=rfc3339(NOON_MS + DAY)))
    log.look(NOON_MS + 400 * DAY)
    assert log.actions == []


def test_a_moment_that_is_due_and_not_folded_yet_is_kept() -> None:
    """After an outage, interactions come before the timer in the log."""
    log = Log(CONTRACT)
    log.fold(identify(NOON_MS, since=rfc3339(NOON_MS + 2 * DAY)))
    log.fold(interaction(at_ms=NOON_MS + 3 * DAY))
    log.look(NOON_MS + 3 * DAY)
    assert len(log.actions) == 1


def test_a_new_rule_is_set_at_the_next_interaction() -> None:
    log = Log(POLICY)
    log.fold(identify(NOON_MS, since=rfc3339(NOON_MS + 2 * DAY)))
    log.policy = CONTRACT
    log.fold(interaction(at_ms=NOON_MS + HOUR))
    log.look(NOON_MS + DAY)
    assert len(log.actions) == 1


def test_birthdays_come_every_year() -> None:
    policy = live(
        policy={"name": "shop", "time_zone": "Europe/Berlin"},
        rules=[
            {"id": "r", "when": {"at": "customer.since", "every": "year"}, "act": [{"call_list": "x", "note": "{now}"}]}
        ],
    )
    log = Log(policy)
    log.fold(identify(NOON_MS, since="1992-02-28T23:00:00Z"))  # 29 February in Berlin
    for year in range(2026, 2029):
        log.look(moment(f"{year}-12-31T00:00"))
    assert texts(log.actions) == ["2027-02-28 00:00", "2028-02-29 00:00"]


def test_of_several_that_an_outage_missed_one_fires() -> None:
    log = Log(ruled({"at": "customer.since", "every": "day"}))
    log.fold(identify(NOON_MS, since=rfc3339(NOON_MS + HOUR)))
    assert log.look(NOON_MS + 3 * DAY) == ["session:web", "at:r"]
    assert log.clock["at:r"] == NOON_MS + 3 * DAY + HOUR


# inactive


def test_inactivity_fires_once_until_there_is_activity_again() -> None:
    log = Log(ruled({"inactive": "30d"}))
    log.fold(interaction())
    log.fold(interaction(at_ms=NOON_MS + 10 * DAY))
    log.look(NOON_MS + 30 * DAY)
    assert log.actions == []
    log.look(NOON_MS + 40 * DAY - 1)
    assert log.actions == []
    log.look(NOON_MS + 40 * DAY)
    log.look(NOON_MS + 400 * DAY)
    assert len(log.actions) == 1
    log.fold(interaction(at_ms=NOON_MS + 400 * DAY))
    log.look(NOON_MS + 430 * DAY)
    assert len(log.actions) == 2


def test_activity_touches_no_timer_that_is_set() -> None:
    log = Log(ruled({"inactive": "30d"}))
    log.fold(interaction())
    log.clock.clear()
    log.fold(interaction(at_ms=NOON_MS + HOUR))
    assert list(log.clock) == ["session:web"]


def test_what_arrives_late_is_no_activity() -> None:
    log = Log(ruled({"inactive": "30d"}))
    log.fold(interaction())
    log.look(NOON_MS + 30 * DAY)
    log.fold(interaction(at_ms=NOON_MS - DAY), NOON_MS + 31 * DAY)
    log.look(NOON_MS + 100 * DAY)
    assert len(log.actions) == 1


def test_inactivity_of_some_interactions_judges_the_last_of_them() -> None:
    log = Log(ruled({"inactive": "30d", "of": ["page_view"]}))
    log.fold(view(NOON_MS, id="a"))
    log.fold(view(NOON_MS + DAY, id="b"))
    log.fold(purchase(1, NOON_MS + 20 * DAY))
    log.look(NOON_MS + 60 * DAY)
    assert texts(log.actions) == ["b"]
