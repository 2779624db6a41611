"""The example policy: without a finding, and its written examples cover what it can do."""

import time

import pytest

from app.checking import Report, check_folder
from examples.bank_contact_centre.service import POLICY
from rules.reasons import Reason
from schemas.policy import Policy

NOT_WRITTEN_DOWN = {
    Reason.ELIGIBILITY_UNKNOWN,  # every condition says what an unknown fact means
    Reason.APPLICABILITY_UNKNOWN,
    Reason.SUITABILITY_UNKNOWN,
    Reason.CONTACT_UNKNOWN,
    Reason.DUPLICATE_OFFER,  # no two programs share a client
    # what this policy does without
    Reason.INVENTORY,
    Reason.DO_NOT_CONTACT,
    Reason.BLACK_LISTED,
    Reason.NO_CONSENT,
    Reason.QUIET_HOURS,
    Reason.CHANNEL_PRIORITY,
    Reason.SUPPRESSED,
    Reason.SETTLED,
    Reason.EXCLUDED,
    Reason.DIVERSITY,
}


@pytest.fixture(scope="module")
def report() -> Report:
    return check_folder(POLICY, int(time.time() * 1000))


@pytest.fixture(scope="module")
def policy(report: Report) -> Policy:
    assert report.policy is not None
    return report.policy.ruleset.policy


def test_the_policy_has_no_finding_but_one_and_its_examples_hold(report: Report) -> None:
    """It keeps a campaign that is over on purpose."""
    assert [(finding.id, finding.severity) for finding in report.findings] == [("over", "warning")]
    assert report.ok
    assert report.examples >= 10


def test_every_offer_of_a_live_campaign_is_made_in_an_example(policy: Policy) -> None:
    made = {offer for example in policy.examples for offer in example.then.offers or ()}
    live = {
        offer
        for campaign in policy.campaigns
        if campaign.ends is None
        for program in campaign.programs
        for cell in program.cells
        for offer in cell.offers
    }
    assert made == live


def test_every_reason_that_the_policy_can_give_is_in_an_example(policy: Policy) -> None:
    written = {reason for example in policy.examples for reason in example.then.reasons.values()}
    assert written == {reason.value for reason in set(Reason) - NOT_WRITTEN_DOWN}


def test_the_programs_of_the_campaign_have_cells_and_a_holdout(policy: Policy) -> None:
    deposits = next(campaign for campaign in policy.campaigns if campaign.id == "term-deposit")
    for program in deposits.programs:
        assert sum(cell.share for cell in program.cells) == 100
        assert len([cell for cell in program.cells if not cell.holdout]) >= 2
        assert len([cell for cell in program.cells if cell.holdout]) == 1


def test_only_offers_that_the_file_answers_are_worded_for_agents(policy: Policy) -> None:
    for offer in policy.offers:
        on_call = any(treatment.channel == "call" for treatment in offer.treatments)
        assert on_call == offer.id.endswith("-deposit")
