"""The view for agents: a sentence for each offer that may be read aloud to the customer. Pure.

Promises no ids, scores, conditions, test cells and nothing of other offers. A fact is named only where the policy's
`wording` says how; somebody held out hears the same as somebody whose cell gets other offers.
"""

from rules.decide import LeftOut
from rules.explaining.case import Case
from rules.explaining.found import Found
from rules.explaining.obstacles import obstacles
from rules.explaining.phrases import phrase
from rules.explaining.steps import ORDER
from rules.explaining.times import day
from rules.explaining.times import spoken as begins
from rules.language import together
from rules.reasons import Reason
from schemas.base import rfc3339
from schemas.explanation import AgentExplanation, SpokenOffer

UNAVAILABLE = "“{offer}” is not available to you at the moment"
"""All that is said where it is nobody's business why."""
SENTENCES = {
    Reason.SETTLED: "You have given your answer to “{offer}” already",
    Reason.NO_TREATMENT: "“{offer}” cannot be offered here",
    Reason.NOT_ELIGIBLE: "“{offer}” is not open to you as things stand",
    Reason.ELIGIBILITY_UNKNOWN: "“{offer}” is not open to you, as far as we know",
    Reason.NOT_APPLICABLE: "“{offer}” does not fit the present occasion",
    Reason.APPLICABILITY_UNKNOWN: "“{offer}” does not fit the present occasion, as far as we know",
    Reason.NOT_SUITABLE: "“{offer}” does not suit your situation as we know it",
    Reason.SUITABILITY_UNKNOWN: "We do not know enough about your situation to offer you “{offer}”",
    Reason.DO_NOT_CONTACT: "We may not bring up “{offer}” here",
    Reason.NO_CONSENT: "We have no consent of yours to speak about “{offer}” here",
    Reason.CONTACT_REQUIREMENT: "We may not speak to you about “{offer}” here at the moment",
    Reason.CONTACT_UNKNOWN: "We may not speak to you about “{offer}” here, as far as we know",
    Reason.QUIET_HOURS: "We do not bring up “{offer}” at this time of day",
    Reason.CHANNEL_PRIORITY: "We do not bring up “{offer}” here for the time being",
    Reason.SUPPRESSED: "We do not bring up “{offer}” again for the time being",
    Reason.COOL_DOWN: "We do not bring up “{offer}” again for the time being",
    Reason.CAP_REACHED: "You have heard enough from us for now; “{offer}” has to wait",
    Reason.INVENTORY: "There is none left of “{offer}” at the moment",
    Reason.EXCLUDED: "“{offer}” would be possible for you, but something else came first this time",
    Reason.DIVERSITY: "“{offer}” would be possible for you, but something else came first this time",
    Reason.OUTRANKED: "“{offer}” would be possible for you, but something else came first this time",
}
UNTIL = {
    Reason.QUIET_HOURS: "We do not bring up “{offer}” at this time of day, and not before {day}.",
    Reason.CHANNEL_PRIORITY: "We do not bring up “{offer}” here before {day}.",
    Reason.SUPPRESSED: "We do not bring up “{offer}” again before {day}.",
    Reason.COOL_DOWN: "We do not bring up “{offer}” again before {day}.",
    Reason.CAP_REACHED: "You have heard enough from us for now; “{offer}” has to wait until {day}.",
}
ANSWERED = "After your answer of {answered} we do not bring up “{offer}” again before {day}."
NOT_PROPOSED = "“{offer}” did not come up this time: there was no occasion for it."


def spoken(case: Case, offer: str | None = None) -> AgentExplanation:
    """Of all candidates; or of the offer alone, which the policy has."""
    offers = {each.id: each.name for each in case.ruleset.policy.offers}
    seen = _made(case) | _not_made(case, offers)
    if offer is not None:
        name = offers[offer]
        nothing = SpokenOffer(offer=offer, offer_name=name, offered=False, sentence=NOT_PROPOSED.format(offer=name))
        seen = {offer: seen.get(offer, nothing)}
    return AgentExplanation(decision=case.recorded.decision, at=case.recorded.at, offers=tuple(seen.values()))


def _made(case: Case) -> dict[str, SpokenOffer]:
    chosen = (each.scored.candidate.offer for each in case.judgement.choices)
    return {
        each.id: SpokenOffer(
            offer=each.id, offer_name=each.name, offered=True, sentence=f"“{each.name}” is what we can offer you now."
        )
        for each in chosen
    }


def _not_made(case: Case, offers: dict[str, str]) -> dict[str, SpokenOffer]:
    """An offer of several programs is spoken of by the one in which it came furthest. Those that did come first."""
    made = {each.scored.candidate.offer.id for each in case.judgement.choices}
    furthest: dict[str, LeftOut] = {}
    for each in sorted(case.judgement.left_out, key=lambda each: -ORDER[each.reason]):
        furthest.setdefault(each.candidate.offer.id, each)
    return {name: _spoken(case, each) for name, each in furthest.items() if name not in made and name in offers}


def _spoken(case: Case, left_out: LeftOut) -> SpokenOffer:
    reason, offer = left_out.reason, left_out.candidate.offer
    found = [each for each in obstacles(case, left_out) if each.reason is reason]
    until_ms = _until(reason, found)
    return SpokenOffer(
        offer=offer.id,
        offer_name=offer.name,
        offered=False,
        until=None if until_ms is None else rfc3339(until_ms),
        sentence=_sentence(case, left_out, found, until_ms),
    )


def _until(reason: Reason, found: list[Found]) -> int | None:
    """When all of them have ended; None where one does not, or where it is none of the customer's business."""
    ends = [each.until_ms for each in found]
    return max((end for end in ends if end), default=None) if reason in UNTIL and all(ends) else None


def _sentence(case: Case, left_out: LeftOut, found: list[Found], until_ms: int | None) -> str:
    reason, name = left_out.reason, left_out.candidate.offer.name
    if until_ms is not None:
        until = begins(until_ms, case.now_ms, case.zone)
        answered = _answered(case, left_out, found)
        if answered is not None:
            return ANSWERED.format(offer=name, day=until, answered=answered)
        return UNTIL[reason].format(offer=name, day=until)
    sentence = SENTENCES.get(reason, UNAVAILABLE).format(offer=name)
    why = _why(case, reason, found)
    return f"{sentence}." if why is None else f"{sentence}: {why}."


def _why(case: Case, reason: Reason, found: list[Found]) -> str | None:
    """What the customer's facts lack; nothing where that is nobody's business, such as of a black list."""
    lacks = [each.lacking for each in found if each.lacking is not None]
    if reason not in SENTENCES or len(lacks) < len(found):
        return None
    whole = together(lacks)
    return None if whole is None else phrase(whole, case.ruleset.policy.wording, case.zone)


def _answered(case: Case, left_out: LeftOut, found: list[Found]) -> str | None:
    """The day of the customer's own answer to this very offer, if that is what the silence follows."""
    outcomes, said = case.ruleset.policy.outcomes, left_out.candidate.offer.id
    answers = [
        at_ms
        for each in found
        for entry in each.entries
        for name, at_ms in entry.known_outcomes().items()
        if entry.offer == said and name in outcomes and outcomes[name].kind in ("positive", "negative")
    ]
    if left_out.reason is not Reason.COOL_DOWN or not answers:
        return None
    return day(max(answers), case.zone)
