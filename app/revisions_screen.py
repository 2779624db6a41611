"""Revisions, the log of their steps, and differences, as a terminal shows them."""

from collections.abc import Iterator

from schemas.difference import PolicyDifferences
from schemas.revision import AuditEntry, AuditPage, Mark, RevisionList, RevisionView

STEPS = {"rolled_back": "rolled back to", "key_made": "key made", "key_revoked": "key revoked"}


def revision_lines(found: RevisionList) -> Iterator[str]:
    for each in found.revisions:
        yield f"{each.revision}  {each.state.replace('_', ' '):<11}  {each.name}  {_life(each)}"
        if each.note:
            yield f"{'':<18}{each.note}"
    yield "a draft goes live after somebody else has approved it" if found.four_eyes else "one person may publish alone"


def audit_lines(found: AuditPage) -> Iterator[str]:
    for each in found.entries:
        step = STEPS.get(each.step, each.step)
        yield f"{_time(each.at, 'seconds')}  {step:<14}  {each.revision or '':<16}  {each.who}{_more(each)}"


def difference_lines(found: PolicyDifferences) -> Iterator[str]:
    """Under the heading of each group its sentences."""
    group = None
    for each in found.differences:
        if each.group != group:
            group = each.group
            yield group
        yield f"  {each.text}"
    if not found.differences:
        same = "they are the same revision" if found.before == found.after else "only the way it is written differs"
        yield f"no difference: {same}"


def _life(each: RevisionView) -> str:
    marks: tuple[tuple[str, Mark | None], ...] = (
        ("drafted", each.drafted),
        ("approved", each.approved),
        ("live", each.live),
        ("rolled back", each.rolled_back),
    )
    told = [f"{what} {_time(mark.at)} by {mark.by}" for what, mark in marks if mark is not None]
    if each.goes_live:
        told.append(f"goes live {_time(each.goes_live)}")
    return ", ".join(told)


def _more(each: AuditEntry) -> str:
    told = [
        *([f"for {_time(each.goes_live)}"] if each.goes_live else []),
        *([f"instead of {each.before}"] if each.before else []),
        *([f"approved by {each.approved_by}"] if each.approved_by else []),
        *([each.note] if each.note else []),
    ]
    return f"  ({'; '.join(told)})" if told else ""


def _time(text: str, until: str = "minutes") -> str:
    """`2026-12-01 07:00Z` of RFC 3339."""
    return f"{text[:10]} {text[11 : 19 if until == 'seconds' else 16]}Z"
