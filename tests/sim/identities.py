"""What must be true of identities after a run: who belongs to whom follows from what was said, and each owner has
exactly what its sources have."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from profiles.customer import Customer
from profiles.definition import Definition
from schemas.interaction import Interaction


def wrong_identities(
    customers: Mapping[str, Customer],
    said: Sequence[Interaction],
    delivered: Sequence[str],
    definition: Definition,
) -> Iterator[str]:
    """`said`: the distinct interactions of everybody; `delivered`: ids of the identity records in all outboxes."""
    for name, times in Counter(each for each in delivered if "@" in each).items():
        if times > 1:
            yield f"identities: {name} was delivered {times} times"
    for event in said:
        rank = definition.rank(event.subject)
        for weaker in (each for each in event.links if definition.rank(each) > rank):
            if customers[weaker].identity.claims.get(event.subject, event.at_ms + 1) > event.at_ms:
                yield f"identities: {weaker} has not heard of {event.subject}"
    for name, customer in customers.items():
        owner = customer.identity.owner
        part = customers[owner].identity.others().get(name) if owner else None
        if owner and (part is None or part.profile.features != customer.profile.features):
            yield f"identities: {owner} has not what {name} has"
        for source, has in customer.identity.sources.items():
            if has.parts and customers[source].identity.owner != name:
                yield f"identities: {name} still has parts of {source}"
