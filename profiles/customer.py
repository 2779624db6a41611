"""All that the store keeps under one identifier: its own profile and ledger, and whose it is."""

from collections.abc import Iterable

from msgspec import Struct, field

from profiles.identity import MOST_SOURCES, Identity
from profiles.linking import Linking
from profiles.profile import Profile
from schemas.ledger import Ledger

NEVER = "0"
"""The version of somebody never seen."""


class Customer(Struct, frozen=True):
    subject: str
    version: str = NEVER
    """A number that grows by one with every commit, and what makes it unique: `17-a3f9c1`."""
    profile: Profile = field(default_factory=Profile)
    """What was folded under this identifier alone."""
    ledger: Ledger = field(default_factory=Ledger)
    identity: Identity = field(default_factory=Identity)
    linking: Linking = Linking()
    """Links that no log has confirmed yet: for reading. Who folds does not see them."""

    @property
    def owner(self) -> str | None:
        """Whom this identifier belongs to: by its log, and before that by what a request has said."""
        known, said = self.identity.owner, self.linking.owner
        return said if known is None and said is not None and not self.identity.is_lifted(said) else known

    @property
    def is_full(self) -> bool:
        """Whether no more identifiers can be linked."""
        return self.identity.linked + len(self.linking.sources) >= MOST_SOURCES

    @property
    def is_alone(self) -> bool:
        """Whether nobody else is known to be the same person."""
        known, said = self.identity, self.linking
        return not (known.claims or known.sources or said.owner or said.sources)

    @property
    def sources(self) -> Iterable[str]:
        """The weaker identifiers that may belong to it, by its log or by a request."""
        return dict.fromkeys((*self.identity.sources, *self.linking.sources))
