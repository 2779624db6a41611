"""The view of a customer: stage and history, tags, scores, and how each visit stands."""

from app.customers import view_of
from profiles.customer import Customer as Stored
from profiles.people import Person
from schemas.profile import CustomerView, StageEntered
from tests.builders import DAY, HOUR, MINUTE, NOON_MS, SHOP, interaction, live, purchase
from tests.consumers.story import Customer, fired

POLICY = live(
    interactions={**SHOP["interactions"], "call_ended": {"channel": "call"}},
    scores={"worth": "customer.spend * 2.0", "age_score": "customer.age * 2"},
    segments={"rich": "customer.worth > 10.0"},
    session={"ends": "call_ended", "purposes": {"long": 'session.length >= duration("5m")', "short": "true"}},
    stages={"grown": "customer.spend > 0.0", "new": "!has(customer.stage_since)"},
)


def viewed(customer: Customer, now_ms: int) -> CustomerView:
    stored = Stored("customer:alice", "3-x", customer.profile)
    return view_of(Person(stored, stored), POLICY, now_ms)


def test_the_view_tells_stage_tags_and_scores() -> None:
    tags = interaction("tagged", channel="", data={"tags": ["vip", "patient"]})
    view = viewed(Customer(POLICY).fold(tags, interaction(), purchase(7, NOON_MS + HOUR)), NOON_MS + DAY)
    assert view.tags == ("patient", "vip")
    assert view.scores == {"worth": 14.0}, "one that is not known is left out"
    assert view.segments == ("rich",)
    assert (view.stage, view.stage_since) == ("grown", "2026-03-10T13:00:00.000Z")
    assert view.stages == (
        StageEntered(stage="grown", at="2026-03-10T13:00:00.000Z"),
        StageEntered(stage="new", at="2026-03-10T12:00:00.000Z"),
    )


def test_the_view_tells_how_each_visit_stands() -> None:
    call = [interaction("call_started"), interaction("call_ended", NOON_MS + 6 * MINUTE, channel="call")]
    customer = Customer(POLICY).fold(*call, interaction(at_ms=NOON_MS + 6 * MINUTE))
    sessions = {each.channel: each for each in viewed(customer, NOON_MS + 7 * MINUTE).sessions}
    web, phone = sessions["web"], sessions["call"]
    assert (web.open, web.ended, web.ended_by, web.purpose) == (True, None, None, "short")
    assert (phone.open, phone.ended, phone.ended_by) == (False, "2026-03-10T12:06:00.000Z", "call_ended")
    assert (phone.length_s, phone.purpose, phone.interactions) == (360.0, "long", 2)


def test_a_visit_whose_timer_has_not_come_yet_has_ended_all_the_same() -> None:
    customer = Customer(POLICY).fold(interaction())
    before = viewed(customer, NOON_MS + HOUR).sessions
    after = viewed(customer.fold(fired("session:web", NOON_MS + 30 * MINUTE)), NOON_MS + HOUR).sessions
    assert before == after
    assert (after[0].ended, after[0].ended_by) == ("2026-03-10T12:00:00.000Z", "idle")
