"""Whom an identifier stands for, read as it is now: the owner, and the parts of all that belong to the owner.

Aliases resolve at read time. What an identifier has sent to its owner may be older than what stands under it, so
everything is read where it is kept: a decision sees the reservations and answers of all parts at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from profiles.customer import Customer
from profiles.definition import Definition
from profiles.joining import joined, joined_ledger
from profiles.profile import Profile
from profiles.store import CustomerStore
from schemas.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Person:
    """A customer with all that belongs to them."""

    top: Customer
    """Whose version a commit must find."""
    named: Customer
    """Who was asked for: the same, or somebody who belongs to them."""
    others: Mapping[str, Customer] = field(default_factory=dict)
    """Those whose parts count too, by identifier."""

    @property
    def subject(self) -> str:
        return self.top.subject

    @property
    def is_known(self) -> bool:
        return any(each.profile.first is not None or each.ledger.entries for each in (self.top, *self.others.values()))

    def profile(self, definition: Definition, changed: Mapping[str, Profile] | None = None) -> Profile:
        """The sum of all parts; of some of them as `changed` has them."""
        parts = {each.subject: each.profile for each in (self.top, *self.others.values())}
        return joined(list({**parts, **(changed or {})}.values()), definition)

    def ledger(self) -> Ledger:
        return joined_ledger([self.top.ledger, *(each.ledger for each in self.others.values())])


class People:
    def __init__(self, store: CustomerStore) -> None:
        self._store = store

    async def read(self, identifiers: Sequence[str], definition: Definition) -> Person:
        """The person whom the strongest identifier (the first) stands for. The weaker ones count as theirs, unless they
        are somebody else's. One round trip for somebody who has no other identifiers."""
        found = await self._store.read_all(identifiers)
        named = found[identifiers[0]]
        chain = await self._owners(named, found)
        weaker = [found[name] for name in identifiers[1:] if _may_become(found[name], named, definition)]
        await self._read_sources((*chain, *weaker), found)
        chosen: dict[str, Customer] = {}
        for each in (*reversed(chain), *weaker):
            _gather(each, found, chosen)
        top = chain[-1]
        return Person(top, named, {name: each for name, each in chosen.items() if name != top.subject})

    async def top(self, identifier: str) -> str:
        """Whom an identifier belongs to in the end: itself, if nobody has claimed it."""
        found = await self._store.read_all([identifier])
        return (await self._owners(found[identifier], found))[-1].subject

    async def _owners(self, customer: Customer, found: dict[str, Customer]) -> list[Customer]:
        """From somebody up to who belongs to nobody else. Each owner is stronger, so that this ends."""
        chain = [customer]
        while (owner := chain[-1].identity.owner) is not None and owner not in [each.subject for each in chain]:
            if owner not in found:
                found |= await self._store.read_all([owner])
            chain.append(found[owner])
        return chain

    async def _read_sources(self, customers: Iterable[Customer], found: dict[str, Customer]) -> None:
        """All that may belong to them, level by level."""
        missing = {name for each in customers for name in each.identity.sources} - found.keys()
        if missing:
            more = await self._store.read_all(sorted(missing))
            found |= more
            await self._read_sources(more.values(), found)


def _gather(customer: Customer, found: Mapping[str, Customer], chosen: dict[str, Customer]) -> None:
    chosen[customer.subject] = customer
    for name in customer.identity.sources:
        if name not in chosen and _belongs(found[name], customer):
            _gather(found[name], found, chosen)


def _belongs(source: Customer, customer: Customer) -> bool:
    """By its own word; before it has heard the claim, where nobody else has one."""
    unheard = customer.identity.sources[source.subject].version == 0 and source.identity.owner is None
    return source.identity.owner == customer.subject or (unheard and not source.identity.is_lifted(customer.subject))


def _may_become(weaker: Customer, stronger: Customer, definition: Definition) -> bool:
    """Whether a request that names both makes the weaker one belong to the stronger one."""
    free = weaker.identity.owner is None and not weaker.identity.is_lifted(stronger.subject)
    return free and definition.rank(weaker.subject) > definition.rank(stronger.subject)
