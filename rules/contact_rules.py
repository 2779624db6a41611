"""The contact policy made ready: its conditions, and how it reads the ledger. Built once per revision."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from rules.candidates import Candidate
from rules.clocks import known_zone
from rules.counting import Reading, ReadyCap, ready_caps
from rules.language import Condition
from rules.permission import ConditionKey, Permissions
from rules.policy.conditions import OF_CONTACT
from rules.whom import Whom, whom_of
from schemas.contact import ContactPolicy
from schemas.policy import Policy


@dataclass(frozen=True, slots=True)
class ContactRules:
    """What the contact policy needs beside itself; all of it follows from the policy."""

    conditions: Mapping[ConditionKey, Condition]
    of_offers: frozenset[Condition]
    """The conditions that look at the offer."""
    is_uniform: bool
    """Whether lists, consents and requirements ask no more of an offer than its class and purpose."""
    reading: Reading
    policy: ContactPolicy
    permissions: Permissions
    lookback_ms: int
    """How far back it looks."""
    caps: tuple[ReadyCap, ...]
    """Those of the policy."""
    whom: Whom
    zone: ZoneInfo
    """The policy's."""
    zone_fact: str | None
    """What is known of the customer's time zone."""
    language_fact: str | None
    """What is known of the customer's language."""

    @property
    def reads(self) -> frozenset[str]:
        """The facts that it looks at beside those of its conditions."""
        return frozenset(name for name in (self.zone_fact, self.language_fact) if name)

    @staticmethod
    def of(
        policy: Policy, compiled: Mapping[tuple[str | int, ...], Condition], candidates: Iterable[Candidate]
    ) -> "ContactRules":
        contact = policy.contact_policy
        conditions = {
            (section, each.id): compiled["contact_policy", section, at, field]
            for section, field in OF_CONTACT.items()
            for at, each in enumerate(getattr(contact, section))
        }
        of_offers = frozenset(each for each in conditions.values() if _reads_offer(each))
        return ContactRules(
            conditions=conditions,
            of_offers=of_offers,
            is_uniform=not of_offers and not contact.black_lists,
            reading=Reading.of(policy),
            policy=contact,
            permissions=Permissions(contact),
            lookback_ms=contact.lookback_ms,
            caps=ready_caps(contact.caps),
            whom=whom_of(candidates),
            zone=ZoneInfo(policy.policy.time_zone),
            zone_fact=_attribute(contact.customer_time_zone),
            language_fact=_attribute(policy.policy.customer_language),
        )

    def language_of(self, values: Mapping[str, Any]) -> str | None:
        return values.get(self.language_fact) if self.language_fact else None

    def zone_of(self, values: Mapping[str, Any]) -> ZoneInfo | None:
        """The customer's time zone, else the policy's; None if what is known of it names none."""
        name = values.get(self.zone_fact) if self.zone_fact else None
        return self.zone if name is None else known_zone(name)


def _attribute(name: str | None) -> str | None:
    return f"customer.{name}" if name else None


def _reads_offer(condition: Condition) -> bool:
    return any(name.startswith("offer.") for name in condition.reads)
