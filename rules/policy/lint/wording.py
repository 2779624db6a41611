"""How agents may speak of facts: only of those there are, and of none that is a judgement on the customer."""

from collections.abc import Iterator

from rules.policy.findings import Finding, nearest
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY
from rules.policy.vocabulary import DECLARING, Scopes

JUDGED = ("customer.segments", "customer.stage", "customer.stage_since", "customer.previous_stage", "session.purpose")


def worded(subject: Subject) -> Iterator[Finding]:
    policy = subject.policy
    if not policy.wording:
        return
    known = Scopes(policy).everything.types
    judgements = {*JUDGED, *(f"customer.{name}" for name in policy.scores)}
    for name in policy.wording:
        if name in judgements:
            message = f"`{name}` is a judgement on the customer, which is not read to them"
            hint = "word the facts that it follows from"
            yield subject.error(("wording", name, KEY), "worded-judgement", message, hint)
        elif name not in known and subject.sound(*DECLARING):
            hint = nearest(name, known) or "declare it, or leave its wording out"
            yield subject.error(("wording", name, KEY), "unknown-fact", f"there is no fact `{name}`", hint)


CHECKS: tuple[Check, ...] = (worded,)
