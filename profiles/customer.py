"""All that the store keeps under one identifier: its own profile and ledger, and whose it is."""

from dataclasses import dataclass, field

from profiles.identity import Identity
from profiles.profile import Profile
from schemas.ledger import Ledger

NEVER = "0"
"""The version of somebody never seen."""


@dataclass(frozen=True, slots=True)
class Customer:
    subject: str
    version: str = NEVER
    """A number that grows by one with every commit, and what makes it unique: `17-a3f9c1`."""
    profile: Profile = field(default_factory=Profile)
    """What was folded under this identifier alone."""
    ledger: Ledger = field(default_factory=Ledger)
    identity: Identity = field(default_factory=Identity)
