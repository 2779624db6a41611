"""Offers: bundles and groups that mean something, and treatments that can be made."""

from collections import Counter
from collections.abc import Iterator

from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from schemas.catalogue import Offer, Treatment


def bundles(subject: Subject) -> Iterator[Finding]:
    """A bundle is made of offers that are none themselves."""
    whole = {offer.id for offer in subject.policy.offers if offer.bundle}
    for at, offer in enumerate(subject.policy.offers):
        for nth, part in enumerate(offer.bundle):
            if part in whole:
                path: Path = ("offers", at, "bundle", nth)
                yield subject.error(path, "nested-bundle", f"`{part}` is a bundle itself", "name its parts instead")


def groups(subject: Subject) -> Iterator[Finding]:
    """A group of one excludes nothing."""
    if not subject.sound("offers"):
        return
    members = Counter(offer.exclusive_group for offer in subject.policy.offers)
    for at, offer in enumerate(subject.policy.offers):
        if offer.exclusive_group and members[offer.exclusive_group] == 1:
            message = f"`{offer.id}` is the only offer of the group `{offer.exclusive_group}`"
            path: Path = ("offers", at, "exclusive_group")
            yield subject.warning(path, "no-effect", message, "give another offer the same group, or leave it out")


def unreachable(subject: Subject) -> Iterator[Finding]:
    """A treatment that another one of its place always comes before."""
    for at, offer in enumerate(subject.policy.offers):
        for nth, treatment in enumerate(offer.treatments):
            before = _before(offer, nth, by_language=subject.policy.policy.customer_language is not None)
            if before is not None:
                message = f"`{treatment.id}` is never made: `{before.id}` always comes before it"
                hint = "give it a higher `priority`, or another place or language"
                yield subject.warning(("offers", at, "treatments", nth, "id"), "never-made", message, hint)


def _before(offer: Offer, nth: int, by_language: bool) -> Treatment | None:
    own = offer.treatments[nth]
    for at, each in enumerate(offer.treatments):
        is_first = (-each.priority, at) < (-own.priority, nth)
        same_place = (each.channel, each.placement) == (own.channel, own.placement)
        same_language = not by_language or each.language == own.language
        if is_first and same_place and same_language and not any("{" in text for text in each.content.values()):
            return each
    return None


def language(subject: Subject) -> Iterator[Finding]:
    name = subject.policy.policy.customer_language
    declared = subject.policy.attributes.get(name or "")
    if declared is not None and declared.type != "string":
        message = f"`{name}` is {declared.type}, and a language is a string such as pt"
        yield subject.error(("policy", "customer_language"), "language", message)


CHECKS: tuple[Check, ...] = (bundles, groups, unreachable, language)
