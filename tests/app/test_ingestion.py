"""What is taken in: nobody may say what only Opportune says, and tags need no channel."""

import pytest

from consumers.accepting import MOST_EVENT_BYTES, accepted, record_of
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


def test_an_event_that_is_too_large_for_the_log_is_refused() -> None:
    tags = ["x" * 1_000] * (MOST_EVENT_BYTES // 1_010)
    assert record_of(interaction("tagged", id="t-1", data={"tags": tags})).body
    with pytest.raises(BadFields, match=r"the event has 1,009,[0-9]{3} bytes; at most 1,000,000 are taken"):
        record_of(interaction("tagged", id="t-2", data={"tags": [*tags, *tags[:16]]}))
