"""The visits of somebody with several identifiers: one summary for each, said by whom they all belong to.

    free, one identifier         its sessions are its visits (consumers/folding/sessions.py)
    free, with parts of others   `Profile.visits`: own interactions count there, and those that are passed on
    belongs to an owner          sums up nothing; what was in progress is handed over with the claim

Who is free again takes up what is in progress in its own session and in those of its parts.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from consumers.folding.emitted import say_once
from consumers.folding.sessions import summary
from consumers.folding.step import Step
from consumers.live import LivePolicy
from profiles import visits
from profiles.aggregates import digest
from profiles.definition import Definition
from profiles.profile import Profile, Visit
from profiles.sessions import SESSION_TIMER
from profiles.visits import Over
from schemas.interaction import OUR_OWN, Interaction


def place(step: Step, event: Interaction, before: Profile, after: Profile, policy: LivePolicy) -> None:
    """Counts an interaction in its visit. `before` and `after` it: all that is known of the customer."""
    if event.type in OUR_OWN or not event.channel:
        return
    visit, over = visits.happened(_visit(step, event.channel), event, policy.definition)
    _keep(step, event.channel, visit)
    if over is not None:
        _say(step, event.channel, over, after if over.session.ended_by else before, policy)


def place_passed(
    step: Step, event: Interaction, before: Profile, after: Profile, missed: dict[str, Visit] | None, policy: LivePolicy
) -> None:
    """The same for one that was passed on. `missed`: by channel, a visit before those that are known here, which nobody
    has summed up, since the shard that passes it on was behind; None if it was late for its own identifier already."""
    channel, definition = event.channel, policy.definition
    too_early = visits.is_before(_visit(step, channel), event.at_ms, definition.session_idle_ms)
    if missed is None or event.type in OUR_OWN or not too_early:
        place(step, event, before, after, policy)
        return
    missed[channel], over = visits.happened(missed.get(channel, visits.NO_VISIT), event, definition)
    if over is not None:
        _say(step, channel, over, after if over.session.ended_by else before, policy)


def sum_up_missed(step: Step, missed: dict[str, Visit], known: Profile, policy: LivePolicy) -> None:
    for channel, visit in missed.items():
        if visit.parts:
            _say(step, channel, visits.over_now(visit, policy.definition), known, policy)


def timer_fired(step: Step, fired: Interaction, policy: LivePolicy) -> None:
    if not step.profile.visits:
        return
    before, channel = step.profile, fired.data["timer"].partition(":")[2]
    visit, over = visits.timed_out(_visit(step, channel), fired.at_ms, policy.definition)
    if over is not None:
        _keep(step, channel, visit)
        _say(step, channel, over, step.whole(before, policy.definition), policy)
        set_timers(step, before, policy.definition)


def begin(step: Step) -> None:
    """From here on the sessions of this identifier are but a part of the visits."""
    if not step.profile.visits:
        step.profile = replace(step.profile, visits=visits.of_sessions(step.subject, step.profile))


def take_over(step: Step, channel: str, theirs: Visit, known: Profile, policy: LivePolicy) -> None:
    """What was in progress elsewhere. `known`: all that is known of the customer."""
    visit, over = visits.together(_visit(step, channel), theirs, policy.definition)
    _keep(step, channel, visit)
    if over is not None:
        _say(step, channel, over, known, policy)


def owner_changed(step: Step, before: str | None, offset: int, policy: LivePolicy) -> None:
    """Hands over, or takes up, what is in progress: from here on it is somebody else's to sum up."""
    was = step.profile
    if step.identity.owner is None:
        step.profile = replace(was, visits={})
        if step.identity.others():
            begin(step)
            known = step.whole(was, policy.definition)
            for channel, visit in _of_others(step):
                take_over(step, channel, visit, known, policy)
    else:
        own = was.visits or visits.of_sessions(step.subject, was)
        given = [*own.items(), *(() if before is None else _of_others(step))]
        step.handed += [(offset, channel, visit) for channel, visit in given]
        step.profile = replace(was, visits={}) if was.visits else was
    set_timers(step, was, policy.definition)


def _of_others(step: Step) -> Iterator[tuple[str, Visit]]:
    for name, part in step.identity.others().items():
        yield from visits.of_sessions(name, part.profile).items()


def keep_members(step: Step) -> None:
    """What somebody has done who turned out not to be this customer is theirs again."""
    members = {step.subject, *step.identity.others()}
    kept = visits.of_members(step.profile.visits, members)
    if kept is not step.profile.visits:
        step.profile = replace(step.profile, visits=kept)


def set_timers(step: Step, before: Profile, definition: Definition) -> None:
    """The timers of visits that go on longer than they did in `before`, or that are over."""
    for channel in dict.fromkeys(name for each in (before, step.profile) for name in (*each.sessions, *each.visits)):
        due_ms = visits.due_ms(step.profile, channel, definition)
        if due_ms != visits.due_ms(before, channel, definition):
            step.timers[f"{SESSION_TIMER}:{channel}"] = due_ms


def _visit(step: Step, channel: str) -> Visit:
    return step.profile.visits.get(channel, visits.NO_VISIT)


def _keep(step: Step, channel: str, visit: Visit) -> None:
    if visit is not _visit(step, channel):
        step.profile = replace(step.profile, visits={**step.profile.visits, channel: visit})


def _say(step: Step, channel: str, over: Over, known: Profile, policy: LivePolicy) -> None:
    """What only others have done may be heard of after a visit of the same start and end: its id says whose it is."""
    said = summary(step.subject, known, channel, over.session, policy)
    if step.subject not in over.under:
        said = replace(said, id=f"{said.id}/{digest(' '.join(sorted(over.under)))}")
    say_once(step, said, policy)
