"""What must hold between the entries of a policy, beyond what each of them says.

Promises every finding at once. Where entries were refused, what others say about their section is not
judged: it could only repeat the refusal. Each module judges one part; `CHECKS` is the whole list.
"""

from rules.policy.findings import Finding
from rules.policy.lint import (
    actions,
    campaigns,
    caps,
    channels,
    conditions,
    contact,
    dates,
    examples,
    features,
    fields,
    goals,
    handing,
    holdout,
    hours,
    identifiers,
    life,
    offers,
    outcomes,
    placements,
    reach,
    references,
    rules,
    stock,
    timing,
    winning,
    wording,
)
from rules.policy.lint.subject import Subject

CHECKS = (
    *identifiers.CHECKS,
    *references.CHECKS,
    *fields.CHECKS,
    *features.CHECKS,
    *life.CHECKS,
    *goals.CHECKS,
    *campaigns.CHECKS,
    *holdout.CHECKS,
    *dates.CHECKS,
    *offers.CHECKS,
    *stock.CHECKS,
    *placements.CHECKS,
    *rules.CHECKS,
    *timing.CHECKS,
    *actions.CHECKS,
    *conditions.CHECKS,
    *outcomes.CHECKS,
    *handing.CHECKS,
    *contact.CHECKS,
    *caps.CHECKS,
    *hours.CHECKS,
    *reach.CHECKS,
    *winning.CHECKS,
    *channels.CHECKS,
    *examples.CHECKS,
    *wording.CHECKS,
)


def lint(subject: Subject) -> list[Finding]:
    return [finding for check in CHECKS for finding in check(subject)]


__all__ = ["Subject", "lint"]
