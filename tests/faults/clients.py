"""Clients of one scenario: touchpoints that use the HTTP API, and backends that produce to Kafka.

Whatever happens to a call, it is repeated under the same ids until it is answered well. Some is sent twice on purpose.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from tests.faults.backends import Backend
from tests.faults.history import SOURCE, History
from tests.faults.rig import PARTITIONS, Rig
from tests.faults.touchpoint import Touchpoint

AGAIN_AFTER_S = 0.1
MOST_AT_ONCE = 24
"""Of one kind. More would only wait in the API of a busy machine, until they are given up and sent again."""
MOST_UNKNOWN = 150
PATIENCE_S = 60.0
OUTCOME = "accepted"
KINDS = ("customer", "customer", "visitor", "phone")
ATTRIBUTES = {"customer": "subject", "visitor": "visitor", "phone": "phone"}


@dataclass(frozen=True)
class Pace:
    """Each second."""

    over_http: int = 200
    to_kafka: int = 100
    """Where it is none, nobody produces: responses go over HTTP too, and no client waits for Kafka."""
    decisions: int = 20
    batch: int = 20
    """Interactions in one call."""
    customers: int = 60


class Clients:
    def __init__(self, rig: Rig, history: History, pace: Pace, seed: int) -> None:
        self._rig = rig
        self._history = history
        self._pace = pace
        self._chance = random.Random(seed)
        self._backend = Backend(rig.kafka.servers, self._chance, PARTITIONS)
        self._numbers = 0
        self._over = False
        self._later: asyncio.TaskGroup
        self.slowest_decision_s = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Clients"]:
        """Until the end; then until everything that was begun is acknowledged."""
        await self._backend.start()
        pace = self._pace
        with closing(Touchpoint(self._rig.url, self._rig.token)) as api:
            async with asyncio.TaskGroup() as tasks:
                self._later = tasks
                tasks.create_task(self._paced(pace.over_http / pace.batch, lambda: self._post(api)))
                tasks.create_task(self._paced(pace.to_kafka, self._produce))
                tasks.create_task(self._paced(pace.decisions, lambda: self._decide(api)))
                try:
                    yield self
                finally:
                    self._over = True
            await self._backend.close()
            self._history.failures["produced again"] += self._backend.again

    def state(self) -> str:
        """In a few words."""
        history, again = self._history, self._backend.again
        failed = {**history.failures, **({"produced again": again} if again else {})}
        return f"{history.sent:,} sent, {len(history.decided):,} decisions, not answered well: {failed or 'none'}"

    async def _paced(self, per_s: float, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Calls begin when they are due, also while others wait for their answers, unless too many do: what is more
        than a second late then is left out, as clients that wait ask no more afterwards."""
        began, begun, waiting = time.monotonic(), 0.0, set[asyncio.Task[None]]()
        async with asyncio.TaskGroup() as calls:
            while per_s and not self._over:
                waiting = {each for each in waiting if not each.done()}
                due = (time.monotonic() - began) * per_s
                begun = max(begun, due - per_s)
                while begun < due and len(waiting) < MOST_AT_ONCE:
                    begun += 1
                    waiting.add(calls.create_task(act()))
                await asyncio.sleep(0.02)

    def event(self) -> tuple[int, str, dict[str, Any]]:
        """A new one: its number, whom it is about, and the event."""
        self._numbers += 1
        kind, name = self._chance.choice(KINDS), f"x{self._chance.randrange(self._pace.customers)}"
        event = {"specversion": "1.0", "id": str(self._numbers), "source": SOURCE, "type": "purchase"}
        data = {"n": self._numbers, "owner": f"{kind}:{name}"}
        return self._numbers, f"{kind}:{name}", {**event, ATTRIBUTES[kind]: name, "data": data}

    async def _post(self, api: Touchpoint) -> None:
        events = [self.event() for _ in range(self._pace.batch)]
        body = [event for *_, event in events]
        await self._until_taken(api, "interactions", body)
        if self._chance.random() < 0.05:
            await self._until_taken(api, "interactions", body)
        self._history.said.update((number, subject) for number, subject, _ in events)

    async def _produce(self) -> None:
        number, subject, event = self.event()
        for _ in range(1 if self._chance.random() < 0.95 else 2):
            self._history.sent += 1
            await self._backend.event(event)
        self._history.said[number] = subject

    async def _decide(self, api: Touchpoint) -> None:
        self._numbers += 1
        who = f"x{self._chance.randrange(self._pace.customers)}"
        question = {"id": f"q{self._numbers}", "customer": who, "channel": "web", "placements": [{"placement": "hero"}]}
        began = time.monotonic()
        answer = await self._until_taken(api, "decisions", question)
        self.slowest_decision_s = max(self.slowest_decision_s, time.monotonic() - began)
        if answer["customer"] != who:
            self._history.mixed_up.append(f"{question['id']} of {who} was answered for {answer['customer']}")
        codes = tuple(each["code"] for each in answer["treatments"])
        self._history.decided[answer["decision"]] = f"customer:{who}", codes
        for code in codes:
            self._later.create_task(self._answer(api, code, f"customer:{who}"))  # whoever decides waits for no broker

    async def _answer(self, api: Touchpoint, code: str, subject: str) -> None:
        said = {"code": code, "outcome": OUTCOME}
        way = self._chance.randrange(3) if self._pace.to_kafka else 0
        if way == 0:
            if await self._until_taken(api, "responses", said) is None:
                self._history.given_up.append(code)
                return
        elif way == 1:
            place = await self._backend.say("responses", orjson.dumps({**said, "code": code.lower()}), [])
            self._history.answers_at[place] = code
        else:
            event = {"specversion": "1.0", "id": code, "source": SOURCE, "type": "response"}
            place = await self._backend.event({**event, "data": said}, "responses")
            self._history.answers_at[place] = code
        self._history.sent += way > 0
        self._history.answered[code] = subject

    async def _until_taken(self, api: Touchpoint, what: str, body: Any) -> Any:
        """The answer; None where the API has said too often that it knows nothing of it."""
        unknown, give_up = 0, time.monotonic() + PATIENCE_S
        while unknown < MOST_UNKNOWN:
            assert time.monotonic() < give_up, f"{what}: not taken; {dict(self._history.failures)}; {body}"
            self._history.sent += len(body) if isinstance(body, list) else 1
            try:
                answer = await api.post(f"/v1/{what}", body)
                if answer.is_success:
                    return answer.body
                unknown += answer.status == HTTPStatus.NOT_FOUND
                self._history.failures[f"{what} {answer.status}"] += 1
            except (OSError, EOFError) as cause:
                self._history.failures[f"{what} {type(cause).__name__}"] += 1
            await asyncio.sleep(AGAIN_AFTER_S)
        return None
