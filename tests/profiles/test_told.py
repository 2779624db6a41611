"""What somebody else tells us about a customer, on no channel, is no visit."""

import pytest

from profiles.errors import BadFields
from profiles.fold import fold
from profiles.profile import Profile
from schemas.interaction import to_cloud_event
from tests.builders import definition, interaction

TOLD = interaction("identify", channel="", data={"city": "Porto"})


def test_an_identify_may_come_without_a_channel() -> None:
    typed = definition().typed(TOLD)
    assert typed.channel == ""
    assert "channel" not in to_cloud_event(typed)


def test_no_session_begins_and_an_open_one_goes_on_as_it_was() -> None:
    known = definition()
    told = fold(Profile(), TOLD, known)
    assert (told.attributes, told.sessions) == ({"city": "Porto"}, {})
    visit = fold(Profile(), interaction(), known)
    assert fold(visit, TOLD, known).sessions == visit.sessions


def test_what_happens_to_a_customer_on_no_channel_is_no_visit_either() -> None:
    known = definition(interactions={"bill": {"channel": "none"}}, features={}, session={})
    typed = known.typed(interaction("bill", channel=""))
    assert typed.channel == ""
    assert fold(Profile(), typed, known).sessions == {}
    assert "none" not in known.channels


def test_only_a_type_of_the_policy_says_that_there_is_no_channel() -> None:
    with pytest.raises(BadFields, match="no channel `none`"):
        definition().typed(interaction("purchase", channel="none", data={"amount": 1.0}))


def test_anything_else_needs_the_channel_of_its_type_or_its_own() -> None:
    assert definition().typed(interaction("purchase", channel="", data={"amount": 1.0})).channel == "web"
    nowhere = definition(interactions={"purchase": {}}, features={}, session={})
    with pytest.raises(BadFields, match="`purchase` needs a channel"):
        nowhere.typed(interaction("purchase", channel=""))
