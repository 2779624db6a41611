"""The latest interactions, kept as distances: whatever arrives in whatever order, they are the latest of all."""

from hypothesis import given
from hypothesis import strategies as st

from profiles.recent import KEPT_INTERACTIONS, Groups, grouped, ungrouped, with_one_more
from schemas.interaction import Interaction
from tests.builders import NOON_MS, interaction

EVENTS = st.lists(
    st.builds(
        lambda at, kind, channel, source: interaction(kind, NOON_MS + at, channel=channel, source=source),
        st.integers(0, 12),
        st.sampled_from(["page_view", "page", "purchase"]),
        st.sampled_from(["web", "", "web_2"]),
        st.sampled_from(["shop", "a|b"]),
    ),
    max_size=25,
)


@given(EVENTS)
def test_the_latest_of_all_are_kept_newest_first(events: list[Interaction]) -> None:
    groups: Groups = {}
    last_ms: int | None = None
    arrived = []
    for each in events:
        groups = with_one_more(groups, each, last_ms)
        last_ms = max(each.at_ms, last_ms or 0)
        arrived.append((each.at_ms, each.type, each.channel, each.source))
        found = ungrouped(groups, last_ms)
        assert found == tuple(sorted(arrived, reverse=True)[:KEPT_INTERACTIONS])
        assert grouped(found, last_ms) == groups
