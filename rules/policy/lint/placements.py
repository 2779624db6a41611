"""Default offers: there is something to show, and nothing in it that nobody asks."""

from collections.abc import Iterator

from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from rules.texts import names
from schemas.catalogue import Offer, Treatment


def defaults(subject: Subject) -> Iterator[Finding]:
    offers = {each.id: each for each in subject.policy.offers}
    for name, placement in subject.policy.placements.items():
        offer = offers.get(placement.default or "")
        if offer is not None and subject.sound("offers"):
            yield from _of_offer(subject, ("placements", name, "default"), name, offer)


def _of_offer(subject: Subject, path: Path, placement: str, offer: Offer) -> Iterator[Finding]:
    there = [each for each in offer.treatments if each.placement == placement]
    if not any(_is_free(each) for each in there):
        message = f"`{offer.id}` has no treatment for `{placement}` that names no facts"
        hint = "a default stands there also when nothing is known of the customer: write one without `{…}`"
        yield subject.error(path, "no-default", message, hint)
    asked = [field for field in ("eligible", "applicable", "suitable") if getattr(offer, field)]
    asked += [field for field in ("starts", "ends") if getattr(offer, field)]
    if asked:
        message = f"`{offer.id}` has `{asked[0]}`, which nobody asks of a default"
        yield subject.warning(path, "default-asked", message, "make the default an offer that may be shown to anybody")


def _is_free(treatment: Treatment) -> bool:
    return not any(names(text) - {""} for text in treatment.content.values())


CHECKS: tuple[Check, ...] = (defaults,)
