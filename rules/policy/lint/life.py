"""Sessions and stages: what ends a visit happens in one, and every stage can be entered."""

from collections.abc import Iterator, Mapping

from rules.lifecycle import NONE
from rules.policy.findings import Finding, Path
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY
from schemas.interaction import OUR_OWN
from schemas.observed import Stage


def in_visits(subject: Subject) -> Iterator[Finding]:
    """What Opportune says itself belongs to no visit: it ends none, and no session counts it."""
    session = subject.policy.session
    named: list[tuple[Path, str]] = [(("ends", at), name) for at, name in enumerate(session.ends)]
    for feature, spec in session.features.items():
        key = "of" if spec.of else spec.aggregate
        named += [(("features", feature, key, at), name) for at, name in enumerate(spec.types)]
    for path, name in named:
        if name in OUR_OWN:
            message = f"`{name}` happens in no visit: no session ever sees it"
            yield subject.error(("session", *path), "not-in-a-visit", message, "name what customers do in a visit")


def entered(subject: Subject) -> Iterator[Finding]:
    """A stage that nobody can get into, since no way from `none` leads there."""
    stages = subject.policy.stages
    if not subject.sound("stages"):
        return
    for name in stages.keys() - _reachable(stages):
        path: Path = ("stages", name, "sources")
        hint = f"let one of the stages before it be entered from none: leave out its `from`, or add `{NONE}`"
        yield subject.warning(path, "never-entered", f"nobody can enter `{name}`: no way leads there", hint)


def _reachable(stages: Mapping[str, Stage]) -> set[str]:
    found = {name for name, stage in stages.items() if not stage.sources or NONE in stage.sources}
    while more := {name for name, stage in stages.items() if name not in found and found.intersection(stage.sources)}:
        found |= more
    return found


def named(subject: Subject) -> Iterator[Finding]:
    if NONE in subject.policy.stages:
        message = f"no stage can be called `{NONE}`: as `from` it stands for who has no stage yet"
        yield subject.error(("stages", NONE, KEY), "reserved-name", message)


def reviewed(subject: Subject) -> Iterator[Finding]:
    if subject.policy.lifecycle.review is not None and not subject.policy.stages and subject.sound("stages"):
        message = "`review` has no effect: there are no `stages`"
        yield subject.warning(("lifecycle", "review"), "no-effect", message, "declare them, or leave it out")


CHECKS: tuple[Check, ...] = (in_visits, entered, named, reviewed)
