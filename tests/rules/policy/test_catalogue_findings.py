"""Every finding about issues, diversity and the catalogue, at its exact place. `§` marks where it must point."""

# ruff: noqa: E501 (tables)

from datetime import date

import pytest
import yaml

from rules.policy import check
from tests.builders import CATALOGUE as OFFERS
from tests.builders import SHOP
from tests.rules.policy.samples import BASE, checked, in_case

TREATED = "programs: [{id: p, cells: [{id: c, share: 100, offers: [deposit]}]}]"
FINDINGS = [
    ("unknown-issue", f"issues: {{growth: {{lever: 3}}}}\ncampaigns: [{{id: a, issue: §growht, {TREATED}}}]", "there is no issue `growht`"),
    ("no-effect", "issues: {§growth: {lever: 3}}", "no campaign is for the issue `growth`"),
    ("less-than-equal", "issues: {growth: {lever: §901}}", "`lever` should be less than or equal to 900"),
    ("no-effect", "arbitration: {at_most_per_category: §2}", "no offer has a `category`"),
    ("name-taken", "holdout: {share: 2}\ncampaigns: [{id: a, programs: [{id: p, cells: [{id: c, share: 90, offers: [deposit]}, {id: §holdout, share: 10, holdout: true}]}]}]", "cannot be called `holdout`"),
    ("no-holdout", "examples: [{name: x, given: {§held_out: true}, when: {channel: call, placement: main}, then: {}}]", "no universal holdout"),
    ("no-default", "placements: {main: {default: §loan}}\noffers: [{id: loan, name: x, always: true, treatments: [{id: t, channel: call, placement: main, content: {script: 'Dear {customer.age}'}}]}]", "no treatment for `main` that names no facts"),
    ("no-default", "placements: {side: {default: §deposit}}", "no treatment for `side`"),
    ("unknown-offer", "placements: {main: {default: §deposti}}", "there is no offer `deposti`"),
    ("default-asked", "placements: {main: {default: §loan}}\noffers: [{id: loan, name: x, always: true, ends: 2030-01-01, treatments: [{id: t, channel: call, placement: main, content: {script: x}}]}]", "`loan` has `ends`"),
    ("hand-over-window", "outcomes: {sent: {class: neutral, implies: [shown], hand_over: {to: call, for: §500d}}, shown: {class: impression}}", "longer than decisions are remembered"),
    ("hand-over-ended", "outcomes: {sent: {class: neutral, ends: true, implies: [shown], §hand_over: {to: call, for: 2d}}, shown: {class: impression}}", "there is nothing to hand over after it"),
    ("no-impression", "outcomes: {sent: {class: neutral, §hand_over: {to: call, for: 2d}}}", "nobody has seen"),
    ("unknown-channel", "outcomes: {sent: {class: neutral, implies: [shown], hand_over: {to: [call, §fax], for: 2d}}, shown: {class: impression}}", "no treatment uses the channel `fax`"),
    ("less-than", "holdout: {share: §100}", "`share`"),
    ("greater-than-equal", "arbitration: {at_most_per_category: §0}", "`at_most_per_category`"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "message"), FINDINGS)
def test_a_finding_at_its_place(kind: str, text: str, message: str) -> None:
    result, places = checked(text)

    found = [each for each in in_case(result) if each.id == kind]
    assert [each.position for each in found] == places, "\n".join(map(str, result.findings))
    assert message in found[0].message


def offer(more: str, name: str = "loan") -> str:
    content = "content: {script: x}"
    where = f"channel: call, placement: main, {content}"
    return f"{{id: {name}, name: {name}, always: true, treatments: [{{id: t, {where}}}], {more}}}"


def campaigns(more: str = "", program: str = "", offers: str = "loan") -> str:
    cells = f"cells: [{{id: c, share: 100, offers: [{offers}]}}]"
    return f"campaigns: [{{id: a, {more} programs: [{{id: p, {program} {cells}}}]}}]"


PLACE = "channel: call, placement: main"
LOAN = offer("value: 2")
CATALOGUE = [
    ("unknown-offer", f"offers: [{offer('bundle: [deposit, §lon]')}]\n{campaigns()}", "there is no offer `lon`"),
    ("value-error", f"offers: [{offer('bundle: §[deposit]')}]\n{campaigns()}", "`bundle` names two or more other offers"),
    ("value-error", f"offers: [{offer('bundle: §[deposit, loan]')}]\n{campaigns()}", "`bundle` names two or more"),
    ("nested-bundle", f"offers: [{offer('bundle: [deposit, pen]')}, {LOAN.replace('loan', 'pen')}, {offer('bundle: [§loan, pen]', 'all')}]\n{campaigns(offers='loan, pen, all')}", "`loan` is a bundle itself"),
    ("no-effect", f"offers: [{offer('exclusive_group: §one')}]\n{campaigns()}", "the only offer of the group `one`"),
    ("dates", f"offers: [{offer('starts: 2026-05-01, ends: §2026-04-30')}]\n{campaigns()}", "`loan` ends on 2026-04-30, before"),
    ("dates", f"offers: [{LOAN}]\n{campaigns(program='starts: 2026-05-01, ends: §2026-04-30,')}", "`p` ends on 2026-04-30"),
    ("never-live", f"offers: [{offer('ends: §2026-04-30')}]\n{campaigns('starts: 2026-05-01,')}", "`loan` is never live in `a`, which starts on 2026-05-01"),
    ("never-live", f"offers: [{offer('starts: §2026-07-01')}]\n{campaigns(program='ends: 2026-06-30,')}", "`loan` is never live in `p`"),
    ("never-live", f"offers: [{LOAN}]\n{campaigns('ends: 2026-05-01,', 'starts: §2026-05-02,')}", "`p` is never live in `a`"),
    ("less-than-equal", f"offers: [{offer('inventory: §2000000000000')}]\n{campaigns()}", "`units` should be less"),
    ("sold-out", f"offers: [{offer('inventory: §0')}]\n{campaigns()}", "`loan` is never made: its inventory is 0"),
    ("no-effect", f"offers: [{LOAN}]\n{campaigns('budget: §50,')}", "the budget of `a` has no effect: none of its offers has a `cost`"),
    ("sold-out", f"offers: [{offer('cost: 51')}]\n{campaigns('budget: §50,')}", "`loan` is never made in `a`: it costs 51"),
    ("never-made", f"offers: [{{id: loan, name: x, always: true, treatments: [{{id: t, {PLACE}, content: {{s: x}}}}, {{id: §u, {PLACE}, content: {{s: y}}}}]}}]\n{campaigns()}", "`u` is never made: `t` always comes before it"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "message"), CATALOGUE)
def test_the_catalogue(kind: str, text: str, message: str) -> None:
    test_a_finding_at_its_place(kind, text, message)


def test_a_text_points_at_the_very_name() -> None:
    text = "offers: [{id: loan, name: x, always: true, treatments: [{id: t, channel: call, placement: main,"
    result, places = checked(f'{text} content: {{s: "Dear §{{customer.nme}}"}}}}]}}]\n{campaigns()}')
    assert [(each.id, each.position) for each in result.findings] == [("text", places[0])]


def test_what_is_over_is_said_where_today_is_known() -> None:
    text = f"{BASE}\n".replace("  - id: spring\n", "  - id: spring\n    ends: 2026-03-09\n")
    assert check({"a.yaml": text}).findings == ()
    assert check({"a.yaml": text}, date(2026, 3, 9)).findings == ()
    (finding,) = check({"a.yaml": text}, date(2026, 3, 10)).findings
    assert (finding.severity, finding.id) == ("warning", "over")
    assert finding.message == "`spring` is over: it ended on 2026-03-09"


def test_what_no_outcome_confirms_is_never_used_up() -> None:
    text = f"offers: [{offer('inventory: {units: 5, confirm: §accepted}')}]\n{campaigns()}"
    result, places = checked(text, BASE.replace("accepted: {class: positive", "accepted: {class: neutral"))
    (found,) = [each for each in result.findings if each.id == "never-confirmed"]
    assert [found.position] == places
    assert "`accepted` is an outcome of the class `positive`, and none has it" in found.message


def test_a_holdout_that_keeps_nothing_back() -> None:
    offers = [{**each, "class": "mandatory"} for each in OFFERS["offers"]]
    text = yaml.safe_dump({"holdout": {"share": 2}, **SHOP, **OFFERS, "offers": offers}, sort_keys=False)
    found = [str(each) for each in check({"policy.yaml": text}).findings if each.id == "no-effect"]
    assert len(found) == 1
    assert "policy.yaml:2:" in found[0]
    assert "`standard` offers, and there are none" in found[0]
