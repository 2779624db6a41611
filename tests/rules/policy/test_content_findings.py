"""What cannot be meant: offers that never appear or never win, rules and caps that change nothing, what is over.

`§` marks where a finding must point. For each kind there is a case beside it that is in order: no false alarm.
"""

# ruff: noqa: E501 (tables)

from datetime import date

import pytest

from rules.policy import check
from tests.rules.policy.samples import BASE, checked, in_case

TODAY = date(2026, 3, 10)
BARE = BASE.partition("contact_policy:")[0]
WORDS = "treatments: [{id: t, channel: call, placement: main, content: {s: x}}]"
LOAN = f"{{id: loan, name: Loan, always: true, {WORDS}}}"


def loan(more: str) -> str:
    return LOAN.replace("always: true,", f"always: true, {more},")


def cells(offers: str, more: str = "") -> str:
    return f"campaigns: [{{id: a, {more} programs: [{{id: p, cells: [{{id: c, share: 100, offers: [{offers}]}}]}}]}}]"


OF_LOANS = "eligible: 'offer.category == \"loans\"',"
NEVER_APPEARS = [
    (f"offers: [{loan('eligible: customer.age < 30')}]\n{cells('§loan', 'eligible: customer.age >= 30,')}", "customer.age cannot satisfy"),
    (f"offers: [{loan('suitable: customer.age < 30')}]\n{cells('§loan', 'eligible: customer.age >= 30,')}", "customer.age cannot satisfy"),
    (f"offers: [{loan('category: cards')}]\n{cells('§loan', OF_LOANS)}", "offer.category cannot satisfy"),
    (f"offers: [{loan('value: 3')}]\n{cells('§loan', 'eligible: offer.value > 5.0,')}", "offer.value cannot satisfy"),
    (f"offers: [{loan('eligible: customer.age < 30, bundle: [deposit, pen]')}, {{id: pen, name: P, eligible: customer.age >= 30, {WORDS}}}]\n{cells('§loan')}", "customer.age cannot satisfy"),
]  # fmt: skip
APPEARS = [
    f"offers: [{loan('eligible: customer.age <= 30')}]\n{cells('loan', 'eligible: customer.age >= 30,')}",
    f"offers: [{loan('category: loans')}]\n{cells('loan', OF_LOANS)}",
    f"offers: [{loan('value: 1e-7')}]\n{cells('loan', 'eligible: offer.value > 0.0,')}",
]


@pytest.mark.parametrize(("text", "message"), NEVER_APPEARS)
def test_an_offer_that_nobody_can_have_in_its_cell(text: str, message: str) -> None:
    result, places = checked(text)
    assert [(each.id, each.position, each.severity) for each in result.findings] == [("never-appears", places[0], "warning")]  # fmt: skip
    assert message in result.findings[0].message


@pytest.mark.parametrize("text", APPEARS)
def test_an_offer_that_somebody_can_have(text: str) -> None:
    assert checked(text)[0].findings == ()


RULES = [
    ("in-vain", f"offers: [{loan('eligible: customer.age < 30')}]\n{cells('loan')}\nrules: [{{id: r, when: purchase, if: customer.age > 60, propose: §loan}}]", "can never be made when `r` proposes it"),
    ("never-holds", "rules: [{id: r, when: purchase, if: §'event.type == \"call_started\"', propose: deposit}]", "this never holds when `r` is fired"),
    ("never-holds", "rules: [{id: r, when: purchase, if: §customer.age > 9 && customer.age < 3, propose: deposit}]", "this never holds"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "message"), RULES)
def test_a_rule_in_vain(kind: str, text: str, message: str) -> None:
    result, places = checked(text)
    assert [(each.id, each.position) for each in result.findings] == [(kind, places[0])]
    assert message in result.findings[0].message


@pytest.mark.parametrize(
    "rule",
    [
        "{id: r, when: purchase, if: customer.age > 60, propose: loan, for: 9d}",  # they may be younger tomorrow: facts change
        "{id: r, when: purchase, if: customer.age < 25, propose: loan}",
        "{id: r, when: [purchase, call_started], if: 'event.type == \"purchase\"', propose: deposit}",
    ],
)
def test_a_rule_that_may_do_something(rule: str) -> None:
    assert (
        checked(f"offers: [{loan('eligible: customer.age < 30')}]\n{cells('loan')}\nrules: [{rule}]")[0].findings == ()
    )


WEEK = "{id: w, per: customer, at_most: 2, within: 7d}"
POINTLESS = [
    f"{WEEK}, {{id: o, per: offer, at_most: §5, within: 7d}}",
    f"{WEEK}, {{id: o, per: customer, at_most: §2, within: 1d}}",
    f"{WEEK}, {{id: o, per: customer, at_most: §3, within: {{calendar: day}}}}",
    f"{WEEK}, {{id: o, per: program, at_most: §2, within: 7d, channels: [call]}}",
    f"{WEEK}, {{id: o, per: offer, at_most: §2, within: 7d, including_current: false}}",
    f"{WEEK}, {{id: o, per: customer, at_most: §2, within: 7d}}",
    "{id: o, per: offer, at_most: §5, within: {calendar: week}}, {id: w, per: campaign, at_most: 2, within: 9d}, {id: x, per: customer, at_most: 2, within: {calendar: week}}",
]  # fmt: skip
IN_ORDER = [
    f"{WEEK}, {{id: o, per: offer, at_most: 1, within: 7d}}",
    f"{WEEK}, {{id: o, per: offer, at_most: 5, within: 8d}}",
    f"{WEEK}, {{id: o, per: offer, at_most: 5, within: 7d, counting: decided}}",
    f"{WEEK}, {{id: o, per: customer, at_most: 5, within: {{calendar: month}}}}",
    "{id: w, per: offer, at_most: 2, within: 7d}, {id: o, per: customer, at_most: 5, within: 7d}",
    "{id: w, per: campaign, at_most: 2, within: 7d}, {id: o, per: offer, at_most: 5, within: 7d}",
    "{id: w, per: customer, at_most: 2, within: 7d, channels: [call]}, {id: o, per: customer, at_most: 5, within: 7d}",
    "{id: w, per: offer, at_most: 1, within: 7d, including_current: false}, {id: o, per: offer, at_most: 3, within: 7d}",
]


@pytest.mark.parametrize("caps", POINTLESS)
def test_a_cap_that_another_one_makes_pointless(caps: str) -> None:
    result, places = checked(f"contact_policy: {{caps: [{caps}]}}", BARE)
    assert [(each.id, each.position) for each in result.findings] == [("never-reached", places[0])]
    assert "`o` changes nothing: whenever it is reached" in result.findings[0].message


@pytest.mark.parametrize("caps", IN_ORDER)
def test_caps_that_each_say_something(caps: str) -> None:
    assert checked(f"contact_policy: {{caps: [{caps}]}}", BARE)[0].findings == ()


def test_per_category_covers_per_offer_only_if_every_offer_has_one() -> None:
    caps = "contact_policy: {caps: [{id: w, per: category, at_most: 1, within: 7d}, {id: o, per: offer, at_most: 3, within: 7d}]}"
    some = f"offers: [{loan('category: loans')}]\n{cells('loan')}\n{caps}"
    assert checked(some, BARE)[0].findings == ()
    every = BARE.replace("name: Term deposit", "name: Term deposit\n    category: deposits")
    assert [each.id for each in checked(some, every)[0].findings] == ["never-reached"]


@pytest.mark.parametrize(
    "section",
    [
        "do_not_contact: [{id: a, if: §'true'}]",
        "black_lists: [{id: a, if: §customer.age > 3 || customer.age <= 3, offers: [deposit]}]",
    ],
)
def test_a_list_that_everybody_is_on(section: str) -> None:
    result, places = checked(f"contact_policy: {{{section}}}", BARE)
    assert [(each.id, each.position) for each in result.findings] == [("closed-list", places[0])]


def places_of(text: str, today: date | None = TODAY) -> list[tuple[str, str]]:
    return [(each.id, each.message) for each in check({"a.yaml": text}, today).findings]


def test_a_condition_that_held_once() -> None:
    text = BARE.replace("segments: {", "segments: {early: 'now < timestamp(\"2026-01-31T00:00:00Z\")', ")
    assert [kind for kind, _ in places_of(text)] == ["over"]
    assert places_of(text, None) == []
    assert places_of(text.replace("2026-01-31", "2026-04-30")) == []


NEVER_WINS = [
    f"offers: [{loan('value: 5000')}, {LOAN.replace('id: loan', 'id: §pen')}]\n{cells('loan, pen')}",
    f"offers: [{loan('class: mandatory')}, {LOAN.replace('id: loan', 'id: §pen').replace('name: Loan,', 'name: Pen, value: 90000,')}]\n{cells('loan, pen')}",
]
WINS = [
    f"offers: [{loan('value: 900')}, {LOAN.replace('id: loan', 'id: pen')}]\n{cells('loan, pen')}",  # propensity may be a thousandth
    f"offers: [{loan('value: 5000, eligible: customer.age > 30')}, {LOAN.replace('id: loan', 'id: pen')}]\n{cells('loan, pen')}",
    f"offers: [{loan('value: 5000, ends: 2026-05-01')}, {LOAN.replace('id: loan', 'id: pen')}]\n{cells('loan, pen')}",
    f"offers: [{loan('value: 5000')}, {LOAN.replace('id: loan', 'id: pen').replace('channel: call', 'channel: branch')}]\n{cells('loan, pen')}",
    f"offers: [{loan('value: 5000')}, {LOAN.replace('id: loan', 'id: pen')}]\n{cells('loan, pen')}\nrules: [{{id: r, when: purchase, propose: pen, boost: 10}}]",
    f"offers: [{loan('value: 5000')}, {LOAN.replace('id: loan', 'id: pen')}]\n{cells('loan, pen')}\ncontact_policy: {{cool_downs: [{{after: declined, for: 9d}}]}}",
    f"offers: [{loan('value: 5000')}, {LOAN.replace('id: loan', 'id: pen')}]\ncampaigns: [{{id: a, programs: [{{id: p, cells: [{{id: c, share: 90, offers: [loan, pen]}}, {{id: h, share: 10, holdout: true}}]}}]}}]",
]


@pytest.mark.parametrize("text", NEVER_WINS)
def test_an_offer_that_never_wins(text: str) -> None:
    result, places = checked(text, BARE)
    found = [each for each in in_case(result) if each.id == "never-wins"]
    assert [each.position for each in found] == places
    assert "`loan` is always there, and better" in found[0].message


@pytest.mark.parametrize("text", WINS)
def test_an_offer_that_may_win(text: str) -> None:
    assert not [each for each in in_case(checked(text, BARE)[0]) if each.id == "never-wins"]
