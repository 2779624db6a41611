"""The contact policy: caps and silences that the ledger can count."""

from collections.abc import Iterator

from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject

DAY_MS = 86_400_000


def remembered(subject: Subject) -> Iterator[Finding]:
    """Nothing can be counted for longer than the ledger keeps it."""
    contact = subject.policy.contact_policy
    spans: list[tuple[Path, int]] = [
        *((("caps", at, "within"), cap.within) for at, cap in enumerate(contact.caps)),
        *((("cool_downs", at, "lasting"), each.lasting) for at, each in enumerate(contact.cool_downs)),
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
        if cap.at_most == 0:
            message = f"`{cap.id}` lets nothing through: `at_most` is 0"
            hint = "at most 1 allows the first contact"
            yield subject.warning(("contact_policy", "caps", at, "at_most"), "closed-cap", message, hint)


CHECKS: tuple[Check, ...] = (remembered, closed_caps)
