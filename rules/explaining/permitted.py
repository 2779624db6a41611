"""What of lists, consents and requirements stands against a candidate, and what of it cannot be proven.

Which of them concern the candidate, and which verdict refuses, is asked of `rules.permission`, as `decide` does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from rules.contact import ContactState
from rules.explaining.changes import in_words
from rules.explaining.found import Found
from rules.explaining.lacks import lacks
from rules.explaining.times import minute
from rules.language import Condition, EvaluationError
from rules.permission import Asked, asked
from rules.reasons import Reason
from rules.ruleset import Candidate, RuleSet
from schemas.ledger import Ledger
from schemas.policy import ContactPolicy

KINDS = {"do_not_contact": "do-not-contact list", "black_lists": "black list", "consents": "consent"}


@dataclass(frozen=True, slots=True)
class Permission:
    state: ContactState
    values: Mapping[str, Any]
    """Those of the customer and of the offer."""
    ruleset: RuleSet
    zone: ZoneInfo

    def against(self, candidate: Candidate) -> Iterator[Found]:
        """What refuses comes before what cannot be proven."""
        asked_for = list(self._asked(candidate))
        required = list(self._requirements())
        found = [*asked_for, *required]
        yield from (each for each in found if each.reason is not Reason.CONTACT_UNKNOWN)
        yield from (each for each in asked_for if each.reason is Reason.CONTACT_UNKNOWN)
        yield from self._unprovable()
        yield from (each for each in required if each.reason is Reason.CONTACT_UNKNOWN)

    def _asked(self, candidate: Candidate) -> Iterator[Found]:
        for each in asked(self.state.policy, candidate, self.state.channel):
            if each.key is None:
                yield Found(each.reason, "consents", f"{each.name}: one that covers it would have to be declared")
            else:
                yield from self._one(each, f"{KINDS[each.key[0]]} {each.key[1]}", self.state.rules.conditions[each.key])

    def _requirements(self) -> Iterator[Found]:
        for spec, condition in zip(self.state.policy.requirements, self.state.requirements, strict=True):
            if not spec.channels or self.state.channel in spec.channels:
                required = Asked(Reason.CONTACT_REQUIREMENT, spec.id, None, False)
                yield from self._one(required, f"requirement {spec.id}", condition)

    def _one(self, each: Asked, where: str, condition: Condition) -> Iterator[Found]:
        lack = lacks(condition, self.values, self.ruleset, wanted=not each.refuses)
        if lack is not None:
            is_unknown = isinstance(condition.verdict(self.values), EvaluationError)
            reason = Reason.CONTACT_UNKNOWN if is_unknown else each.reason
            yield Found(reason, where, in_words(lack), condition.source, lack)

    def _unprovable(self) -> Iterator[Found]:
        """A ledger that had to forget; a customer's clock that cannot be read."""
        blank = self.state.alone(ContactPolicy())
        forgotten = blank.requirement_refusal({})
        if forgotten is not None:
            until_ms = blank.ledger.forgotten_ms + blank.rules.lookback_ms
            text = f"{forgotten[1]}; known in full again on {minute(until_ms, self.zone)}"
            yield Found(forgotten[0], "contact_policy", text, until_ms=until_ms)
        clocks = self.state.policy.model_copy(update={"requirements": ()})
        unread = self.state.alone(clocks, ledger=Ledger()).requirement_refusal({})
        if unread is not None:
            yield Found(unread[0], "customer_time_zone", unread[1])
