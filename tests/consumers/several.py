"""Several identifiers that are folded without Redis: each has a log, what one says to another takes its time, and
timers fire by a clock."""

from collections import defaultdict, deque
from collections.abc import Sequence

import orjson
from msgspec.structs import replace

from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.said import is_folded
from consumers.timers import SOURCE, interaction_of
from profiles.customer import Customer
from profiles.identity import NOBODY, Identity
from profiles.profile import Profile
from profiles.store import IDENTITIES, Commit, Record
from schemas.base import Model
from schemas.identity import Judged
from schemas.interaction import SESSION_ENDED, CloudEvent, Interaction, from_cloud_event, to_cloud_event
from schemas.ledger import Ledger
from tests.consumers.conftest import Counted


class Several:
    def __init__(self, policy: LivePolicy) -> None:
        self.policy = policy
        self.customers: dict[str, Customer] = {}
        self.clock: dict[tuple[str, str], int] = {}
        """Due time by subject and timer: what the sorted sets would hold."""
        self.now_ms = 0
        self.said: list[Interaction] = []
        self.conflicts = Counted()
        self.again = False
        """Whether each batch is folded a second time, as after a crash."""
        self._logs: dict[str, list[LogRecord]] = defaultdict(list)
        self._on_the_way: deque[Record] = deque()

    def happen(self, *events: Interaction) -> "Several":
        """Each is folded when it happens, or now, and what follows from it arrives at once."""
        for each in events:
            self.take(each)
            self.arrive()
        return self

    def take(self, *events: Interaction) -> None:
        """All in one batch. What the clock has for the time until then comes first."""
        for each in events:
            self.look(each.at_ms)
            self._log(Record("interactions", each.identity, each.subject, orjson.dumps(to_cloud_event(each))))
        for subject in dict.fromkeys(each.subject for each in events):
            self._fold(subject)

    def tell(self, topic: str, subject: str, body: Model) -> Commit:
        """Says something to an identifier; what the commit holds that is not for here."""
        self._log(Record(topic, f"told-{self.now_ms}", subject, body.model_dump_json().encode()))
        commit = ProfileFold(self.policy, self.conflicts)(self.customers[subject], self._logs[subject])
        self._commit(self.customers[subject], commit)
        return commit

    def judge(self, identifier: str, claimant: str, wrong: bool = True) -> "Several":
        body = Judged(claimant=claimant, at_ms=self.now_ms, wrong=wrong)
        self._log(Record(IDENTITIES, f"judged-{self.now_ms}", identifier, orjson.dumps(body.model_dump())))
        self._fold(identifier)
        self.arrive()
        return self

    def look(self, now_ms: int) -> "Several":
        """Fires what is due, in order."""
        while due := [(at_ms, *who) for who, at_ms in self.clock.items() if at_ms <= now_ms]:
            at_ms, subject, name = min(due)
            del self.clock[subject, name]
            self.now_ms = max(self.now_ms, at_ms)
            fired = interaction_of(subject, name, at_ms)
            self._log(Record("interactions", fired.id, subject, orjson.dumps(to_cloud_event(fired))))
            self._fold(subject)
            self.arrive()
        self.now_ms = max(self.now_ms, now_ms)
        return self

    def is_due(self, now_ms: int) -> bool:
        return any(at_ms <= now_ms for at_ms in self.clock.values())

    def arrive(self, most: int = 1_000) -> None:
        """What identifiers have said to each other arrives, in its order, and so does what follows from it."""
        while self._on_the_way and most:
            most -= 1
            record = self._on_the_way.popleft()
            self._log(record)
            self._fold(record.subject)

    def overtake(self, by: int = 1) -> None:
        """What is on the way last arrives before all else that is."""
        self._on_the_way.rotate(by)

    def arrive_at_once(self) -> None:
        """All that is on the way, in one batch of each identifier."""
        records = list(self._on_the_way)
        self._on_the_way.clear()
        for each in records:
            self._log(each)
        for subject in dict.fromkeys(each.subject for each in records):
            self._fold(subject)

    def deliver_again(self) -> None:
        """All that identifiers have ever said to each other arrives a second time."""
        for subject, log in list(self._logs.items()):
            for each in [each for each in log if each.topic == IDENTITIES]:
                self._log(Record(each.topic, each.id, subject, each.body))
            self._fold(subject)

    def profile(self, subject: str) -> Profile:
        return self.customers[subject].profile

    def summaries(self, *subjects: str) -> list[Interaction]:
        """Of these, or of everybody, in order of their ends."""
        found = [
            each for each in self.said if each.type == SESSION_ENDED and each.subject in (subjects or each.subject)
        ]
        return sorted(found, key=lambda each: (each.at_ms, each.data["started"]))

    def _log(self, record: Record) -> None:
        log = self._logs[record.subject]
        logged = LogRecord(record.topic, len(log) + 1, self.now_ms, record.id, record.subject, record.body)
        if not is_folded(logged):  # as a worker passes it
            log.append(logged)

    def _fold(self, subject: str) -> None:
        """All that is new, in one batch."""
        while True:
            customer = self.customers.get(subject) or Customer(subject)
            commit = ProfileFold(self.policy, self.conflicts)(customer, self._logs[subject])
            if commit.expected is None:
                return
            self._commit(customer, commit)

    def _commit(self, customer: Customer, commit: Commit) -> None:
        if self.again:
            second = ProfileFold(self.policy, self.conflicts)(customer, self._logs[customer.subject])
            assert (second.profile, second.identity, second.records) == (
                commit.profile,
                commit.identity,
                commit.records,
            )
        assert commit.profile is not None
        self.customers[customer.subject] = replace(
            customer,
            profile=Profile.loads(commit.profile.dumps()),
            ledger=Ledger.from_json((commit.ledger or customer.ledger).as_json()),
            identity=_from_redis(commit.identity or customer.identity),
        )
        for name, due_ms in commit.timers.items():
            if due_ms is None:
                self.clock.pop((customer.subject, name), None)
            else:
                self.clock[customer.subject, name] = due_ms
        self._say(commit.records)

    def _say(self, records: Sequence[Record]) -> None:
        for each in records:
            assert each.topic in ("interactions", IDENTITIES), each.body
            if each.topic == IDENTITIES:
                self._on_the_way.append(each)
            else:
                event = CloudEvent.model_validate(orjson.loads(each.body))
                self.said.append(from_cloud_event(event, 0, self.policy.definition.identifiers, each.subject))
                assert event.source != SOURCE
                self._log(each)


def _from_redis(identity: Identity) -> Identity:
    data = orjson.loads(orjson.dumps(identity.as_json()))
    return Identity.from_json(data) if data else NOBODY
