"""Which of an offer's treatments is made, and its texts with the facts in them.

Of several for one channel and placement: in the customer's language before others, then by priority, then as written.
One with a fact that is not known cannot be made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from rules.texts import names, rendered
from schemas.catalogue import Offer, Treatment

Place = tuple[str, str]
"""Channel and placement."""


@dataclass(frozen=True, slots=True)
class Wording:
    treatment: Treatment
    variables: frozenset[str]
    """The facts that its texts name."""
    is_plain: bool
    """Its texts are sent as they are written."""

    @staticmethod
    def of(treatment: Treatment) -> "Wording":
        texts = treatment.content.values()
        variables = frozenset().union(*(names(text) for text in texts)) - {""}
        return Wording(treatment, variables, not any("{" in text or "}" in text for text in texts))

    def missing(self, values: Mapping[str, Any]) -> str | None:
        """A fact that it names and that is not known."""
        return min((name for name in self.variables if values.get(name) is None), default=None)

    def content(self, values: Mapping[str, Any], zone: ZoneInfo) -> dict[str, str]:
        if self.is_plain:
            return self.treatment.content
        return {part: rendered(text, values, zone) for part, text in self.treatment.content.items()}


def wordings_of(offer: Offer) -> dict[Place, tuple[Wording, ...]]:
    """By place, the first choice first."""
    found: dict[Place, list[Wording]] = {}
    for each in sorted(offer.treatments, key=lambda each: -each.priority):
        found.setdefault((each.channel, each.placement), []).append(Wording.of(each))
    return {place: tuple(each) for place, each in found.items()}


def best(wordings: Iterable[Wording], values: Mapping[str, Any], language: str | None) -> Wording | None:
    """The first that can be made."""
    able = [each for each in wordings if each.missing(values) is None]
    return next((each for each in able if each.treatment.language == language), able[0] if able else None)
