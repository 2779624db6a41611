"""What a decision says and changes: records for the log, and one commit. Pure."""

from msgspec.structs import replace

from app.asked import Asked
from consumers.accepting import record_of
from consumers.live import LivePolicy
from profiles import ledger
from profiles.decided import Kept, keys_of
from profiles.holds import held
from profiles.linking import Links
from profiles.people import Person
from profiles.store import Commit, Record
from rules.answer import Answered
from schemas.interaction import IDENTIFY, Interaction

SOURCE = "opportune/decisions"


def said_of(decided: Answered, asked: Asked, person: Person, policy: LivePolicy) -> list[Record]:
    """The decision, after what just happened. An event of somebody who belongs to the customer stands in a log of
    its own, which may be in another shard: it is appended first, as one that was accepted by itself would be."""
    said = [Record("decisions", decided.decision, person.subject, decided.record)]
    event, others = asked.event, asked.identifiers[1:]
    if event is None and others and not person.named.identity.sources.keys() >= set(others):
        event = _introduction(decided, asked, policy)
    return said if event is None else [record_of(event), *said]


def _introduction(decided: Answered, asked: Asked, policy: LivePolicy) -> Interaction:
    """Says that the identifiers of a request are one person's, where it brings no event that would."""
    subject, links = asked.identifiers[0], asked.identifiers[1:]
    event = Interaction(decided.decision, SOURCE, IDENTIFY, subject, asked.channel, asked.now_ms, {})
    return replace(event, links=links, policy=policy.revision)


def commit_of(
    decided: Answered, said: list[Record], person: Person, asked: Asked, policy: LivePolicy, kept: Kept
) -> Commit:
    """All that a decision changes. One that chose nothing leaves the customer as it is, and still requires that
    nobody else has changed it: the record must not bring back what was erased meanwhile."""
    definition, customer, links = policy.definition, person.top, person.links()
    if links is not None and person.named is not customer:
        links = Links()  # they stand elsewhere: what was decided for the customer without them is to be decided again
    entries = ledger.entries_of(decided, asked.now_ms, definition)
    return Commit(
        subject=person.subject,
        expected=customer.version,
        ledger=ledger.reserved(customer.ledger, entries, asked.now_ms, definition) if entries else None,
        records=[each for each in said if each.subject == person.subject],
        new_keys=keys_of(entries, decided.decision, decided.record, person.subject, kept),
        links=links,
        moves=held(entries),
    )
