"""Whose an identifier is, and what a customer has from others.

Each identifier keeps a *part*: the fold of what was said under it, and of nothing else. Nothing is ever moved or
rewritten. When a stronger identifier is named together with a weaker one, it *claims* it; the earliest claim that is
not lifted makes the owner. From then on the weaker one sends its part to the owner, whole, with each change. The owner
keeps the latest version of each part, and a customer is the sum of the parts (profiles/joining.py).

Joining is a semilattice: parts by identifier, of each the newest version, the version being how far the part has
followed its log. Hence the order of arrival never matters, nothing counts twice, and a merge can be undone: what was
known under each identifier is that again. What rules have proposed or recorded meanwhile (stages) stays.
How it changes: consumers/folding/identities.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from profiles.fold import IDENTITY_CHARACTERS
from profiles.profile import Profile
from profiles.waiting import MOST_PENDING
from schemas.ledger import Ledger

MOST_CLAIMS = 50
"""How many claims on one identifier are remembered (a cookie of a computer that everybody uses)."""
MOST_SOURCES = 50
"""How many identifiers may belong to one customer; more are not linked, and counted."""


@dataclass(frozen=True, slots=True)
class Part:
    """What was folded under one identifier."""

    version: int
    """How far it has followed its log."""
    profile: Profile
    ledger: Ledger

    def as_json(self) -> dict[str, Any]:
        return {"version": self.version, "profile": self.profile.as_json(), "ledger": self.ledger.as_json()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Part":
        return Part(data["version"], Profile.from_json(data["profile"]), Ledger.from_json(data["ledger"]))


@dataclass(frozen=True, slots=True)
class Source:
    """What a claimed identifier has sent: its own part and those it has from others; nothing yet, or withdrawn."""

    version: int = 0
    parts: Mapping[str, Part] = field(default_factory=dict)
    claimed_ms: int | None = None
    """The earliest event time of a claim that was sent there."""
    fired: str = ""
    """Hashes of the timers that have fired there and were passed on. Where a shard falls back, they fire again, and the
    part that comes meanwhile does not know of them: no `seen` has them."""

    def sent(self, version: int, parts: Mapping[str, Part], fired: Iterable[str]) -> "Source":
        """With what has come last, and the hashes of the timers that came with it."""
        hashes = "".join((self.fired, *fired))[-MOST_PENDING * IDENTITY_CHARACTERS :]
        return Source(version, parts, self.claimed_ms, hashes)

    def as_json(self) -> dict[str, Any]:
        parts = {name: each.as_json() for name, each in self.parts.items()}
        found = {"version": self.version, "parts": parts, "claimed_ms": self.claimed_ms}
        return {**found, "fired": self.fired} if self.fired else found

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Source":
        parts = {name: Part.from_json(each) for name, each in data["parts"].items()}
        return Source(data["version"], parts, data["claimed_ms"], data.get("fired", ""))


@dataclass(frozen=True, slots=True)
class Identity:
    claims: Mapping[str, int] = field(default_factory=dict)
    """By the stronger identifier that was named together with this one: the earliest event time, in ms."""
    lifted: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    """By claimant: when somebody last said that its claim is wrong (True) or right after all (False)."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """By the weaker identifier that was claimed."""

    @property
    def owner(self) -> str | None:
        """Whom this identifier belongs to: the earliest claim that is not lifted."""
        if not self.claims:
            return None
        valid = [(at_ms, name) for name, at_ms in self.claims.items() if not self.is_lifted(name)]
        return min(valid)[1] if valid else None

    def is_lifted(self, claimant: str) -> bool:
        return self.lifted.get(claimant, (0, False))[1]

    def claimed(self, claimant: str, at_ms: int) -> "Identity":
        """With one more claim; the earliest are kept."""
        claims = {**self.claims, claimant: min(at_ms, self.claims.get(claimant, at_ms))}
        kept = sorted(claims, key=lambda name: (claims[name], name))[:MOST_CLAIMS]
        return replace(self, claims={name: claims[name] for name in kept})

    def judged(self, claimant: str, at_ms: int, wrong: bool) -> "Identity":
        """Somebody says that a claim is wrong, or right after all; the last statement counts, whichever comes last."""
        last = max((at_ms, wrong), self.lifted.get(claimant, (0, False)))
        return replace(self, lifted={**self.lifted, claimant: last})

    def is_full(self) -> bool:
        """Whether no more identifiers can be linked; one that was withdrawn does not count."""
        return self.linked >= MOST_SOURCES

    @property
    def linked(self) -> int:
        return sum(bool(each.parts) or not each.version for each in self.sources.values())

    def without(self, name: str) -> "Identity":
        """As if this identifier had never been heard of."""
        left = Identity(*({key: each for key, each in known.items() if key != name} for known in self.all()))
        return left if any(left.all()) else NOBODY

    def all(self) -> tuple[Mapping[str, Any], ...]:
        return self.claims, self.lifted, self.sources

    def with_source(self, name: str, source: Source) -> "Identity":
        return replace(self, sources={**self.sources, name: source})

    def others(self) -> dict[str, Part]:
        """The parts that this identifier has from others, the newest version of each."""
        return newest(each.parts for each in self.sources.values())

    def as_json(self) -> dict[str, Any]:
        if not any(self.all()):
            return {}
        return {
            "claims": self.claims,
            "lifted": self.lifted,
            "sources": {name: each.as_json() for name, each in self.sources.items()},
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Identity":
        return Identity(
            claims=data["claims"],
            lifted={name: (at_ms, wrong) for name, (at_ms, wrong) in data["lifted"].items()},
            sources={name: Source.from_json(each) for name, each in data["sources"].items()},
        )


NOBODY = Identity()


def newest(several: Iterable[Mapping[str, Part]]) -> dict[str, Part]:
    """The join: every part that any of them has, of each the newest version."""
    found: dict[str, Part] = {}
    for parts in several:
        for name, part in parts.items():
            if name not in found or part.version > found[name].version:
                found[name] = part
    return found
