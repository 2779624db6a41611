"""What a record in Kafka becomes in the log of a shard. Pure, but for what response codes stand for, which is given.

In which shard a record is *taken* follows from nothing but its bytes and its place: whatever policy is live, whatever
Redis knows, whoever takes it, it is the same shard, so that the shard's position alone says whether it is taken. What
it becomes there is settled by the one script that takes it: a record of the shard's log; one that is re-keyed, since
the live policy says that it is about somebody of another shard; or a dead letter.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from msgspec import Struct

from consumers.accepting import accepted, record_of, taken_in
from consumers.answers import answer_of, answer_of_cell
from consumers.answers import record_of as record_of_answer
from consumers.dead_letters import InKafka, NotOurs, Undecodable, decoded, of_the_intake
from consumers.kafka import ours
from consumers.kafka.bindings import event_of, is_structured, media_type
from consumers.kafka.messages import FIRST_MS, SCHEMA
from consumers.kafka.ours import Mark
from consumers.live import LivePolicy
from consumers.said import is_folded
from profiles.decided import KnownCode
from profiles.errors import BadFields
from profiles.ledger import UnknownCode
from profiles.shards import shard_of
from profiles.store import Record
from rules import codes
from rules.cell_codes import read_code
from schemas.identity import CUSTOMER, VISITOR, named
from schemas.interaction import CloudEvent, Interaction
from schemas.logged import plain
from schemas.response import ResponseRequest
from schemas.topics import STRUCTURED

log = logging.getLogger(__name__)

INTERACTIONS, RESPONSES = "interactions", "responses"
TIME = re.compile(r"[0-9]{1,15}")
T = TypeVar("T")


class Fate(StrEnum):
    LOGGED = "logged"
    REKEYED = "rekeyed"
    """On its way to the log of another shard."""
    DEAD = "dead"
    FOLDED = "folded"
    """Folded already, by the commit that has said it: no log needs it (consumers/said.py)."""


class Taken(Struct, frozen=True):
    found: InKafka
    shard: int
    """Where it is taken."""
    fate: Fate
    record: Record
    """Of the log; or the dead letter."""
    schema: str = "1"
    """The version of its body."""
    first_ms: str = ""
    """Of a dead letter that was put back: when a log took it first."""


class Answer(Struct, frozen=True):
    """A response that somebody else has produced: what its code stands for is to be looked up."""

    found: InKafka
    shard: int
    code: str
    request: ResponseRequest


class Decoding:
    """`shards`: of the store; `secret`: with which our own records are signed, if any is set."""

    def __init__(self, shards: int, secret: str = "") -> None:
        self._shards = shards
        self._mark = Mark(secret)

    def read(self, found: InKafka, policy: LivePolicy) -> Taken | Answer:
        """Never raises: what is wrong with a record makes it a dead letter."""
        if _claims(found):
            try:
                return self._ours(found)
            except (NotOurs, Undecodable) as cause:
                return self._dead(found, self._home(found), cause)
        if found.topic == INTERACTIONS:
            return self._interaction(found, policy)
        if found.topic == RESPONSES:
            return self._guarded(found, self._home(found), "", lambda: self._response(found, policy))
        told = f"records of the topic {found.topic} come from Opportune only, and this one is not marked so"
        return self._dead(found, self._home(found), NotOurs(told))

    def is_unsigned(self, found: InKafka) -> bool:
        """Whether it says that it is ours, and is not signed with this secret."""
        return _claims(found) and not self._is_signed(found)

    def is_unchecked(self, found: InKafka) -> bool:
        """Whether it is signed, and there is no secret to check it with."""
        return _claims(found) and not self._mark.signs and found.headers[-1][1] != ours.UNSIGNED

    def answered(self, answer: Answer, known: KnownCode | None, policy: LivePolicy) -> Taken:
        """`known`: what its code stands for."""
        subject = known.subject if known else ""
        return self._guarded(answer.found, answer.shard, subject, lambda: _answered(answer, known, policy))

    def _home(self, found: InKafka) -> int:
        """Where records are taken of which nobody can tell whom they are about."""
        return found.partition % self._shards

    def _is_signed(self, found: InKafka) -> bool:
        if not self._mark.signs:
            return True
        own_id = dict(found.headers).get("ce_id") or b""
        return self._mark.fits(found.headers[-1][1] or b"", found.topic, found.key or b"", own_id, found.value or b"")

    def _ours(self, found: InKafka) -> Taken:
        headers, key, value = dict(found.headers), found.key or b"", found.value or b""
        own_id = headers.get("ce_id") or b""
        if not self._is_signed(found):
            raise NotOurs("the header says that it is Opportune's own, and its signature does not fit")
        try:
            subject, record_id = key.decode(), own_id.decode() or found.place
            if found.topic == INTERACTIONS and own_id:
                record_id = f"{(headers.get('ce_source') or b'').decode()}#{record_id}"
            schema = (headers.get(SCHEMA) or b"1").decode()
            first_ms = (headers.get(FIRST_MS) or b"").decode()
        except UnicodeDecodeError as cause:
            raise Undecodable(f"key or headers are no UTF-8 text: {cause}") from cause
        if not subject:
            raise Undecodable("a record of ours without a key")
        if first_ms and not TIME.fullmatch(first_ms):
            raise Undecodable(f"the header {FIRST_MS} is no time")
        record = Record(found.topic, record_id, subject, value)
        fate = Fate.FOLDED if is_folded(record) else Fate.LOGGED
        return Taken(found, shard_of(subject, self._shards), fate, record, schema, first_ms)

    def _interaction(self, found: InKafka, policy: LivePolicy) -> Taken:
        headers = dict(found.headers)
        try:
            if is_structured(headers) and (event := plain(found.value or b"")) is not None:
                return self._plain(found, event, policy)
            attributes = event_of(headers, found.value)
        except Undecodable as cause:
            return self._dead(found, self._home(found), cause)
        about = _about(attributes)
        shard = shard_of(about, self._shards) if about else self._home(found)
        return self._guarded(found, shard, about, lambda: self._accepted(found, shard, attributes, policy))

    def _plain(self, found: InKafka, event: Interaction, policy: LivePolicy) -> Taken:
        """The same for one that needs no closer look."""
        shard = shard_of(event.subject, self._shards)

        def make() -> Taken:
            record = record_of(accepted(event, policy, found.at_ms))
            return Taken(found, shard, Fate.LOGGED, record)

        return self._guarded(found, shard, event.subject, make)

    def _accepted(self, found: InKafka, shard: int, attributes: Mapping[str, Any], policy: LivePolicy) -> Taken:
        event = decoded(CloudEvent.model_validate, dict(attributes))
        record = taken_in(event, policy, found.at_ms)
        is_here = shard_of(record.subject, self._shards) == shard
        return Taken(found, shard, Fate.LOGGED if is_here else Fate.REKEYED, record)

    def _response(self, found: InKafka, policy: LivePolicy) -> Taken | Answer:
        headers = dict(found.headers)
        event = event_of(headers, found.value)
        is_event = media_type(headers) == STRUCTURED or "specversion" in event
        request = decoded(ResponseRequest.model_validate, event.get("data", event) if is_event else event)
        if request.customer is not None:
            subject = f"{CUSTOMER}:{request.customer}"
            shard = shard_of(subject, self._shards)
            return self._guarded(found, shard, subject, lambda: _of_cell(found, shard, subject, request, policy))
        try:
            code = codes.parse(request.code)
        except codes.BadCode as cause:
            raise BadFields(str(cause)) from cause
        shard = codes.shard_of(code)
        if shard >= self._shards:
            raise UnknownCode(code)
        return Answer(found, shard, code, request)

    def _guarded(self, found: InKafka, shard: int, about: str, make: Callable[[], T]) -> T | Taken:
        """What `make` makes of a record, or the dead letter: one record must never stop a partition."""
        try:
            return make()
        except Exception as cause:  # noqa: BLE001
            return self._dead(found, shard, cause, about)

    def _dead(self, found: InKafka, shard: int, cause: Exception, about: str = "") -> Taken:
        letter = of_the_intake(found, cause, subject=about)
        return Taken(found, shard, Fate.DEAD, letter)


def _claims(found: InKafka) -> bool:
    """Whether it says that it is Opportune's own."""
    return bool(found.headers) and found.headers[-1][0] == ours.HEADER


def _about(attributes: Mapping[str, Any]) -> str:
    """Whom an event names by the identifiers that every policy knows; empty for nobody."""
    try:
        return named({CUSTOMER: attributes.get("subject"), VISITOR: attributes.get("visitor")})[0]
    except ValueError:
        return ""


def _answered(answer: Answer, known: KnownCode | None, policy: LivePolicy) -> Taken:
    if known is None:
        raise UnknownCode(answer.code)
    said = answer_of(answer.request, answer.code, known, policy.definition, answer.found.at_ms)
    return Taken(answer.found, answer.shard, Fate.LOGGED, record_of_answer(said, known.subject))


def _of_cell(found: InKafka, shard: int, subject: str, request: ResponseRequest, policy: LivePolicy) -> Taken:
    cell = policy.ruleset.cell_codes.get(read_code(request.code))
    if cell is None:
        raise BadFields(f"the policy has no cell with the code `{request.code}`")
    said = answer_of_cell(request, cell, policy.definition, found.at_ms)
    return Taken(found, shard, Fate.LOGGED, record_of_answer(said, subject))


def codes_of(read: Iterable[Taken | Answer]) -> set[str]:
    return {each.code for each in read if isinstance(each, Answer)}
