"""Whom an identifier stands for, read as it is now: the owner, and the parts of all that belong to the owner.

Aliases resolve at read time. What an identifier has sent to its owner may be older than what stands under it, so
everything is read where it is kept: a decision sees the reservations and answers of all parts at once.

That holds for the next decision too, whoever is named in it. So what is decided for a person is decided after everybody
who counts has been told whose they are (`People.tell`): from then on nobody is offered anything under that name alone,
and what was reserved under it until then has been counted. Which leaves one place, the key of the owner, where any two
decisions for a person meet (docs/exactly-once.md).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson
from msgspec import Struct

from profiles.customer import Customer
from profiles.definition import Definition
from profiles.joining import joined, joined_ledger
from profiles.linking import Links
from profiles.profile import Profile
from profiles.shelf import Count, Shelf
from profiles.store import IDENTITIES, Commit, Committed, CustomerStore, Record
from schemas.identity import Claim
from schemas.ledger import Ledger


class Person(Struct, frozen=True):
    """A customer with all that belongs to them."""

    top: Customer
    """Whose version a commit must find."""
    named: Customer
    """Who was asked for: the same, or somebody who belongs to them."""
    others: Mapping[str, Customer] = {}
    """Those whose parts count too, by identifier."""
    together: Sequence[Customer] = ()
    """Those of them who were asked for together with `named`."""
    stock: Mapping[str, Count] = {}
    """What their shard has of each supply, where that was asked for."""

    @property
    def subject(self) -> str:
        return self.top.subject

    @property
    def is_known(self) -> bool:
        return any(each.profile.first is not None or each.ledger.entries for each in self._all)

    def profile(self, definition: Definition, changed: Mapping[str, Profile] | None = None) -> Profile:
        """The sum of all parts; of some of them as `changed` has them."""
        if not self.others:
            return (changed or {}).get(self.subject, self.top.profile)
        parts = {each.subject: each.profile for each in self._all}
        return joined(list({**parts, **(changed or {})}.values()), definition)

    def ledger(self) -> Ledger:
        return joined_ledger([each.ledger for each in self._all])

    def untold(self) -> Iterator[tuple[Customer, Customer, int | None]]:
        """Who counts and does not know it yet: with the one who claims it, and since when (None: with this request)."""
        for each in self.others.values():
            owner = next((one for one in self._all if each.subject in one.identity.sources), self.named)
            source = owner.identity.sources.get(each.subject)
            if each.owner is None and (source is not None or not owner.is_full):
                yield each, owner, source.claimed_ms if source is not None else None

    def links(self) -> Links | None:
        """What the one who was asked for is to know ahead of its log: who is its own by this request. And what it need
        not know ahead any more. None for nothing new. One who has too many already gets no more."""
        if not self.together and not self.named.linking.sources:
            return None
        named, is_free = self.named, not self.named.is_full
        claimed = {
            one.subject for one in self.together if one.owner == named.subject or (is_free and one.owner is None)
        }
        new = claimed - {*named.identity.sources, *named.linking.sources}
        settled = {*named.linking.sources} - self.others.keys()
        return Links(sources=new, settled=settled) if new or settled else None

    @property
    def _all(self) -> tuple[Customer, ...]:
        return self.top, *self.others.values()


class People:
    def __init__(self, store: CustomerStore) -> None:
        self._store = store

    async def read(self, identifiers: Sequence[str], definition: Definition, shelf: Shelf | None = None) -> Person:
        """The person whom the strongest identifier (the first) stands for, with the stock of their shard. The weaker
        ones count as theirs, unless they are somebody else's. One round trip for who has no other identifiers."""
        stock: Mapping[str, Count] = {}
        if len(identifiers) == 1 and shelf is None:  # nearly always
            found = {identifiers[0]: await self._store.read(identifiers[0])}
        else:
            found, stock = await self._store.read_with_stock(identifiers, shelf)
        named = found[identifiers[0]]
        if len(found) == 1 and named.is_alone:
            return Person(named, named, stock=stock)
        chain = await self._owners(named, found)
        owners = {each.subject for each in chain}
        named_too = (found[name] for name in identifiers[1:])
        weaker = [each for each in named_too if each.owner in owners or _may_become(each, named, definition)]
        await self._read_sources((*chain, *weaker), found)
        chosen: dict[str, Customer] = {}
        for each in (*reversed(chain), *weaker):
            _gather(each, found, chosen)
        top = chain[-1]
        shard = self._store.shard(top.subject)
        if shelf is not None and shard != self._store.shard(named.subject):
            stock = await self._store.stocks.read(shard, shelf)
        return Person(top, named, {name: each for name, each in chosen.items() if name != top.subject}, weaker, stock)

    async def top(self, identifier: str) -> str:
        """Whom an identifier belongs to in the end: itself, if nobody has claimed it."""
        found = await self._store.read_all([identifier])
        return (await self._owners(found[identifier], found))[-1].subject

    async def tell(self, person: Person, at_ms: int) -> bool:
        """Makes it known to everybody who counts whose they are, now: in the log, and ahead of it. `at_ms`: when the
        request names them together. One round trip; none where all know it. False if one of them has changed since
        it was read: read again. Raises StoreUnavailable."""
        if not person.others:
            return True
        commits = [
            Commit(
                subject=each.subject,
                expected=each.version,
                records=[_claim(owner.subject, each.subject, at_ms if claimed_ms is None else claimed_ms)],
                links=Links(owner=owner.subject),
            )
            for each, owner, claimed_ms in person.untold()
        ]
        return not commits or all(each is Committed.OK for each in await self._store.commit_each(commits))

    async def _owners(self, customer: Customer, found: dict[str, Customer]) -> list[Customer]:
        """From somebody up to who belongs to nobody else. Each owner is stronger, so that this ends."""
        chain = [customer]
        while (owner := chain[-1].owner) is not None and owner not in [each.subject for each in chain]:
            if owner not in found:
                found |= await self._store.read_all([owner])
            chain.append(found[owner])
        return chain

    async def _read_sources(self, customers: Iterable[Customer], found: dict[str, Customer]) -> None:
        """All that may belong to them, level by level."""
        missing = {name for each in customers for name in each.sources} - found.keys()
        if missing:
            more = await self._store.read_all(sorted(missing))
            found |= more
            await self._read_sources(more.values(), found)


def _gather(customer: Customer, found: Mapping[str, Customer], chosen: dict[str, Customer]) -> None:
    chosen[customer.subject] = customer
    for name in customer.sources:
        if name not in chosen and _belongs(found[name], customer):
            _gather(found[name], found, chosen)


def _belongs(source: Customer, customer: Customer) -> bool:
    """By its own word; before it has heard the claim, where nobody else has one."""
    if source.owner is not None:
        return source.owner == customer.subject
    known = customer.identity.sources.get(source.subject)
    return known is not None and known.version == 0 and not source.identity.is_lifted(customer.subject)


def _claim(claimant: str, weaker: str, at_ms: int) -> Record:
    """Into the weaker one's own log: before whatever follows from it, such as that the claimant is erased."""
    body = orjson.dumps(Claim(claimant=claimant, at_ms=at_ms).model_dump())
    return Record(IDENTITIES, f"{claimant}>{weaker}", weaker, body, own_log=True)


def _may_become(weaker: Customer, stronger: Customer, definition: Definition) -> bool:
    """Whether a request that names both makes the weaker one belong to the stronger one."""
    free = weaker.owner is None and not weaker.identity.is_lifted(stronger.subject)
    return free and definition.rank(weaker.subject) > definition.rank(stronger.subject)
