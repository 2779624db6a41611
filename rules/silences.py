"""What the ledger says that keeps us silent for a while: cool-downs, suppressions, contacts on another channel.

Each function gives, by what of the catalogue it is about, the sentence that says why. Nothing here counts the contact
that is being decided.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from rules.counting import Key, Reading
from schemas.contact import PRESENTED, UNANSWERED, ChannelPriority, CoolDown, Suppression
from schemas.ledger import LedgerEntry

Silence = dict[Key, str]


def cooling(rule: CoolDown, entries: Iterable[LedgerEntry], reading: Reading, now_ms: int) -> Silence:
    found: Silence = {}
    for entry in entries:
        since = entry.known_outcomes().get(rule.after)
        if since is not None and since + rule.lasting > now_ms:
            found.setdefault(reading.key(rule.per, entry), f"{rule.after} on offer {entry.offer}")
    return found


def held_back(rule: ChannelPriority, entries: Iterable[LedgerEntry], reading: Reading, now_ms: int) -> Silence:
    found: Silence = {}
    for entry in entries:
        if entry.channel != rule.channel or entry.transactional or entry.withheld:
            continue
        contact = reading.counted_ms(PRESENTED, entry, now_ms)
        if contact is not None and contact + rule.lasting > now_ms:
            found.setdefault(reading.key(rule.per, entry), f"{rule.id}: {rule.channel} goes first")
    return found


def suppressed(rule: Suppression, entries: Iterable[LedgerEntry], reading: Reading, now_ms: int) -> Silence:
    counted: defaultdict[Key, list[int]] = defaultdict(list)
    reactions: dict[Key, int] = {}
    for entry in entries:
        if entry.withheld or (rule.channels and entry.channel not in rule.channels):
            continue
        key = reading.key(rule.per, entry)
        if rule.of != UNANSWERED:
            counted[key] += [at for name, at in entry.known_outcomes().items() if name == rule.of]
            continue
        reacted, seen = reading.reacted_ms(entry), _seen_ms(reading, entry)
        if reacted is not None:
            reactions[key] = max(reacted, reactions.get(key, reacted))
        elif seen is not None and not entry.transactional:
            counted[key].append(seen)
    said = f"{rule.id}: {rule.after} {rule.of}"
    return {
        key: said
        for key, times in counted.items()
        if _lasts_ms(rule, sorted(at for at in times if at > reactions.get(key, -1))) > now_ms
    }


def _seen_ms(reading: Reading, entry: LedgerEntry) -> int | None:
    """When it was seen; what may still be seen was not."""
    return reading.counted_ms(PRESENTED, entry, entry.until_ms)


def _lasts_ms(rule: Suppression, times: Sequence[int]) -> int:
    """When the silence ends that the latest of these times began; 0 for none."""
    first = rule.after - 1
    ends = (last + rule.lasting for at, last in enumerate(times[first:]) if last - times[at] <= rule.within)
    return max(ends, default=0)
