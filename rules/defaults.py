"""Default offers: what stands in a placement when no offer was chosen for it, or nothing could be decided.

Made of the policy alone: no facts, no contact policy, no cells. So it is the same for everybody, may be given when
nothing is known of the customer, and follows from a decision's record like the rest of the answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rules.treatments import Place, Wording, wordings_of
from schemas.catalogue import Offer
from schemas.decision import DefaultTreatment
from schemas.policy import Policy


@dataclass(frozen=True, slots=True)
class Default:
    offer: Offer
    wordings: tuple[Wording, ...]
    """Those that name no facts, the first choice first."""

    def treatment(self, placement: str, language: str | None) -> DefaultTreatment:
        made = next((each for each in self.wordings if each.treatment.language == language), self.wordings[0])
        return DefaultTreatment(
            placement=placement,
            offer=self.offer.id,
            offer_name=self.offer.name,
            treatment=made.treatment.id,
            language=made.treatment.language,
            content=dict(made.content({}, ZoneInfo("UTC"))),
        )


Defaults = Mapping[Place, Default]


def defaults_of(policy: Policy) -> Defaults:
    """By channel and placement."""
    offers = {each.id: each for each in policy.offers}
    return {
        place: Default(offer, free)
        for name, placement in policy.placements.items()
        if placement.default is not None and (offer := offers.get(placement.default)) is not None
        for place, wordings in wordings_of(offer).items()
        if place[1] == name and (free := tuple(each for each in wordings if not each.variables))
    }


def filled(
    defaults: Defaults, channel: str, placements: Iterable[str], language: str | None = None
) -> tuple[DefaultTreatment, ...]:
    """Of those of the placements that have one."""
    found = ((name, defaults.get((channel, name))) for name in placements)
    return tuple(default.treatment(name, language) for name, default in found if default is not None)
