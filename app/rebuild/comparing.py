"""What of two customers, timers and scorecards differs. Pure.

Left aside is what only the API has written and the log has not confirmed yet (reservations, outcomes under `said`),
what follows from the moment of a decision rather than from the log (`until_ms`), and in which order identities were
seen: after an outage, partitions of Kafka are read beside each other in another order than later.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from msgspec.structs import replace

from profiles.definition import KEPT_IDENTITIES
from profiles.erasure import ERASED
from profiles.fold import IDENTITY_CHARACTERS
from profiles.log_stream import TAKEN_IN
from schemas.ledger import Ledger

Fields = Mapping[bytes, bytes]
"""A customer's key as Redis has it."""
NOTHING_BUT = {"marks", "seen"}
"""What a profile may hold of somebody of whom nothing is known."""
NOT_COMPARED = ("until_ms", "said")


def differences(live: Fields, rebuilt: Fields) -> dict[str, tuple[Any, Any]]:
    """(live, rebuilt) by field, such as `profile.features`; empty if both say the same."""
    one, other = comparable(live), comparable(rebuilt)
    names = dict.fromkeys((*one, *other))
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}


def comparable(fields: Fields) -> dict[str, Any]:
    """Every field by name; profile and ledger one level deeper. Nothing for somebody of whom nothing is known."""
    found = {
        f"{name.decode()}.{part}" if part else name.decode(): value
        for name, text in fields.items()
        for part, value in _parts(name, text)
        if value
    }
    return {} if not found.keys() - {f"profile.{each}" for each in NOTHING_BUT} else found


def _is_passing(mark: str) -> bool:
    """Of an earlier life; or a place in a stream that a rebuild has anew."""
    return mark.startswith(ERASED) or mark == TAKEN_IN.position


def _parts(name: bytes, text: bytes) -> Iterator[tuple[str, Any]]:
    match name:
        case b"version" | b"linking":  # what is linked ahead of the log is in no log
            return
        case b"profile":
            profile = orjson.loads(text)
            marks = profile.pop("marks", {})
            yield "marks", {name: at for name, at in marks.items() if not _is_passing(name)}
            yield "seen", _identities(profile.pop("seen", ""))
            yield from profile.items()
        case b"ledger":
            ledger = orjson.loads(text)
            ledger["entries"] = sorted(map(_entry, filter(_logged, ledger["entries"])), key=lambda each: each["code"])
            yield from ledger.items()
        case b"identity":
            identity = orjson.loads(text)
            for source in identity["sources"].values():
                for part in source["parts"].values():
                    del part["ledger"]  # it holds what no log had confirmed when it was sent
            yield from identity.items()
        case _:
            yield "", text.decode()


def _identities(seen: str) -> list[str]:
    """In any order. None where older ones are forgotten already, since which these are follows from the order."""
    found = [seen[at : at + IDENTITY_CHARACTERS] for at in range(0, len(seen), IDENTITY_CHARACTERS)]
    return sorted(found) if len(found) < KEPT_IDENTITIES else []


def _logged(entry: dict[str, Any]) -> bool:
    return bool(entry.get("logged"))


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in NOT_COMPARED}


def with_pending(live: Fields, rebuilt: Fields) -> bytes:
    """The rebuilt ledger with what the API has put into the live one and no log has confirmed; empty for nothing."""
    now, then = _ledger(live), _ledger(rebuilt)
    said = {each.code: each.said for each in now.entries if each.said}
    known = {each.code for each in then.entries}
    reserved = tuple(each for each in now.entries if not each.logged and each.code not in known)
    if not reserved and not said.keys() & known:
        return b""
    entries = tuple(
        replace(each, said={name: at for name, at in said.get(each.code, {}).items() if name not in each.outcomes})
        for each in then.entries
    )
    return replace(then, entries=(*entries, *reserved)).dumps()


def with_mark(rebuilt: Fields, position: int) -> bytes:
    """The rebuilt profile, as followed up to a place in the live log; empty for none."""
    text = rebuilt.get(b"profile")
    if not text:
        return b""
    profile = orjson.loads(text)
    return orjson.dumps({**profile, "marks": {**profile.get("marks", {}), TAKEN_IN.position: position}})


def _ledger(fields: Fields) -> Ledger:
    text = fields.get(b"ledger")
    return Ledger.loads(text) if text else Ledger()


Timers = Mapping[str, int]
"""Due time in ms by member."""


def timer_differences(live: Timers, rebuilt: Timers, now_ms: int) -> dict[str, tuple[int | None, int | None]]:
    """One that the live namespace lacks and that is due has fired; the log will say so."""
    return {
        member: (live.get(member), rebuilt.get(member))
        for member in dict.fromkeys((*live, *rebuilt))
        if live.get(member) != rebuilt.get(member) and not (member not in live and rebuilt[member] <= now_ms)
    }


def count_differences(live: Mapping[str, int], rebuilt: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    return {
        name: (live.get(name, 0), rebuilt.get(name, 0))
        for name in dict.fromkeys((*live, *rebuilt))
        if live.get(name, 0) != rebuilt.get(name, 0)
    }
