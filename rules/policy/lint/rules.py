"""Rules: what fires them, and whether what they propose can be said where they propose it."""

from collections.abc import Iterable, Iterator

from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from schemas.policy import Rule

FIRING = "name in `when` the interactions that fire it"


def lifetimes(subject: Subject) -> Iterator[Finding]:
    """Only what an interaction fires can wait."""
    for at, rule in known(subject):
        if rule.lifetime is not None and not rule.when:
            message = f"`for` needs `when`: nothing fires `{rule.id}`, so nothing waits"
            yield subject.error(("rules", at, "lifetime"), "no-effect", message, FIRING)


def unconditional(subject: Subject) -> Iterator[Finding]:
    """A rule that does no more than `always: true`: with `on` or a boost it does more."""
    for at, rule in known(subject):
        if not rule.when and rule.condition is None and not rule.channels and rule.boost == 1:
            message = f"`{rule.id}` has neither `when` nor `if`: it proposes at every decision"
            hint = "set `always: true` at the offer instead, or say when it proposes"
            yield subject.warning(("rules", at, "id"), "unconditional", message, hint)


def worded(subject: Subject) -> Iterator[Finding]:
    """A proposal for channels that the offer has no treatment for comes to nothing."""
    if not subject.sound("offers"):
        return
    channels = {offer.id: {each.channel for each in offer.treatments} for offer in subject.policy.offers}
    anywhere = frozenset().union(*channels.values())
    for at, rule in enumerate(subject.policy.rules):
        for nth, offer in enumerate(rule.propose):
            wanted = anywhere.intersection(rule.channels)  # a channel without any treatment is reported as such
            if wanted and wanted.isdisjoint(channels.get(offer, wanted)):
                path: Path = ("rules", at, "propose", nth)
                where = " or ".join(f"`{each}`" for each in sorted(wanted))
                message = f"`{offer}` has no treatment for {where}, where `{rule.id}` proposes it"
                yield subject.warning(path, "no-treatment", message, "add a treatment, or change `on`")


def known(subject: Subject) -> Iterable[tuple[int, Rule]]:
    """The rules, if none of them has an unknown field: it may be a misspelt `when` or `if`."""
    return enumerate(subject.policy.rules if subject.sound("rules") else ())


CHECKS: tuple[Check, ...] = (lifetimes, unconditional, worded)
