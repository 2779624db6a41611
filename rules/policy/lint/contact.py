"""The contact policy: caps and silences that the ledger can count."""

from collections.abc import Iterator

from rules.policy.findings import Finding, Path, suggestion
from rules.policy.lint.subject import Check, Subject

DAY_MS = 86_400_000


def remembered(subject: Subject) -> Iterator[Finding]:
    """Nothing can be counted for longer than the ledger keeps it."""
    contact = subject.policy.contact_policy
    spans: list[tuple[Path, int]] = [
        *((("caps", at, "within"), cap.within) for at, cap in enumerate(contact.caps)),
        *((("cool_downs", at, "lasting"), each.lasting) for at, each in enumerate(contact.cool_downs)),
        *((("priorities", at, "lasting"), each.lasting) for at, each in enumerate(contact.priorities)),
        *(
            (("suppressions", at, "lasting"), each.within + each.lasting)
            for at, each in enumerate(contact.suppressions)
        ),
        (("reservation",), contact.reservation),
    ]
    for path, span_ms in spans:
        if span_ms > contact.remember:
            kept = f"{contact.remember / DAY_MS:g} days"
            message = f"this looks back {span_ms / DAY_MS:g} days, and the ledger remembers {kept}"
            hint = "raise `contact_policy.remember`"
            yield subject.error(("contact_policy", *path), "remember", message, hint)


def closed_caps(subject: Subject) -> Iterator[Finding]:
    for at, cap in enumerate(subject.policy.contact_policy.caps):
        if cap.at_most == 0 and cap.including_current:
            message = f"`{cap.id}` lets nothing through: `at_most` is 0"
            hint = "at most 1 allows the first contact"
            yield subject.warning(("contact_policy", "caps", at, "at_most"), "closed-cap", message, hint)


def purposes(subject: Subject) -> Iterator[Finding]:
    """Where consents are asked for, everybody who makes an offer says for which purpose."""
    policy = subject.policy
    known = {each.purpose for each in policy.contact_policy.consents}
    if not subject.sound("offers", "campaigns", "contact_policy"):
        return
    named: list[tuple[Path, str | None]] = [
        *((("campaigns", at, "purpose"), each.purpose) for at, each in enumerate(policy.campaigns)),
        *((("offers", at, "purpose"), each.purpose) for at, each in enumerate(policy.offers)),
    ]
    for path, purpose in named:
        if purpose is not None and not known:
            message = f"`purpose` has no effect: nothing asks for consent to `{purpose}`"
            yield subject.warning(path, "no-effect", message, "add `contact_policy: consents:`")
        elif purpose is not None and purpose not in known:
            message = f"no consent is for the purpose `{purpose}`"
            hint = suggestion(purpose, sorted(known)) or "declare it under `contact_policy: consents:`"
            yield subject.error(path, "unknown-purpose", message, hint)
    if known:
        yield from _without_purpose(subject)


def _without_purpose(subject: Subject) -> Iterator[Finding]:
    policy = subject.policy
    offers = {each.id: (at, each) for at, each in enumerate(policy.offers)}
    unsaid = {
        name: campaign.id
        for campaign in policy.campaigns
        if campaign.purpose is None
        for program in campaign.programs
        for cell in program.cells
        for name in cell.offers
    }
    for name, campaign in unsaid.items():
        at, offer = offers.get(name, (0, None))
        if offer is not None and offer.purpose is None:
            message = f"`{name}` has no purpose in `{campaign}`, so that no consent can be proven for it"
            yield subject.error(("offers", at, "id"), "no-purpose", message, "give it or its campaign a `purpose`")


def listed(subject: Subject) -> Iterator[Finding]:
    """Black lists name campaigns and categories that exist."""
    policy = subject.policy
    known = {
        "campaigns": [each.id for each in policy.campaigns],
        "categories": sorted({each.category for each in policy.offers if each.category}),
    }
    if not subject.sound("offers", "campaigns"):
        return
    for at, entry in enumerate(policy.contact_policy.black_lists):
        for section, noun in (("campaigns", "campaign"), ("categories", "category")):
            for nth, name in enumerate(getattr(entry, section)):
                if name not in known[section]:
                    path: Path = ("contact_policy", "black_lists", at, section, nth)
                    hint = suggestion(name, known[section])
                    yield subject.error(path, f"unknown-{noun}", f"there is no {noun} `{name}`", hint)


def scopes(subject: Subject) -> Iterator[Finding]:
    """What counts per category or exclusive group needs offers that have one."""
    policy = subject.policy
    if not subject.sound("offers"):
        return
    for section in ("caps", "cool_downs", "suppressions", "priorities"):
        for at, each in enumerate(getattr(policy.contact_policy, section)):
            given = each.per in ("category", "exclusive_group")
            if given and not any(getattr(offer, each.per) for offer in policy.offers):
                path: Path = ("contact_policy", section, at, "per")
                message = f"this has no effect: no offer has a `{each.per}`"
                yield subject.warning(path, "no-effect", message, f"give offers a `{each.per}`")


def priorities(subject: Subject) -> Iterator[Finding]:
    for at, each in enumerate(subject.policy.contact_policy.priorities):
        for nth, channel in enumerate(each.holds_back):
            if channel == each.channel:
                path: Path = ("contact_policy", "priorities", at, "holds_back", nth)
                message = f"`{channel}` would hold back itself"
                yield subject.error(path, "itself", message, "name other channels; a cap limits a channel itself")


def zone_attribute(subject: Subject) -> Iterator[Finding]:
    """The attribute with the customer's time zone is a text."""
    name = subject.policy.contact_policy.customer_time_zone
    declared = subject.policy.attributes.get(name or "")
    if declared is not None and declared.type != "string":
        path: Path = ("contact_policy", "customer_time_zone")
        message = f"`{name}` is {declared.type}, and a time zone is a string such as Europe/Lisbon"
        yield subject.error(path, "time-zone", message)


CHECKS: tuple[Check, ...] = (remembered, closed_caps, purposes, listed, scopes, priorities, zone_attribute)
