"""What must be true of identities after a run: who belongs to whom follows from what was said, and each owner has
exactly what its sources have."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from profiles.customer import Customer
from profiles.definition import Definition
from profiles.facts import read_feature
from profiles.fold import fold
from profiles.joining import joined
from profiles.profile import Profile
from schemas.interaction import Interaction
from tests.sim.judging import Logs


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


def wrong_people(customers: Mapping[str, Customer], logs: Logs, definition: Definition) -> Iterator[str]:
    """Whose each identifier is follows from its log; a person has the parts of all identifiers that are theirs, as they
    are, and the sum of them is the fold of all that was ever said under them."""
    for name, owner in logs.owners.items():
        if customers[name].identity.owner != owner:
            yield f"people: {name} belongs to {customers[name].identity.owner} instead of {owner}"
    for top, names in logs.members().items():
        has = {name: part.profile for name, part in customers[top].identity.others().items()}
        if has.keys() != set(names) - {top}:
            yield f"people: {top} has {sorted(has)} instead of {names}"
        for name in has.keys() & set(names):
            for differs in _differing(has[name], customers[name].profile):
                yield f"people: {top} has not what {name} has: {differs}"
        events = [each.event for name in names for each in logs.met[name] if each.event.subject == name]
        yield from _wrong_sum(top, joined([customers[top].profile, *has.values()], definition), events, definition)


def _differing(copy: Profile, part: Profile) -> Iterator[str]:
    """A part is sent before its own mark is set."""
    for name in set(part.__struct_fields__) - {"marks"}:
        if getattr(copy, name) != getattr(part, name):
            yield f"{name} {getattr(copy, name)} instead of {getattr(part, name)}"


def _wrong_sum(top: str, whole: Profile, events: Sequence[Interaction], definition: Definition) -> Iterator[str]:
    expected = Profile()
    for each in sorted(events, key=lambda each: each.at_ms):
        expected = fold(expected, each, definition)
    for feature in definition.features.values():
        sees, should = (read_feature(feature, each.features, expected.last or 0) for each in (whole, expected))
        if sees != should:
            yield f"people: {top} has {sees} as {feature.key} instead of {should}"
    if (whole.first, whole.last, whole.recent) != (expected.first, expected.last, expected.recent):
        yield f"people: {top} was seen {whole.first}, {whole.last}, {whole.recent} instead of {expected}"
