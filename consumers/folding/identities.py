"""Identity: links, claims, and what a claimed identifier passes on to its owner (profiles/identity.py has the idea).

    an event names ada and v-1     ada (stronger)   ── claim ──►  v-1
    v-1 takes the earliest claim   v-1  ── its part, then each change and the events ──►  ada
    somebody says it was wrong     v-1  ── withdraws ──►  ada
    ada is erased                  ada  ── forgotten ──►  v-1, which is erased too if it is hers

Two who claim the same identifier, such as two customers who share a cookie, are never joined by that: the earlier one
keeps it.
"""

from dataclasses import replace

import orjson

from consumers.folding.step import Step
from consumers.folding.visits import keep_members, owner_changed, set_timers
from consumers.live import LivePolicy
from profiles.aggregates import digest
from profiles.definition import Definition
from profiles.identity import Part, Source
from profiles.store import ERASURES, IDENTITIES, Record
from schemas.erasure import ErasureRecord
from schemas.identity import Claim, Forgotten, Judged, Parts, Passed
from schemas.interaction import Interaction, to_cloud_event


def link(step: Step, interaction: Interaction, definition: Definition) -> None:
    """The subject claims the weaker identifiers that an interaction names too: each once, and again if it turns out
    that they were named together earlier."""
    for weaker in interaction.links:
        known, at_ms = step.identity.sources.get(weaker), interaction.at_ms
        if definition.rank(weaker) <= definition.rank(step.subject):
            continue
        if known is None and step.identity.is_full():
            step.conflicts += 1
        elif known is None or known.claimed_ms is None or at_ms < known.claimed_ms:
            step.identity = step.identity.with_source(weaker, replace(known or Source(), claimed_ms=at_ms))
            _claim(step, step.subject, weaker, at_ms)


def fold_claim(step: Step, claim: Claim, offset: int, policy: LivePolicy) -> None:
    definition = policy.definition
    if definition.rank(claim.claimant) >= definition.rank(step.subject):
        step.conflicts += 1
        return
    before = step.identity
    step.identity = before.claimed(claim.claimant, claim.at_ms)
    _owner_may_have_changed(step, before.owner, offset, policy)
    if claim.claimant not in before.claims and before.claims:
        step.conflicts += 1


def fold_judged(step: Step, judged: Judged, offset: int, policy: LivePolicy) -> None:
    before = step.identity.owner
    step.identity = step.identity.judged(judged.claimant, judged.at_ms, judged.wrong)
    if not judged.wrong:
        step.identity = step.identity.claimed(judged.claimant, judged.at_ms)
    _owner_may_have_changed(step, before, offset, policy)


def _owner_may_have_changed(step: Step, before: str | None, offset: int, policy: LivePolicy) -> None:
    """The owner before gets what happened until now, and then nothing of this identifier is left there."""
    if step.identity.owner == before:
        return
    if before is not None:
        if step.passed or step.handed:
            send_parts(step, before)
        _send(step, before, f"{step.subject}@{offset}-withdrawn", Parts(source=step.subject, version=offset, parts={}))
    owner_changed(step, before, offset, policy)


def send_parts(step: Step, owner: str) -> None:
    """All that this identifier has, its own part and those of others, and the events since the last time."""
    own = Part(step.folded_to, step.profile, step.ledger)
    parts = {**step.identity.others(), step.subject: own}
    body = Parts(
        source=step.subject,
        version=step.folded_to,
        parts={name: each.as_json() for name, each in parts.items()},
        visits=tuple((offset, channel, visit.as_json(0)) for offset, channel, visit in step.handed),
        events=tuple(Passed(subject=each.subject, event=to_cloud_event(each)) for each in step.passed),
    )
    step.passed.clear()
    step.handed.clear()
    _send(step, owner, f"{step.subject}@{step.folded_to}", body)


def forget(step: Step, receipt: str, requested_ms: int) -> None:
    """Tells everybody who knows the erased one: those who belong to it are erased too, the others forget it."""
    known = dict.fromkeys((*step.identity.sources, *step.identity.claims))
    for name in known:
        body = Forgotten(name=step.subject, receipt=receipt, requested_ms=requested_ms)
        _send(step, name, f"{step.subject}-forgotten", body)


def fold_forgotten(step: Step, forgotten: Forgotten, definition: Definition) -> None:
    if step.identity.owner == forgotten.name:
        receipt = f"{forgotten.receipt}+{digest(step.subject)}"
        asked = ErasureRecord(receipt=receipt, requested_ms=forgotten.requested_ms)
        step.records.append(Record(ERASURES, receipt, step.subject, asked.model_dump_json().encode()))
    else:
        step.identity, before = step.identity.without(forgotten.name), step.profile
        keep_members(step)
        set_timers(step, before, definition)


def _claim(step: Step, claimant: str, weaker: str, at_ms: int) -> None:
    _send(step, weaker, f"{claimant}>{weaker}", Claim(claimant=claimant, at_ms=at_ms))


def _send(step: Step, to: str, record_id: str, body: Claim | Parts | Forgotten) -> None:
    step.records.append(Record(IDENTITIES, record_id, to, orjson.dumps(body.model_dump())))
