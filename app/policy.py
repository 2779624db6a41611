"""The policy that answers."""

from app.errors import NoPolicy
from consumers.live import LivePolicy, PolicySource


def required(policies: PolicySource) -> LivePolicy:
    """The live policy. Raises NoPolicy before the first is published."""
    policy = policies.current
    if policy is None:
        raise NoPolicy
    return policy
