"""What is taken in: nobody may say what only Opportune says, and tags need no channel."""

import pytest

from consumers.accepting import accepted
from profiles.errors import BadFields
from schemas.interaction import OUR_OWN
from tests.builders import NOON_MS, interaction, live

POLICY = live()


@pytest.mark.parametrize("kind", sorted(OUR_OWN))
def test_what_opportune_says_itself_is_refused(kind: str) -> None:
    with pytest.raises(BadFields, match=f"`{kind}` is sent by Opportune only"):
        accepted(interaction(kind), POLICY, NOON_MS)


@pytest.mark.parametrize("kind", ["tagged", "untagged"])
def test_tags_need_no_channel_and_a_channel_that_is_given_is_checked(kind: str) -> None:
    event = accepted(interaction(kind, channel="", data={"tags": ["vip"]}), POLICY, NOON_MS)
    assert (event.channel, event.data) == ("", {"tags": ["vip"]})
    assert accepted(interaction(kind, channel="web", data={"tags": []}), POLICY, NOON_MS).channel == "web"
    with pytest.raises(BadFields, match="no channel `wep`"):
        accepted(interaction(kind, channel="wep", data={"tags": []}), POLICY, NOON_MS)
    with pytest.raises(BadFields, match="needs the field `tags`"):
        accepted(interaction(kind, channel=""), POLICY, NOON_MS)
