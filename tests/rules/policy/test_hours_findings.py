"""Hours that leave no time, and rules whose time has passed."""

from datetime import date

import pytest
import yaml

from rules.policy import check
from tests.builders import CATALOGUE, SHOP

TODAY = date(2026, 3, 10)


def found(**sections: object) -> list[tuple[str, str]]:
    text = yaml.safe_dump({**SHOP, **CATALOGUE, **sections}, sort_keys=False)
    return [(each.id, each.severity) for each in check({"p.yaml": text}, TODAY).findings]


def hours(*spans: tuple[str, str], **more: object) -> dict[str, object]:
    quiet = [{"id": f"q{n}", "from": start, "until": until, **more} for n, (start, until) in enumerate(spans)]
    return {"contact_policy": {"quiet_hours": quiet}}


ALL_DAY = (("20:00", "09:00"), ("09:00", "20:00"))
WEEKEND = {"id": "weekend", "from": "09:00", "until": "20:00", "days": ["sat", "sun"]}


def test_quiet_hours_that_leave_no_minute_of_the_week() -> None:
    assert found(**hours(*ALL_DAY)) == [("closed-hours", "warning")]
    assert found(**hours(*ALL_DAY, channels=["web"])) == [("closed-hours", "warning")]


@pytest.mark.parametrize(
    "sections",
    [
        hours(("20:00", "09:00"), ("09:00", "19:59")),
        hours(*ALL_DAY, channels=["call"]),
        hours(*ALL_DAY, spares=["transactional"]),
        hours(*ALL_DAY, days=["mon", "tue", "wed", "thu", "fri", "sat"]),
        {"contact_policy": {"quiet_hours": [{"id": "night", "from": "20:00", "until": "09:00"}, WEEKEND]}},
    ],
)
def test_quiet_hours_that_leave_some(sections: dict[str, object]) -> None:
    assert "closed-hours" not in dict(found(**sections))


def rule(at: str, **more: object) -> dict[str, object]:
    return {"rules": [{"id": "r", "when": {"at": at, **more}, "propose": "mug", "for": "1d"}]}


def test_a_rule_whose_time_has_passed() -> None:
    assert found(**rule('timestamp("2026-03-09T23:00:00Z")')) == [("over", "warning")]


@pytest.mark.parametrize(
    "sections",
    [
        rule('timestamp("2026-03-10T00:00:00Z")'),
        rule('timestamp("2020-01-01T00:00:00Z")', every="year"),
        rule("customer.since"),
    ],
)
def test_a_rule_whose_time_may_come(sections: dict[str, object]) -> None:
    assert found(**sections) == []
