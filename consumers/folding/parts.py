"""What arrives from a claimed identifier: its parts replace those before, and its events meet the owner's rules."""

from collections.abc import Mapping

from pydantic import TypeAdapter

from consumers.dead_letters import decoded
from consumers.folding.identities import fold_again, fold_claim, fold_forgotten, fold_judged
from consumers.folding.ledgers import fold_answer
from consumers.folding.rules import react
from consumers.folding.step import Step
from consumers.folding.timed_rules import after_passed
from consumers.folding.visits import begin, keep_members, place_passed, set_timers, sum_up_missed, take_over
from consumers.live import LivePolicy
from consumers.log import LogRecord
from profiles.definition import Definition
from profiles.fold import fold, has_seen, identity_hash
from profiles.identity import Part, Source
from profiles.joining import joined
from profiles.profile import Profile, Visit
from profiles.visits import was_on_time
from schemas.identity import Again, Answered, Claim, Forgotten, IdentityRecord, Judged, Parts, Passed
from schemas.interaction import TIMER_FIRED, CloudEvent, Interaction, from_cloud_event
from schemas.response import ResponseRecord

NOTHING = Profile()
RECORDS: TypeAdapter[Claim | Judged | Parts | Forgotten | Again | Answered] = TypeAdapter(IdentityRecord)


def fold_record(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    """Raises Undecodable, and UnknownCode for a passed on response."""
    match decoded(RECORDS.validate_json, record.body):
        case Claim() as claim:
            fold_claim(step, claim, record.offset, policy)
        case Judged() as judged:
            fold_judged(step, judged, record.offset, policy)
        case Forgotten() as forgotten:
            fold_forgotten(step, forgotten, record.offset, policy.definition)
        case Again() as again:
            fold_again(step, again, record.offset)
        case Parts() as parts:
            _fold_parts(step, parts, record.offset, policy)
        case Answered() as answered:
            fold_answer(step, decoded(ResponseRecord.model_validate, answered.response), policy)


def _fold_parts(step: Step, arrived: Parts, offset: int, policy: LivePolicy) -> None:
    """An owner that is claimed itself leaves the rules and the visits to its own owner."""
    if arrived.source not in step.identity.sources and step.identity.is_full():
        step.conflicts += 1
        return
    known = step.identity.sources.get(arrived.source, Source())
    if arrived.version <= known.version:
        return
    step.settled |= {arrived.source, *arrived.parts} - {*step.identity.others()}
    events = _new([_event(each, policy.definition) for each in arrived.events], known)
    parts = {name: Part.from_json(each) for name, each in arrived.parts.items()}
    # a source that has lost what it said says it again
    handed = [(channel, Visit.from_json(each, 0)) for at, channel, each in arrived.visits if at > known.version]
    before = step.profile
    if step.identity.owner is not None:
        step.passed += events
        step.handed += [(offset, channel, visit) for channel, visit in handed]
    else:
        if parts or events:
            begin(step)
        _react_to_each(step, events, handed, parts, policy)
    fired = (identity_hash(each.identity) for each in events if each.type == TIMER_FIRED)
    step.identity = step.identity.with_source(arrived.source, known.sent(arrived.version, parts, fired))
    keep_members(step)
    set_timers(step, before, policy.definition)


def _event(passed: Passed, definition: Definition) -> Interaction:
    event = CloudEvent.model_validate(passed.event)
    return from_cloud_event(event, 0, definition.identifiers, passed.subject)


def _new(events: list[Interaction], known: Source) -> list[Interaction]:
    """Those that have not come from this source before: what one that fell back says again was judged here or passed on
    already. What other sources know does not count: an identifier that has changed its owner may have sent its part
    straight, while an event of it was still on the way by the owner before."""
    seen = {name: part.profile.seen for name, part in known.parts.items()}

    def remembers(event: Interaction) -> str:
        return known.fired if event.type == TIMER_FIRED else seen.get(event.subject, "")

    return [each for each in events if not has_seen(remembers(each), identity_hash(each.identity))]


def _react_to_each(
    step: Step,
    events: list[Interaction],
    handed: list[tuple[str, Visit]],
    arrived: Mapping[str, Part],
    policy: LivePolicy,
) -> None:
    """Each event as it came, on the sum of the parts as it was then. Where the part was not known here before, it is
    taken as it is after all of the events; one that was withdrawn on its way here consists of these events alone. An
    event that a part has already was on its way by the owner before, while the part came straight: it was handed over
    with its visit."""
    known = {name: part.profile for name, part in step.identity.others().items()}
    profiles = dict(known)
    before = joined([step.profile, *profiles.values()], policy.definition)
    for channel, visit in handed:
        take_over(step, channel, visit, before, policy)
    missed: dict[str, Visit] = {}
    for event in events:
        on_time = is_new = True
        if event.subject in known or event.subject not in arrived:
            part = profiles.get(event.subject, NOTHING)
            folded = fold(part, event, policy.definition)
            is_new, on_time = folded is not part, was_on_time(part, folded, event.channel)
            profiles[event.subject] = folded
        else:
            profiles[event.subject] = arrived[event.subject].profile
        after = joined([step.profile, *profiles.values()], policy.definition)
        if event.type == TIMER_FIRED:
            after_passed(step, event, profiles.values(), policy)
        else:
            if is_new:
                place_passed(step, event, before, after, missed if on_time else None, policy)
            react(step, before, after, event, policy)
        before = after
    sum_up_missed(step, missed, before, policy)
