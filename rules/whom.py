"""Which candidates something is about: of an offer, a category, a campaign and so on. Built once per revision.

The contact policy and the slots speak of parts of the catalogue. Few of these are concerned in one decision, so that
the candidates are looked up rather than asked one by one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rules.candidates import Candidate
from rules.counting import UNKNOWN, Key

EVERYBODY = ("customer", "channel")
"""Scopes of which every candidate is."""
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Whom:
    """Candidates by their keys."""

    of: Mapping[tuple[str, Key], frozenset[str]]
    covering: Mapping[Key, frozenset[str]]
    """By offer: those that make it, alone or in a bundle."""

    def about(self, scope: str, keys: Iterable[Key]) -> set[str] | None:
        """The candidates that count for one of these; None: all may."""
        found: set[str] = set()
        for key in keys:
            if scope in EVERYBODY or key == UNKNOWN:
                return None
            found |= self.of.get((scope, key), NOBODY)
        return found

    def making(self, offers: Iterable[Key]) -> set[str]:
        """The candidates that make one of these, alone or in a bundle."""
        return set[str]().union(*[self.covering.get(each, NOBODY) for each in offers])


def whom_of(candidates: Iterable[Candidate]) -> Whom:
    of: dict[tuple[str, Key], set[str]] = {}
    covering: dict[Key, set[str]] = {}
    for each in candidates:
        for scope, key in each.counts_for.items():
            if scope not in EVERYBODY and key is not None:
                of.setdefault((scope, key), set()).add(each.key)
        for offer in each.covers:
            covering.setdefault(offer, set()).add(each.key)
    return Whom(
        {what: frozenset(found) for what, found in of.items()},
        {offer: frozenset(found) for offer, found in covering.items()},
    )
