"""What the ledger says that keeps us silent for a while: cool-downs, suppressions, contacts on another channel.

Each function gives, by what of the catalogue it is about, the sentence that says why. Nothing here counts the contact
that is being decided.
"""

from collections.abc import Iterable, Sequence

from rules.counting import Key, Reading
from schemas.contact import PRESENTED, UNANSWERED, ChannelPriority, CoolDown, Suppression
from schemas.ledger import LedgerEntry

Silence = dict[Key, str]


def cooling(rule: CoolDown, entries: Iterable[LedgerEntry], reading: Reading, now_ms: int) -> Silence:
    found: Silence = {}
    after, since_ms, key_of = rule.after, now_ms - rule.lasting, reading.key_of(rule.per)
    for entry in entries:
        known = entry.known_outcomes()
        if after in known and known[after] > since_ms:
            found.setdefault(key_of(entry), f"{after} on offer {entry.offer}")
    return found


def held_back(rule: ChannelPriority, entries: Iterable[LedgerEntry], reading: Reading, now_ms: int) -> Silence:
    found: Silence = {}
    key_of = reading.key_of(rule.per)
    for entry in entries:
        if entry.channel != rule.channel or entry.transactional or entry.withheld or entry.same_contact:
            continue
        contact = reading.counted_ms(PRESENTED, entry, now_ms)
        if contact is not None and contact + rule.lasting > now_ms:
            found.setdefault(key_of(entry), f"{rule.id}: {rule.channel} goes first")
    return found


def suppressed(rule: Suppression, entries: Sequence[LedgerEntry], reading: Reading, now_ms: int) -> Silence:
    found: Silence = {}
    if len(entries) < rule.after:
        return found
    concerned = _by_key(rule, entries, reading)
    for key, about in concerned.items():
        if len(about) >= rule.after:  # as few are
            times = _unanswered(about, reading) if rule.of == UNANSWERED else _happened(rule.of, about)
            if _lasts_ms(rule, sorted(times)) > now_ms:
                found[key] = f"{rule.id}: {rule.after} {rule.of}"
    return found


def _by_key(rule: Suppression, entries: Iterable[LedgerEntry], reading: Reading) -> dict[Key, list[LedgerEntry]]:
    """Nothing if no key can have as many as it takes."""
    made = [each for each in entries if not each.withheld and (not rule.channels or each.channel in rule.channels)]
    keys = list(map(reading.key_of(rule.per), made))
    found: dict[Key, list[LedgerEntry]] = {}
    if len(keys) - len(set(keys)) + 1 >= rule.after:
        for key, entry in zip(keys, made, strict=True):
            found.setdefault(key, []).append(entry)
    return found


def _happened(outcome: str, entries: Iterable[LedgerEntry]) -> list[int]:
    """Once for each proposal, however many channels it was handed on to."""
    found: dict[str, int] = {}
    for entry in entries:
        known = entry.known_outcomes()
        if outcome in known:
            root = entry.root
            found[root] = min(known[outcome], found.get(root, known[outcome]))
    return list(found.values())


def _unanswered(entries: Sequence[LedgerEntry], reading: Reading) -> list[int]:
    """When they were seen that nobody reacted to, since the last reaction to any of them."""
    reacted = [(reading.reacted_ms(entry), entry) for entry in entries]
    latest = max((at for at, _ in reacted if at is not None), default=-1)
    seen = [_seen_ms(reading, entry) for at, entry in reacted if at is None and not entry.transactional]
    return [at for at in seen if at is not None and at > latest]


def _seen_ms(reading: Reading, entry: LedgerEntry) -> int | None:
    """When it was seen; what may still be seen was not."""
    return reading.counted_ms(PRESENTED, entry, entry.until_ms)


def _lasts_ms(rule: Suppression, times: Sequence[int]) -> int:
    """When the silence ends that the latest of these times began; 0 for none."""
    first = rule.after - 1
    ends = (last + rule.lasting for at, last in enumerate(times[first:]) if last - times[at] <= rule.within)
    return max(ends, default=0)
