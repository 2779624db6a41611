"""Where the treatments of a policy go: the channels of each placement."""

from schemas.policy import Policy


def desktops(policy: Policy) -> dict[str, set[str]]:
    """The channels of each placement."""
    found: dict[str, set[str]] = {}
    for offer in policy.offers:
        for each in offer.treatments:
            found.setdefault(each.placement, set()).add(each.channel)
    return found
