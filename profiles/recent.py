"""The latest interactions of a profile, as they are kept. Pure.

`{"page_view|web|shop": [40000, 60000], …}`: by `type|channel|source` the milliseconds from the newest of them to the
newest interaction of all (the profile's `last`), then from each to the one before. What is added is mostly the newest:
then all others move back by one step, and nothing needs to be taken apart.
"""

from collections.abc import Iterable, Mapping, Sequence

from schemas.interaction import Interaction

KEPT_INTERACTIONS = 10
"""How many a profile shows."""

Recent = tuple[int, str, str, str]
"""(time, type, channel, source)"""
Groups = dict[str, list[int]]


def with_one_more(groups: Groups, interaction: Interaction, last_ms: int | None) -> Groups:
    """`last_ms`: the time of the newest interaction before this one."""
    at_ms = interaction.at_ms
    if last_ms is None or at_ms <= last_ms:
        newest_ms = at_ms if last_ms is None else last_ms
        entry = (at_ms, interaction.type, interaction.channel, interaction.source)
        return grouped((*ungrouped(groups, newest_ms), entry), newest_ms)
    step, amount, found = at_ms - last_ms, 1, {}
    for name, gaps in groups.items():
        found[name] = [gaps[0] + step, *gaps[1:]]
        amount += len(gaps)
    name = f"{interaction.type}|{interaction.channel}|{interaction.source}"
    before = found.get(name)
    found[name] = [0, *before] if before else [0]
    return found if amount <= KEPT_INTERACTIONS else _without_oldest(found)


def _without_oldest(groups: Groups) -> Groups:
    oldest, age = "", -1
    for name, gaps in groups.items():
        back = sum(gaps)
        if back > age or (back == age and name.split("|", 2) < oldest.split("|", 2)):  # as `ungrouped` sorts them
            oldest, age = name, back
    groups[oldest].pop()
    if not groups[oldest]:
        del groups[oldest]
    return groups


def grouped(recent: Iterable[Recent], last_ms: int) -> Groups:
    """Of as many as a profile shows, in any order."""
    groups: Groups = {}
    after: dict[str, int] = {}
    for at_ms, kind, channel, source in sorted(recent, reverse=True)[:KEPT_INTERACTIONS]:
        name = f"{kind}|{channel}|{source}"
        groups.setdefault(name, []).append(after.get(name, last_ms) - at_ms)
        after[name] = at_ms
    return groups


def ungrouped(groups: Mapping[str, Sequence[int]], last_ms: int) -> tuple[Recent, ...]:
    """Newest first."""
    found: list[Recent] = []
    for name, gaps in groups.items():
        kind, channel, source = name.split("|", 2)
        at_ms = last_ms
        for gap in gaps:
            at_ms -= gap
            found.append((at_ms, kind, channel, source))
    found.sort(reverse=True)
    return tuple(found)
