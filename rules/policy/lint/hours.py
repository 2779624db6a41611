"""Hours that leave no time: quiet hours all week long, and moments that have passed."""

from collections.abc import Iterator
from datetime import datetime

from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from schemas.contact import DAYS, QuietHours

DAY_MIN = 24 * 60
WEEK_MIN = 7 * DAY_MIN


def closed_hours(subject: Subject) -> Iterator[Finding]:
    """A channel on which it is quiet at every minute of the week, for offers of every class."""
    hours = subject.policy.contact_policy.quiet_hours
    used = sorted({each.channel for offer in subject.policy.offers for each in offer.treatments})
    closed = [channel for channel in used if len(_quiet_on(channel, hours)) == WEEK_MIN]
    if hours and closed:
        path: Path = ("contact_policy", "quiet_hours", len(hours) - 1, "start")
        message = f"nobody is ever spoken to on {', '.join(f'`{each}`' for each in closed)}: it is always quiet there"
        yield subject.warning(path, "closed-hours", message, "leave some hours of the week")


def _quiet_on(channel: str, hours: tuple[QuietHours, ...]) -> set[int]:
    """Minutes of the week."""
    found: set[int] = set()
    for each in hours:
        if each.spares or (each.channels and channel not in each.channels):
            continue
        start, until = _minute(each.start), _minute(each.until)
        length = (until - start) % DAY_MIN or DAY_MIN
        for day in each.days:
            first = DAYS.index(day) * DAY_MIN + start
            found.update(minute % WEEK_MIN for minute in range(first, first + length))
    return found


def _minute(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def passed(subject: Subject) -> Iterator[Finding]:
    """A rule at a time that is the same for everybody, and over."""
    for at, rule in enumerate(subject.policy.rules):
        path: Path = ("rules", at, "when", "at")
        moment = subject.moments.get(path)
        if subject.today is None or moment is None or moment.reads or (rule.timing and rule.timing.every):
            continue
        found = moment.value({})
        if isinstance(found, datetime) and found.date() < subject.today:
            message = f"`{rule.id}` is fired no more: its time was {found:%Y-%m-%d %H:%M} UTC"
            yield subject.warning(path, "over", message, "move the time, or take the rule out")


CHECKS: tuple[Check, ...] = (closed_hours, passed)
