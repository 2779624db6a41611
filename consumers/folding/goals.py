"""Goal events: what a customer does counts as the answer to what was offered before, without a response code.

    record    an interaction that a goal names is kept in the ledger of the identifier that it came under
    judge     whoever the customer is (who belongs to nobody else) works out to which decisions the events of all
              identifiers are due, counts what has changed, and says it

Said is what is due now of a code and an event, the last word counts; a share of nothing withdraws. It is folded where
it is said, as summaries of visits are, so that the log's readers see it and no fold counts it again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
from msgspec.structs import replace

from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.said import GOALS
from profiles import attribution, holds
from profiles.attribution import Horizon, Reach
from profiles.facts import Situation
from profiles.fold import event_value, identity_hash
from profiles.identity import Identity
from profiles.ledger import Counts, implied, taken
from profiles.profile import Profile
from profiles.store import Record
from schemas.contact import DECIDED, PRESENTED
from schemas.interaction import Interaction
from schemas.ledger import Credit, GoalEvent, Inferred, Ledger, LedgerEntry
from schemas.policy import Outcome
from schemas.response import ResponseRecord
from schemas.scorecard import AMOUNT_SCALE

MOST_EVENTS = 100
"""Goal events that a ledger keeps; of more, the oldest are settled before their time."""
NOBODY = Profile()
Entries = dict[str, LedgerEntry]
"""By response code."""


def record(step: Step, interaction: Interaction, policy: LivePolicy) -> None:
    fields = policy.ruleset.goals.fields.get(interaction.type)
    if fields is None:
        return
    data = {name: value for name in sorted(fields) if (value := interaction.data.get(name)) is not None}
    event = GoalEvent(
        identity_hash(interaction.identity), interaction.type, interaction.at_ms, interaction.channel, data
    )
    known = step.ledger.goal_events
    if all(each.id != event.id for each in known):
        events = sorted((*known, event), key=lambda each: (each.at_ms, each.id))
        step.ledger = replace(step.ledger, goal_events=tuple(events))


def judge(step: Step, policy: LivePolicy) -> None:
    """After each record that has changed the ledger or the identity."""
    before, after = step.judged, (step.ledger, step.identity)
    if after[0] is before[0] and after[1] is before[1]:
        return
    if _concerned(*before) or _concerned(*after):
        _judge(step, before, policy)
    step.judged = (step.ledger, step.identity)


def _concerned(ledger: Ledger, identity: Identity) -> bool:
    ledgers = (ledger, *(part.ledger for part in identity.others().values())) if identity.sources else (ledger,)
    return any(
        each.goal_events or each.abroad or any(entry.inferred is not None for entry in each.entries) for each in ledgers
    )


@dataclass(frozen=True, slots=True)
class Known:
    """All that there is of a customer: what stands here, and what stands with other identifiers."""

    own: Entries
    others: Entries
    """As their identifiers have them."""
    parts: Mapping[str, str]
    """By response code, the identifier that has it."""
    abroad: Mapping[str, Inferred]
    events: Mapping[str, GoalEvent]
    settled_ms: int

    @staticmethod
    def of(ledger: Ledger, identity: Identity) -> "Known":
        parts = {name: part.ledger for name, part in identity.others().items()} if identity.owner is None else {}
        others = {each.code: (name, each) for name, part in parts.items() for each in part.entries if each.logged}
        events = {each.id: each for found in (*parts.values(), ledger) for each in found.goal_events}
        return Known(
            own={each.code: each for each in ledger.entries if each.logged},
            others={code: each for code, (_, each) in others.items()},
            parts={code: name for code, (name, _) in others.items()},
            abroad=ledger.abroad,
            events=events if identity.owner is None else {},
            settled_ms=max((ledger.settled_ms, *(each.settled_ms for each in parts.values()))),
        )

    @property
    def entries(self) -> list[LedgerEntry]:
        return [*self.own.values(), *self.others.values()]

    def inferred(self, code: str) -> Inferred | None:
        """What was inferred here."""
        return self.own[code].inferred if code in self.own else self.abroad.get(code)

    def credits(self) -> dict[tuple[str, str], Credit]:
        found = {code: each.inferred for code, each in self.own.items()} | dict(self.abroad)
        return {(code, event): credit for code, each in found.items() if each for event, credit in each.credits.items()}


def _judge(step: Step, before: tuple[Ledger, Identity], policy: LivePolicy) -> None:
    was, now = Known.of(*before), Known.of(step.ledger, step.identity)
    settled_ms, kept = _kept(step, now, policy)
    events = sorted(now.events.values(), key=lambda each: (each.at_ms, each.id))
    horizon = Horizon(frozenset(now.events), _frozen(now, policy), settled_ms, kept)
    meets = Meeting(events, policy).meets
    how = policy.ruleset.goals.attribution
    due = attribution.credited(now.entries, events, meets, how)
    met = attribution.converted(_unsettled(now, horizon), events, meets)
    found: dict[str, Inferred] = {}
    for entry in now.entries:
        new = attribution.inferred(now.inferred(entry.code), due.get(entry.code, {}), met.get(entry.code, {}), horizon)
        made = attribution.with_outcomes(entry, *new, policy.definition.outcomes)
        if made is not None:
            found[entry.code] = made
    _keep(step, now, attribution.shared(found, now.entries, now.inferred), settled_ms, kept, policy)
    after = Known.of(step.ledger, step.identity)
    _count(step, was, after, policy)
    _say(step, was, after, policy)


def _kept(step: Step, known: Known, policy: LivePolicy) -> tuple[int, frozenset[str]]:
    """Before when what follows is settled, and which events are kept. One that has come later than that is judged once.
    Who belongs to somebody keeps them for twice as long: they are the owner's to judge."""
    span_ms = policy.ruleset.goals.longest_ms
    profiles = (step.profile, *(part.profile for part in step.identity.others().values()))
    newest_ms = max(each.last or 0 for each in profiles)
    since_ms = newest_ms - (span_ms if step.identity.owner is None else 2 * span_ms)
    own = [each for each in step.ledger.goal_events if each.at_ms >= since_ms][-MOST_EVENTS:]
    dropped = [each.at_ms + 1 for each in step.ledger.goal_events if each not in own]
    settled_ms = max((known.settled_ms, since_ms, *dropped))
    others = known.events.keys() - {each.id for each in step.ledger.goal_events}
    return max(settled_ms, 0), frozenset((*others, *(each.id for each in own)))


def _unsettled(known: Known, horizon: Horizon) -> list[LedgerEntry]:
    """Without the programs whose conversion is settled."""
    done = {
        (entry.campaign, entry.program)
        for entry in known.entries
        if (found := known.inferred(entry.code)) is not None and attribution.lasting(found, horizon)
    }
    return [each for each in known.entries if (each.campaign, each.program) not in done]


def _frozen(known: Known, policy: LivePolicy) -> frozenset[str]:
    gone = [each.code for each in known.entries if policy.ruleset.goals.of(each) is None]
    held = (found for code in gone if (found := known.inferred(code)) is not None)
    return frozenset(event for each in held for event in (*each.credits, *each.met) if event in known.events)


def _keep(
    step: Step, known: Known, found: Mapping[str, Inferred], settled_ms: int, kept: frozenset[str], policy: LivePolicy
) -> None:
    entries = tuple(_with(each, found.get(each.code)) for each in step.ledger.entries)
    before = step.ledger
    changed = replace(
        before,
        entries=entries,
        goal_events=tuple(each for each in step.ledger.goal_events if each.id in kept),
        settled_ms=settled_ms if step.ledger.goal_events or step.ledger.settled_ms else 0,
        abroad={code: each for code, each in found.items() if code in known.others},
    )
    if changed != before:
        for code, made in found.items():
            if code in known.own:
                changed = taken(changed, code, _classes(made, policy))
        step.ledger = changed
        step.moves += holds.answered(before, changed, found.keys(), policy.definition)


def _with(entry: LedgerEntry, made: Inferred | None) -> LedgerEntry:
    return replace(entry, inferred=made) if entry.logged and entry.inferred != made else entry


def _classes(made: Inferred, policy: LivePolicy) -> dict[str, int]:
    """What a goal has used of the stock stays used, also where the event turns out to be due to another treatment."""
    known = policy.definition.outcomes
    return {known[name].kind: at for name, at in made.outcomes.items() if name in known}


def _count(step: Step, was: Known, now: Known, policy: LivePolicy) -> None:
    """What has gone with time stays counted; what is not this customer's any more does not."""
    outcomes = policy.definition.outcomes
    change: Counts = Counter()
    for code, entry in now.own.items():
        change.update(attribution.counted(entry, outcomes))
        if code in was.own:
            change.subtract(attribution.counted(was.own[code], outcomes))
    change.update(_counted_abroad(now, now.abroad, outcomes))
    theirs = set(now.parts.values())
    gone = {code for code in was.abroad if code not in now.others and was.parts.get(code) in theirs}
    change.subtract(_counted_abroad(was, {code: was.abroad[code] for code in was.abroad.keys() - gone}, outcomes))
    step.counts.update({name: amount for name, amount in change.items() if amount})


def _counted_abroad(known: Known, abroad: Mapping[str, Inferred], outcomes: Mapping[str, Outcome]) -> Counts:
    """What is counted here of what stands elsewhere, beside what is counted there."""
    found: Counts = Counter()
    for code, made in abroad.items():
        theirs = known.others.get(code)
        if theirs is not None:
            found.update(attribution.counted(attribution.together(theirs, made), outcomes))
            found.subtract(attribution.counted(theirs, outcomes))
    return found


def _say(step: Step, was: Known, now: Known, policy: LivePolicy) -> None:
    before, after = was.credits(), now.credits()
    entries = {**was.own, **was.others, **now.own, **now.others}
    for key in sorted(before.keys() | after.keys()):
        credit, (code, event) = after.get(key), key
        if credit == before.get(key) or code not in entries:
            continue
        if credit is None and before[key].at_ms < step.ledger.settled_ms:
            continue  # it is settled, which is no news
        said = credit or before[key]._replace(share=0, amount=0)
        step.records.append(_record(step, entries[code], event, said, policy))


def _record(step: Step, entry: LedgerEntry, event: str, credit: Credit, policy: LivePolicy) -> Record:
    outcomes = policy.definition.outcomes
    names: Any = implied(credit.outcome, outcomes) if credit.outcome in outcomes else {}
    said = ResponseRecord(
        code=entry.code,
        decision=entry.decision,
        outcome=credit.outcome,
        outcomes={credit.outcome: names[credit.outcome]} if entry.withheld and names else names,
        at_ms=credit.at_ms,
        amount=credit.amount,
        goal_event=event,
        share=credit.share,
        folded=True,
    )
    record_id = f"{GOALS}#{entry.code}/{credit.outcome}/{event}@{step.offset}"
    return Record("responses", record_id, step.subject, orjson.dumps(said.model_dump(exclude_defaults=True)))


class Meeting:
    """Which events meet the goals of which treatments."""

    def __init__(self, events: Iterable[GoalEvent], policy: LivePolicy) -> None:
        self._goals = policy.ruleset.goals
        outcomes = policy.definition.outcomes
        self._impressions = tuple(name for name, each in outcomes.items() if each.kind == "impression")
        self._restored = {each.id: _restored(each) for each in events}
        self._values = {key: policy.goal_facts.read(_situation(each)) for key, each in self._restored.items()}

    def meets(self, entry: LedgerEntry, event: GoalEvent) -> Reach | None:
        found = self._goals.of(entry)
        if found is None or event.type not in found.goal.when:
            return None
        goal = found.goal
        in_time = entry.at_ms <= event.at_ms <= entry.at_ms + goal.within
        if not in_time or not found.met_by(self._values[event.id]):
            return None
        return Reach(goal.outcome, self._amount(goal.amount, event), self._has_come(entry, goal.of, event.at_ms))

    def _amount(self, field: str | None, event: GoalEvent) -> int:
        value = event_value(self._restored[event.id], field.removeprefix("event.")) if field else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return 0
        return max(0, round(Decimal(str(value)) * AMOUNT_SCALE))

    def _has_come(self, entry: LedgerEntry, as_far_as: str, at_ms: int) -> bool:
        if entry.withheld or as_far_as == DECIDED:
            return True
        names = self._impressions if as_far_as == PRESENTED else (as_far_as,)
        return any(entry.outcomes.get(name, at_ms + 1) <= at_ms for name in names)


def _restored(event: GoalEvent) -> Interaction:
    return Interaction(event.id, "", event.type, "", event.channel, event.at_ms, dict(event.data))


def _situation(event: Interaction) -> Situation:
    return Situation("", NOBODY, event.channel, event.at_ms, event)
