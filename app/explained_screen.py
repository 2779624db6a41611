"""What `why` and `replay` show on a terminal."""

from collections.abc import Iterator

from app.replaying import Replayed, Report
from app.terminal import counted
from schemas.explanation import (
    AgentExplanation,
    CandidateExplained,
    Change,
    Changes,
    FullExplanation,
    Funnel,
    NotProposed,
    Obstacle,
    Weight,
)


def agent_lines(told: AgentExplanation) -> Iterator[str]:
    yield from (each.sentence for each in told.offers)
    if not told.offers:
        yield "There was no offer to speak of."


def full_lines(told: FullExplanation) -> Iterator[str]:
    who = told.customer or told.visitor or next(iter((told.identifiers or {}).values()), "")
    where = ", ".join(f"{told.channel} {each.placement} ×{each.count}" for each in told.placements)
    yield f"{told.decision}  {told.at}  {who}  {where}"
    yield f"policy {told.policy}, model {told.model}, seed {told.seed}"
    yield from (f"NOT AS RECORDED  {each}" for each in told.differences)
    yield ""
    yield from _funnel(told.funnel)
    for each in told.candidates:
        yield ""
        yield from _candidate(each)
    if told.not_proposed is not None:
        yield ""
        yield from _not_proposed(told.not_proposed)
    elif told.no_candidates:
        yield ""
        yield f"no candidates: {', '.join(told.no_candidates)}"


def replayed_lines(found: Replayed) -> Iterator[str]:
    yield f"{found.decision}  {found.at}  policy {found.policy}: {_verdict(found)}"
    yield from (f"  {each}" for each in found.differences)


def report_lines(report: Report) -> Iterator[str]:
    for each in report.listed:
        yield from replayed_lines(each)
    unlisted = report.differing + report.not_replayed - len(report.listed)
    if unlisted:
        yield f"and {unlisted:,} more"
    yield (
        f"{counted(report.decisions, 'decision')}: {report.same:,} the same, {report.differing:,} differ, "
        f"{report.not_replayed:,} could not be replayed"
    )
    for revision, amount in report.by_policy.items():
        yield f"  {revision or 'unknown policy'}: {amount:,}"


def _verdict(found: Replayed) -> str:
    if found.refused:
        return f"not replayed. {found.refused}"
    return f"{counted(len(found.differences), 'value')} came out otherwise" if found.differences else "the same"


def _funnel(funnel: Funnel) -> Iterator[str]:
    yield f"{'candidates':<16}{funnel.candidates:>6}"
    for each in funnel.steps:
        reasons = ", ".join(f"{amount} {reason}" for reason, amount in each.reasons.items())
        yield f"  {each.step:<14}{each.remaining:>6}  {reasons}".rstrip()
    yield f"{'chosen':<16}{funnel.chosen:>6}"


def _candidate(each: CandidateExplained) -> Iterator[str]:
    yield f"{each.offer}  “{each.offer_name}”  ({each.campaign} > {each.program} > {each.cell})"
    if each.chosen:
        yield f"  {each.text}"
    for number, obstacle in enumerate(each.obstacles):
        yield from _obstacle(obstacle, "" if number == 0 else "also ")
    if each.weight is not None:
        yield f"  {_weight(each.weight)}"
    yield from (f"  proposed by {rule.rule}, boost {rule.boost:g}: {rule.text}" for rule in each.proposed_by)
    if not each.proposed_by and each.reason != "settled" and each.continues is None:
        yield "  always on"


def _obstacle(found: Obstacle, also: str) -> Iterator[str]:
    yield f"  {also}{found.reason}: {found.where}"
    yield from (f"    {line}" for line in (_changes(found.change) if found.change else [found.text]))


def _changes(found: Change | Changes) -> Iterator[str]:
    if isinstance(found, Change):
        yield found.text
        yield from (f"  since {line}" for line in (_changes(found.follows) if found.follows else ()))
        return
    yield "all of" if found.how == "all" else "one of"
    for part in found.of:
        yield from (f"  {line}" for line in _changes(part))


def _weight(weight: Weight) -> str:
    factors = " × ".join(f"{name} {factor:g}" for name, factor in weight.factors.items())
    return f"score {weight.score:g} = {factors} (propensity {weight.propensity:g}, lever {weight.lever:g})"


def _not_proposed(found: NotProposed) -> Iterator[str]:
    yield f"{found.offer}  “{found.offer_name}” was no candidate"
    if not found.rules:
        yield f"  {found.text}"
    for each in found.rules:
        yield f"  {each.rule}: {each.text}"
