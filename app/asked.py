"""One request for a decision, typed by the policy that will answer it, and the facts that it stands on. Pure."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from consumers.accepting import accepted
from consumers.live import LivePolicy
from profiles import ledger
from profiles.errors import BadFields
from profiles.facts import Situation
from profiles.fields import checked, nearest
from profiles.fold import fold, not_after
from profiles.people import Person
from rules import codes
from schemas.base import at_ms
from schemas.decision import DecisionRequest, Facts, Question
from schemas.interaction import Interaction


class Asked:
    """`identifiers`: strongest first."""

    __slots__ = ("channel", "context", "event", "identifiers", "now_ms", "placements", "request_id")

    def __init__(
        self,
        identifiers: tuple[str, ...],
        channel: str,
        placements: tuple[tuple[str, int], ...],
        context: dict[str, Any],
        event: Interaction | None,
        now_ms: int,
        request_id: str | None,
    ) -> None:
        self.identifiers = identifiers
        self.channel = channel
        self.placements = placements
        self.context = context
        self.event = event
        self.now_ms = now_ms
        self.request_id = request_id

    @staticmethod
    def from_request(request: DecisionRequest | Question, policy: LivePolicy, now_ms: int) -> "Asked":
        """Raises BadFields."""
        identifiers = _identifiers(request, policy)
        return Asked(
            identifiers,
            policy.definition.known_channel(request.channel),
            tuple([(each.placement, each.count) for each in request.placements]),
            checked(request.context, policy.definition.context, "`context`"),
            _event(request, identifiers, policy, now_ms),
            now_ms,
            request.id,
        )

    @property
    def named_ms(self) -> int:
        """When its identifiers were named together."""
        return self.now_ms if self.event is None else min(self.event.at_ms, self.now_ms)

    def facts(self, person: Person, policy: LivePolicy, stock: Mapping[str, int]) -> Facts:
        before = profile = person.profile(policy.definition)
        if self.event is not None:
            folded = fold(person.named.profile, not_after(self.now_ms, self.event), policy.definition)
            profile = person.profile(policy.definition, {person.named.subject: folded})
        situation = Situation(person.subject, profile, self.channel, self.now_ms, self.event, self.context, before)
        values = policy.facts.read(situation)
        seen = ledger.within(person.ledger(), policy.ruleset.lookback_ms, self.now_ms)
        return Facts(person.subject, self.channel, self.placements, values, seen, stock=stock)

    def decision_id(self, shard: int, drawn: int) -> str:
        """Of time and chance, or a hash of the caller's own id. `drawn`: 60 random bits."""
        if self.request_id is None:
            return codes.decision_id(shard, (self.now_ms << 60) | drawn)
        return codes.decision_id(shard, codes.hashed(self.identifiers[0], self.request_id))


def _identifiers(request: DecisionRequest | Question, policy: LivePolicy) -> tuple[str, ...]:
    kinds = policy.definition.identifiers
    for kind in request.identifiers:
        if kind not in kinds:
            hint = nearest(kind, dict.fromkeys(kinds)) or f"it knows {', '.join(kinds)}"
            raise BadFields(f"the policy knows no identifier `{kind}`", hint)
    try:
        return tuple(request.named(kinds))
    except ValueError as cause:
        raise BadFields(str(cause)) from cause


def _event(
    request: DecisionRequest | Question, identifiers: tuple[str, ...], policy: LivePolicy, now_ms: int
) -> Interaction | None:
    given = request.interaction
    if given is None:
        return None
    happened_ms = at_ms(given.time) if given.time else now_ms
    subject, links = identifiers[0], identifiers[1:]
    event = Interaction(given.id, given.source, given.type, subject, request.channel, happened_ms, given.data)
    return accepted(replace(event, links=links) if links else event, policy, now_ms)
