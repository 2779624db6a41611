"""Identity: links, claims, and what a claimed identifier passes on to its owner (profiles/identity.py has the idea).

    an event names ada and v-1     ada (stronger)   ── claim ──►  v-1
    v-1 takes the earliest claim   v-1  ── its part, then each change and the events ──►  ada
    somebody says it was wrong     v-1  ── withdraws ──►  ada
    ada answers a printed code     ada  ── the response, if it was decided for v-1 ──►  v-1
    v-1's shard loses writes       ada  ── again ──►  v-1, which sends its part or withdraws
    ada is erased                  ada  ── forgotten ──►  v-1, which is erased too if it is hers

Two who claim the same identifier, such as two customers who share a cookie, are never joined by that: the earlier one
keeps it.
"""

from dataclasses import replace
from hashlib import blake2b

import orjson

from consumers.folding.step import Step
from consumers.folding.visits import keep_members, owner_changed, set_timers
from consumers.live import LivePolicy
from consumers.redis_streams import stream_id
from profiles.definition import Definition
from profiles.erasure import ERASED
from profiles.identity import Part, Source
from profiles.store import ERASURES, IDENTITIES, Erasure, Record
from schemas.erasure import ErasureRecord
from schemas.identity import Again, Answered, Claim, Forgotten, Judged, Parts, Passed
from schemas.interaction import Interaction, to_cloud_event
from schemas.response import ResponseRecord


def link(step: Step, interaction: Interaction, definition: Definition) -> None:
    """The subject claims the weaker identifiers that an interaction names too: each once, and again if it turns out
    that they were named together earlier."""
    for weaker in interaction.links:
        known, at_ms = step.identity.sources.get(weaker), interaction.at_ms
        if definition.rank(weaker) <= definition.rank(step.subject):
            continue
        if known is None and step.identity.is_full():
            step.conflicts += 1
            step.settled.add(weaker)
        elif known is None or known.claimed_ms is None or at_ms < known.claimed_ms:
            step.settled.add(weaker)
            step.identity = step.identity.with_source(weaker, replace(known or Source(), claimed_ms=at_ms))
            _claim(step, step.subject, weaker, at_ms)


def fold_claim(step: Step, claim: Claim, offset: int, policy: LivePolicy) -> None:
    step.settled.add(claim.claimant)
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
        _withdraw(step, before, offset)
    owner_changed(step, before, offset, policy)


def fold_again(step: Step, again: Again, offset: int) -> None:
    """The owner gets all that there is at the end of the step; whoever else has heard something has nothing of this
    identifier. Of one who was erased everybody has forgotten everything."""
    is_erased = ERASED in step.profile.marks and step.is_stranger()
    if again.to != step.identity.owner and not is_erased:
        _withdraw(step, again.to, offset)


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


def pass_answer(step: Step, to: str, response: ResponseRecord) -> None:
    """To the identifier under which the treatment was decided that it is about."""
    body = Answered(response=response.model_dump(exclude_defaults=True))
    _send(step, to, f"{step.subject}>{response.code}/{response.outcome}@{step.offset}", body)


def forget(step: Step, receipt: str, requested_ms: int) -> list[str]:
    """Tells everybody who knows the erased one: those who belong to it are erased too, the others forget it. Returns
    the receipts under which each says that it has."""
    known = dict.fromkeys((*step.identity.sources, *step.identity.claims))
    body = Forgotten(name=step.subject, receipt=receipt, requested_ms=requested_ms)
    step.told += [_said(name, f"{step.subject}-forgotten", body) for name in known]
    return [_receipt_of(name, receipt) for name in known]


def fold_forgotten(step: Step, forgotten: Forgotten, offset: int, definition: Definition) -> None:
    receipt = _receipt_of(step.subject, forgotten.receipt)
    if step.identity.owner == forgotten.name:
        asked = ErasureRecord(receipt=receipt, requested_ms=forgotten.requested_ms)
        step.told.append(Record(ERASURES, receipt, step.subject, asked.model_dump_json().encode()))
    else:
        step.settled.add(forgotten.name)
        step.identity, before = step.identity.without(forgotten.name), step.profile
        keep_members(step)
        set_timers(step, before, definition)
        step.forgotten.append(Erasure(receipt, forgotten.requested_ms, stream_id(offset), names=forgotten.name))


def _receipt_of(name: str, told_under: str) -> str:
    """Of somebody who was told of an erasure."""
    return f"{told_under}+{blake2b(f'{told_under} {name}'.encode(), digest_size=8).hexdigest()}"


def _withdraw(step: Step, to: str, offset: int) -> None:
    _send(step, to, f"{step.subject}@{offset}-withdrawn", Parts(source=step.subject, version=offset, parts={}))


def _claim(step: Step, claimant: str, weaker: str, at_ms: int) -> None:
    _send(step, weaker, f"{claimant}>{weaker}", Claim(claimant=claimant, at_ms=at_ms))


def _send(step: Step, to: str, record_id: str, body: Claim | Parts | Answered) -> None:
    step.records.append(_said(to, record_id, body))


def _said(to: str, record_id: str, body: Claim | Parts | Forgotten | Answered) -> Record:
    return Record(IDENTITIES, record_id, to, orjson.dumps(body.model_dump()))
