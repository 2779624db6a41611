"""The contact policy: when we may speak to a customer. What cannot be proven means no.

Every entry that counts says what it counts, over which part of the catalogue (`per`), in which window, and whether the
contact that is being decided counts too. Times of the day and calendar windows are in the customer's time zone, where
`customer_time_zone` names the attribute that has it, and else in the policy's.
"""

from typing import Literal

from pydantic import Field, model_validator

from schemas.base import Condition, DurationMs, Id, Model, Name
from schemas.short import OneOrMany
from schemas.windows import ClockTime, NeededWindow

OfferClass = Literal["standard", "mandatory", "transactional"]
CapScope = Literal["customer", "channel", "campaign", "program", "category", "exclusive_group", "offer"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DECIDED, PRESENTED, UNANSWERED = "decided", "presented", "unanswered"


class Cap(Model):
    """At most so many contacts within a window."""

    id: Id
    per: CapScope
    """`customer` is overall; `channel`: on the channel of the request."""
    at_most: int = Field(ge=0)
    window: NeededWindow = Field(alias="within")
    """Rolling (`7d`), or `{calendar: week}`."""
    counting: Id = PRESENTED
    """`presented` counts what was shown and what may still be; `decided` every decision; an outcome, such as `clicked`,
    how often that happened. Each counts at its own time."""
    channels: tuple[Name, ...] = ()
    """Only contacts on these count, and only these are held to it."""
    including_current: bool = True
    """Whether the contact that is being decided counts, and what the same answer has chosen before it."""

    @property
    def within(self) -> int:
        """How far back the window reaches, in ms; the most that it may, of a calendar window."""
        return self.window.longest_ms


class CoolDown(Model):
    """Silence after an outcome. The contact that is being decided has no outcome and does not count."""

    after: Id
    per: CapScope = "offer"
    lasting: DurationMs = Field(alias="for")


class Suppression(Model):
    """Silence after several outcomes, or impressions without reaction. What is being decided does not count."""

    id: Id
    after: int = Field(ge=1)
    """So many of them…"""
    of: Id
    """…`unanswered`: impressions without a reaction since the last one; or an outcome, such as `declined`…"""
    within: DurationMs
    """…no further apart than this, the first from the last…"""
    lasting: DurationMs = Field(alias="for")
    """…and then it is silent for so long after the last."""
    per: CapScope = "offer"
    channels: tuple[Name, ...] = ()
    """Only contacts on these count, and only these are held to it."""


class QuietHours(Model):
    """A part of the day in which nobody is spoken to."""

    id: Id
    start: ClockTime = Field(alias="from")
    until: ClockTime
    """Of the next day, if that is earlier than `from`."""
    days: tuple[Day, ...] = DAYS
    """The days on which it begins."""
    channels: tuple[Name, ...] = ()
    spares: tuple[OfferClass, ...] = ()
    """Classes of offers that may be made all the same."""

    @model_validator(mode="after")
    def _some_time(self) -> "QuietHours":
        if self.start == self.until:
            raise ValueError("`until` is the same as `from`; for whole days write from 00:00 until 23:59")
        return self


class DoNotContact(Model):
    """Whom we do not speak to: on these channels, or at all."""

    id: Id
    condition: Condition = Field(alias="if")
    """Such as `"do-not-call" in customer.tags`. What cannot be evaluated is not proven to be false, which means no."""
    channels: tuple[Name, ...] = ()
    spares: tuple[OfferClass, ...] = ()


class BlackList(Model):
    """Who gets none of these: offers, categories of offers, campaigns."""

    id: Id
    condition: Condition = Field(alias="if")
    offers: OneOrMany = ()
    categories: OneOrMany = ()
    campaigns: OneOrMany = ()
    channels: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _of_something(self) -> "BlackList":
        if not (self.offers or self.categories or self.campaigns):
            raise ValueError(
                "name the `offers`, `categories` or `campaigns` that they do not get; or use `do_not_contact`"
            )
        return self


class Consent(Model):
    """What proves that we may use these channels for this purpose."""

    id: Id
    purpose: Id
    """As campaigns and offers name it."""
    require: Condition
    channels: tuple[Name, ...] = ()
    """All if left out. On a channel that no consent for the purpose covers, there is none."""


class ChannelPriority(Model):
    """A contact on one channel holds others back for a while: the desktop, and then not the e-mail."""

    id: Id
    channel: Name
    holds_back: tuple[Name, ...] = Field(min_length=1)
    lasting: DurationMs = Field(alias="for")
    """After the contact was decided, if it was presented or may still be."""
    per: CapScope = "customer"
    """`offer`: only the same offer is held back."""


class Requirement(Model):
    """A condition that must be proven before we speak to this customer: history, frequency of other systems."""

    id: Id
    require: Condition
    channels: tuple[Name, ...] = ()


class ContactPolicy(Model):
    do_not_contact: tuple[DoNotContact, ...] = ()
    black_lists: tuple[BlackList, ...] = ()
    consents: tuple[Consent, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()
    priorities: tuple[ChannelPriority, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    cool_downs: tuple[CoolDown, ...] = ()
    caps: tuple[Cap, ...] = ()
    customer_time_zone: Name | None = None
    """The attribute with the customer's time zone, such as `Europe/Lisbon`; where it is not known, the policy's."""
    reservation: DurationMs = Field(default=30 * 60_000, json_schema_extra={"default": "30m"})
    """How long a decided treatment counts as if presented, until it is or this time is over."""
    remember: DurationMs = Field(default=400 * 86_400_000, json_schema_extra={"default": "400d"})
    """How long the ledger keeps an entry, and a response code is known."""

    @property
    def lookback_ms(self) -> int:
        """How far back any of it looks into the ledger."""
        spans = [
            *(cap.within for cap in self.caps),
            *(each.lasting for each in self.cool_downs),
            *(each.lasting for each in self.priorities),
            *(each.within + each.lasting for each in self.suppressions),
        ]
        return max(spans, default=0)

    @property
    def reads_clock(self) -> bool:
        """Whether any of it depends on the customer's time zone."""
        return bool(self.quiet_hours) or any(cap.window.calendar for cap in self.caps)
