"""Hand-over: what it hands on is not over, was seen, and can be made where it goes."""

from collections.abc import Iterator

from rules.policy.findings import Finding
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY


def hand_overs(subject: Subject) -> Iterator[Finding]:
    policy = subject.policy
    treated = {treatment.channel for offer in policy.offers for treatment in offer.treatments}
    for name, outcome in policy.outcomes.items():
        if outcome.hand_over is None:
            continue
        path = ("outcomes", name, "hand_over", KEY)
        if outcome.ends or outcome.kind in ("positive", "negative"):
            message = f"`{name}` is an answer: there is nothing to hand over after it"
            yield subject.error(path, "hand-over-ended", message, "make it `neutral`, without `ends`")
        if not any(each in policy.outcomes and policy.outcomes[each].kind == "impression" for each in outcome.implies):
            message = f"`{name}` hands over what nobody has seen: it implies no impression"
            yield subject.error(path, "no-impression", message, "write `implies: [presented]`")
        if outcome.hand_over.lasting > policy.contact_policy.remember:
            message = "it waits longer than decisions are remembered (`contact_policy: remember`)"
            path = ("outcomes", name, "hand_over", "lasting")
            yield subject.error(path, "hand-over-window", message, "shorten it, or remember for longer")
        for at, channel in enumerate(outcome.hand_over.to if subject.sound("offers") else ()):
            if channel not in treated:
                message = f"no treatment uses the channel `{channel}`"
                yield subject.error(("outcomes", name, "hand_over", "to", at), "unknown-channel", message)


CHECKS: tuple[Check, ...] = (hand_overs,)
