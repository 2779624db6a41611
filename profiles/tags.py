"""Tags: what `tagged` and `untagged` say of a customer. Pure.

For each tag the latest statement by event time counts, whichever arrives last; of two in the same millisecond `tagged`.
State: `{tag: time}`, the time negative if the tag was taken away, of the tags with the latest statements. Two states
are joined by taking the later statement on each tag.
"""

from collections.abc import Mapping

from schemas.interaction import TAGGED, UNTAGGED, Interaction

MOST_TAGS = 50
"""Statements that are kept, those that took a tag away included."""
LONGEST_TAG = 80
"""Longer ones are cut."""


def tagged(tags: dict[str, int], interaction: Interaction) -> dict[str, int]:
    """The tags after an interaction of any type."""
    if interaction.type not in (TAGGED, UNTAGGED):
        return tags
    at_ms = max(interaction.at_ms, 1)  # so that it has a sign
    said = dict.fromkeys(
        (tag[:LONGEST_TAG] for tag in interaction.data["tags"]), at_ms if interaction.type == TAGGED else -at_ms
    )
    return joined_tags(tags, said)


def joined_tags(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """The latest statement on each tag, of the tags with the latest; the order of joining does not matter."""
    latest = {tag: max(one.get(tag, 0), other.get(tag, 0), key=_later) for tag in {**one, **other}}
    kept = sorted(latest, key=lambda tag: (*_later(latest[tag]), tag), reverse=True)[:MOST_TAGS]
    return {tag: latest[tag] for tag in sorted(kept)}


def _later(said_ms: int) -> tuple[int, int]:
    return abs(said_ms), said_ms


def held(tags: Mapping[str, int]) -> list[str]:
    """The tags that the customer has, sorted."""
    return sorted(tag for tag, said_ms in tags.items() if said_ms > 0)
