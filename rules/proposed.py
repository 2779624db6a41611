"""What is proposed to one customer now, and how (rules/proposing.py)."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from rules.handing import Handed

NONE: frozenset[str] = frozenset()


class Proposed(Struct, frozen=True):
    pushed: Mapping[str, float]
    """By offer, Σ(boost − 1) of the rules that propose it; without those that nothing but being always on proposes."""
    besides: Sequence[str]
    """The offers among them that are neither always on nor settled."""
    settled: Mapping[str, str]
    """Offers that nothing but settled proposals propose, and what settled them."""
    handed: Mapping[str, Handed]
    """Offers that were handed over to this channel, and wait."""

    @property
    def continuing(self) -> frozenset[str]:
        """Those of them that are no contact of their own."""
        if not self.handed:
            return NONE
        return frozenset(offer for offer, each in self.handed.items() if each.same_contact)
