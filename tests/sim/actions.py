"""What rules have done in a run, compared with a computation over the log alone."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from profiles import keys
from profiles.store import CustomerStore
from schemas.action import Action
from schemas.decision import DecisionRecord
from schemas.interaction import TIMER_FIRED, Interaction
from tests.builders import MINUTE

WITHIN = 20 * MINUTE
RESCUE = "after:rescue"
WORTH_A_MESSAGE = 5.0
WORTH_A_NOTE = 20.0
Taken = Mapping[str, Sequence[Action]]
"""By subject."""


@dataclass(frozen=True, slots=True)
class Logged:
    topic: str
    id: str
    subject: str
    body: bytes


async def taken(redis: Redis, shards: int) -> Taken:
    found: dict[str, list[Action]] = {}
    for shard in range(shards):
        entries: Any = await redis.xrange(keys.actions(shard))
        for _, fields in entries:
            subject = fields[b"subject"].decode()
            found.setdefault(subject, []).append(Action.model_validate_json(fields[b"body"]))
    return found


def repeated(acted: Taken, log: Sequence[Logged]) -> list[str]:
    """Actions and decisions that were emitted more than once, and events for which a rule acted more than once."""
    ids = Counter(each.id for some in acted.values() for each in some)
    ids.update(each.id for each in log if each.topic == "decisions")
    ids.update(f"{each.rule} for {each.event.id}" for some in acted.values() for each in some)
    return [f"{name} was emitted {times} times" for name, times in ids.items() if times > 1]


def decided(log: Sequence[Logged], subject: str) -> list[DecisionRecord]:
    return [
        DecisionRecord.model_validate_json(each.body)
        for each in log
        if (each.topic, each.subject) == ("decisions", subject)
    ]


def codes_of(decisions: Sequence[DecisionRecord]) -> Iterator[str]:
    for each in decisions:
        yield from (treatment.code for treatment in each.treatments)
        yield from (f"{each.decision}/{index}" for index, _ in enumerate(each.withheld))


def counted(decisions: Sequence[DecisionRecord]) -> Iterator[str]:
    for each in decisions:
        day = each.at[:10]
        yield f"{day}|decisions"
        for made, column in ((each.treatments, "decided"), (each.withheld, "withheld")):
            for one in made:
                yield f"{day}|{one.campaign}|{one.program}|{one.cell}|{one.offer}|{each.channel}|{column}"


def wrong(
    subject: str, interactions: Sequence[Interaction], decisions: Sequence[DecisionRecord], acted: Taken
) -> list[str]:
    """Each action that follows from the log, once; and none that does not."""
    mine = acted.get(subject, ())
    found = []
    lost = Counter(each.text for each in mine if each.rule == "rescue")
    if lost != (expected := Counter(_lost(interactions))):
        found.append(f"{subject}: on the call list are {dict(lost)} instead of {dict(expected)}")
    worth = [each.id for each in interactions if each.type == "purchase" and each.data["amount"] > WORTH_A_MESSAGE]
    if len(decisions) != len(worth):
        found.append(f"{subject}: {len(decisions)} decisions for {len(worth)} purchases")
    sent = {each.code: each.event.id for each in mine if each.kind == "message"}
    if sorted(map(str, sent)) != sorted(each.code for one in decisions for each in one.treatments):
        found.append(f"{subject}: messages {sent} do not fit what was decided")
    if not set(sent.values()) <= set(worth):
        found.append(f"{subject}: messages for {set(sent.values()) - set(worth)}")
    return found


def _lost(interactions: Sequence[Interaction]) -> Iterator[str]:
    """The page views after which no purchase came, at each firing of the timer, out of all that was there by then."""
    there: list[Interaction] = []
    starting: list[Interaction] = []
    for each in interactions:
        if each.type != TIMER_FIRED:
            newest = max((one.at_ms for one in there), default=each.at_ms)
            there.append(each)
            if each.type == "page_view" and each.at_ms + WITHIN > newest:
                starting.append(each)
        elif each.data["timer"] == RESCUE:
            last = max(starting, key=lambda one: one.at_ms, default=each)
            bought = [one for one in there if one.type == "purchase" and last.at_ms < one.at_ms <= each.at_ms]
            if last.at_ms + WITHIN == each.at_ms and not bought:
                yield last.id


async def wrong_keys(redis: Redis, store: CustomerStore, decisions: Sequence[DecisionRecord]) -> list[str]:
    """Every decision and every code can be found."""
    found = []
    for each in decisions:
        shard = int(each.decision.partition("-")[0])
        names = [keys.decision(shard, each.decision), *(keys.code(shard, one.code) for one in each.treatments)]
        if await redis.exists(*names) != len(names):
            found.append(f"{each.decision}: some of {names} are missing")
    return found
