"""The telecom's example: sound, everything in it is written down, and its customers load into stages and quadrants."""

import csv
import gzip
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from app import ROOT
from app.checking import Report, check_folder
from app.examples import mismatches
from consumers.live import LivePolicy
from profiles import keys
from rules.policy import check, read_folder
from rules.reasons import Reason
from schemas.base import moment
from schemas.policy import Policy
from tests.examples.loaded import by_segment, by_stage, published, seen

pytestmark = pytest.mark.anyio

TELECOM = ROOT / "examples" / "telecom-retention"
DATA = TELECOM / "data" / "Telco-Customer-Churn.csv.gz"
CUSTOMERS = 7_043
LEFT = 1_869
NOT_WRITTEN_DOWN = {
    Reason.NOT_LIVE,  # no campaign has dates
    Reason.ELIGIBILITY_UNKNOWN,  # every condition says what an unknown fact means
    Reason.APPLICABILITY_UNKNOWN,
    Reason.SUITABILITY_UNKNOWN,
    Reason.DUPLICATE_OFFER,  # no offer is in two programs
    Reason.BLACK_LISTED,  # it has no such list,
    Reason.CONTACT_REQUIREMENT,  # no requirement beside consent
    Reason.CHANNEL_PRIORITY,  # and no channel that goes first
    Reason.SETTLED,  # cool-downs say more
    Reason.DIVERSITY,  # no offer has a category
}


@pytest.fixture(scope="module")
def report() -> Report:
    return check_folder(TELECOM, int(time.time() * 1000))


@pytest.fixture(scope="module")
def policy(report: Report) -> Policy:
    assert report.policy is not None
    return report.policy.ruleset.policy


def test_the_policy_has_no_finding_and_its_examples_hold(report: Report) -> None:
    assert [str(finding) for finding in report.findings] == []
    assert report.ok
    assert report.examples >= 20
    assert report.delegated == 0


def test_every_stage_and_every_segment_is_in_an_example(policy: Policy) -> None:
    assert {each.then.stage for each in policy.examples} - {None} == set(policy.stages)
    written = {segment for each in policy.examples for segment in each.then.segments or ()}
    assert written == set(policy.segments)


def test_whatever_a_rule_does_is_done_in_an_example(policy: Policy) -> None:
    done = {(each.rule, each.kind) for example in policy.examples for each in example.then.actions or ()}
    assert done == {(rule.id, act.kind) for rule in policy.rules for act in rule.act}


def test_every_offer_is_made_in_an_example(policy: Policy) -> None:
    """By a decision, or as a rule's message."""
    made = {offer for example in policy.examples for offer in example.then.offers or ()}
    assert made == {offer.id for offer in policy.offers}


class Yaml12(yaml.SafeLoader):
    """`on` is a word, as Opportune reads it."""


Yaml12.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if first not in "oOyYnN" or not tag.endswith(":bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def without_a_part() -> Iterator[tuple[str, dict[str, Any]]]:
    """The policy's sections with one rule that never holds, or one sentence of the contact policy less."""
    whole: dict[str, Any] = {}
    for text in read_folder(TELECOM).values():
        whole |= yaml.load(text, Yaml12)
    for at, rule in enumerate(whole["rules"]):
        rules = [*whole["rules"]]
        rules[at] = {**rule, "if": 'customer.id == "nobody"'}
        yield rule["id"], {**whole, "rules": rules}
    for section in ("do_not_contact", "quiet_hours", "suppressions", "cool_downs", "caps"):
        contact = whole["contact_policy"]
        for at, each in enumerate(contact[section]):
            less = {**contact, section: [*contact[section][:at], *contact[section][at + 1 :]]}
            yield f"{section}: {each}", {**whole, "contact_policy": less}


def test_without_any_of_its_rules_and_contact_policy_an_example_fails() -> None:
    """So each is in an example that notices whether it is there."""
    now_ms = int(time.time() * 1000)
    unnoticed = []
    for part, sections in without_a_part():
        checked = check({"policy.yaml": yaml.safe_dump(sections, sort_keys=False)})
        assert checked.ok, [str(each) for each in checked.findings]
        live = LivePolicy.compiled(checked)
        if not any(mismatches(each, live, now_ms) for each in live.ruleset.policy.examples):
            unnoticed.append(part)
    assert unnoticed == []


def test_every_reason_that_the_policy_can_give_is_in_an_example(policy: Policy) -> None:
    written = {reason for example in policy.examples for reason in example.then.reasons.values()}
    assert written == {reason.value for reason in set(Reason) - NOT_WRITTEN_DOWN}


def ids() -> list[str]:
    with gzip.open(DATA, "rt") as file:
        return [f"customer:{row['customerID']}" for row in csv.DictReader(file)]


async def test_its_customers_load_into_stages_and_quadrants(redis_url: str) -> None:
    """Without any option: every column has its attribute."""
    async with published(TELECOM, redis_url) as store:
        loaded = (await store.load(DATA)).load
        await store.until_folded(CUSTOMERS)
        views = await seen(store, ids())
    assert (loaded.accepted, loaded.bad) == (CUSTOMERS, 0)
    assert by_stage(views) == {"onboarding": 359, "growth": 1_449, "maturity": 3_366, "decline": LEFT}
    segments = by_segment(views)
    quadrants = {name: segments[name] for name in ("stars", "loyal", "promising", "occasional")}
    assert quadrants == {"stars": 1_362, "loyal": 1_554, "promising": 1_310, "occasional": 2_817}
    assert sum(quadrants.values()) == CUSTOMERS
    assert (segments["left"], segments["at-risk"]) == (LEFT, 1_725)
    # one transition each, from none: a load is no reason to call anybody
    assert all(len(each.stages) == 1 and not each.ledger["proposals"] for each in views)
    failed = {name: (count.failed, count.not_evaluable) for name, count in loaded.quality.expectations.items()}
    assert failed == {
        "has_total": (11, 0),
        "blank_only_before_the_first_bill": (0, 0),
        "total_fits_the_months": (28, 11),
        "plausible_tenure": (0, 0),
        "plausible_charges": (0, 0),
        "extras_need_internet": (0, 0),
        "lines_need_a_phone": (0, 0),
        "contract_end_is_known": (3_168, 0),
    }
    assert loaded.quality.filled["total_charges"] == CUSTOMERS - 11


SECOND = "customer,birth_date,contract_end,consent_sms\nada,1990-03-10,2058-05-01,yes\n"


async def test_a_second_file_sets_the_timers_of_birthday_and_renewal(redis_url: str, tmp_path: Path) -> None:
    """At ten by the clocks of Los Angeles, in summer and in winter."""
    file = tmp_path / "second.csv"
    file.write_text(SECOND)
    async with published(TELECOM, redis_url) as store:
        await store.load(file)
        await store.until_folded(1)
        key = keys.timers(store.parts.store.shard("customer:ada"))
        found: Any = await store.parts.redis.zrange(key, 0, -1, withscores=True)
    zone = ZoneInfo("America/Los_Angeles")
    due = {name.decode().partition("|")[2]: moment(int(at_ms)).astimezone(zone) for name, at_ms in found}
    birthday = due.pop("at:birthday")
    assert (birthday.month, birthday.day, birthday.hour) == (3, 10, 10)
    assert due.pop("at:contract-renewal") == datetime(2058, 4, 1, 10, tzinfo=zone)
    assert due.pop("at:contract-ends") == datetime(2058, 4, 24, 0, tzinfo=zone)
    assert list(due) == ["review"]
