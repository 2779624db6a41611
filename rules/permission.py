"""Whom we may speak to at all: the lists and consents that concern a candidate. What their verdicts mean is for
`contact` to say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rules.candidates import Candidate
from rules.reasons import Reason
from schemas.contact import BlackList, ContactPolicy

ConditionKey = tuple[str, str]
"""Section of the contact policy, and id."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that must be known before a candidate may be made."""

    reason: Reason
    name: str
    key: ConditionKey | None
    """None: it is refused without asking."""
    refuses: bool
    """The verdict that refuses."""


class Permissions:
    """What is asked under one policy, kept by class and purpose where it depends on no more of an offer."""

    def __init__(self, policy: ContactPolicy) -> None:
        self._policy = policy
        self._known: dict[tuple[str, tuple[str, str | None]], Sequence[Asked]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Machine code does not pickle by itself."""
        return Permissions, (self._policy,)

    def asked(self, candidate: Candidate, channel: str) -> Sequence[Asked]:
        if self._policy.black_lists:
            return tuple(asked(self._policy, candidate, channel))
        found = self._known.get((channel, candidate.manner))
        if found is None:
            found = self._known[channel, candidate.manner] = tuple(asked(self._policy, candidate, channel))
        return found


def asked(policy: ContactPolicy, candidate: Candidate, channel: str) -> Iterator[Asked]:
    """In the order of the reasons."""
    for barred in policy.do_not_contact:
        if _covers(barred.channels, channel) and candidate.offer.kind not in barred.spares:
            yield Asked(Reason.DO_NOT_CONTACT, barred.id, ("do_not_contact", barred.id), True)
    for listed in policy.black_lists:
        if _covers(listed.channels, channel) and _is_of(listed, candidate):
            yield Asked(Reason.BLACK_LISTED, listed.id, ("black_lists", listed.id), True)
    if policy.consents:
        yield from _consents(policy, candidate, channel)


def _consents(policy: ContactPolicy, candidate: Candidate, channel: str) -> Iterator[Asked]:
    needed = [each for each in policy.consents if each.purpose == candidate.purpose and _covers(each.channels, channel)]
    if not needed:
        name = f"there is no consent for {candidate.purpose or 'no purpose'} on {channel}"
        yield Asked(Reason.NO_CONSENT, name, None, False)
    for each in needed:
        yield Asked(Reason.NO_CONSENT, each.id, ("consents", each.id), False)


def _covers(channels: tuple[str, ...], channel: str) -> bool:
    return not channels or channel in channels


def _is_of(listed: BlackList, candidate: Candidate) -> bool:
    offer = candidate.offer
    return (
        not candidate.covers.isdisjoint(listed.offers)
        or offer.category in listed.categories
        or candidate.campaign.id in listed.campaigns
    )
