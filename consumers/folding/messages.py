"""Messages: a rule contacts the customer, so that it is decided like every other contact.

The very `decide` of the API, on the message's channel and placement, under the contact policy, with what the rule
proposes and whatever else is proposed. Chance comes from the identity of the event, so that the same event decides
alike whenever it is folded. What wins is reserved in the ledger in the same commit, and confirmed by the logged
decision as all others are. If nothing may be said, the decision says why, and there is no message.
"""

from msgspec.structs import replace

from consumers.folding.occasion import Occasion
from consumers.folding.step import Step
from consumers.live import LivePolicy
from profiles import ledger as ledgers
from profiles.decided import Kept, keys_of
from profiles.facts import Situation
from profiles.holds import held
from profiles.store import Record
from rules import codes
from rules.answer import Answered, Origin, answered
from rules.arbitration import NothingLearned
from rules.decide import decide
from schemas.action import Action
from schemas.decision import Facts
from schemas.ledger import Ledger, Proposal
from schemas.policy import Rule
from schemas.triggers import Act

MODELS = NothingLearned()
SEED_BITS = 53


def message(step: Step, rule: Rule, what: Act, action: Action, occasion: Occasion, policy: LivePolicy) -> Action | None:
    if step.around.again:  # the log has what was decided then
        return None
    decided = _decided(step, rule, what, action.id, occasion, policy)
    _reserve(step, decided, occasion.now_ms, what.lasts_ms, policy)
    if not decided.treatments:
        return None
    (chosen,) = decided.treatments
    found = {
        "channel": what.message,
        "placement": what.placement,
        "content": chosen.content,
        "offer": chosen.offer,
        "treatment": chosen.treatment,
        "code": chosen.code,
        "decision": decided.decision,
    }
    return action.model_copy(update=found)


def _decided(step: Step, rule: Rule, what: Act, action_id: str, occasion: Occasion, policy: LivePolicy) -> Answered:
    now_ms, channel = occasion.now_ms, str(what.message)
    situation = Situation(step.subject, occasion.after, channel, now_ms, occasion.cause, before=occasion.before)
    seen = ledgers.within(_proposing(step.whole_ledger(), rule, now_ms), policy.ruleset.lookback_ms, now_ms)
    placements = ((str(what.placement), 1),)
    values = policy.facts.read(situation)
    facts = Facts(step.subject, channel, placements, values, seen, step.around.cells, step.stock())
    number = codes.hashed("decision", action_id)
    origin = Origin(
        decision=codes.decision_id(step.around.shard, number),
        at_ms=now_ms,
        shard=step.around.shard,
        seed=number & ((1 << SEED_BITS) - 1),
        salt=step.around.salt,
        revision=policy.revision,
        model=MODELS.version,
    )
    return answered(decide(facts, policy.ruleset, MODELS, now_ms, origin.seed), facts, origin)


def _proposing(ledger: Ledger, rule: Rule, now_ms: int) -> Ledger:
    """The ledger in which what this rule proposes waits, on whatever channel."""
    if not rule.propose:
        return ledger
    others = tuple(each for each in ledger.proposals if each.rule != rule.id)
    return replace(ledger, proposals=(*others, Proposal(rule.id, rule.propose, (), rule.boost, now_ms + 1)))


def _reserve(step: Step, decided: Answered, now_ms: int, lasts_ms: int, policy: LivePolicy) -> None:
    """All that a decision changes. The reservation holds for as long as the message may be sent."""
    entries = [
        each if each.withheld else replace(each, until_ms=max(each.until_ms, now_ms + lasts_ms))
        for each in ledgers.entries_of(decided, now_ms, policy.definition)
    ]
    if entries:
        step.ledger = ledgers.reserved(step.ledger, entries, now_ms, policy.definition)
        step.moves += held(entries, now_ms + lasts_ms)
    step.records.append(Record("decisions", decided.decision, step.subject, decided.record))
    kept = Kept(step.around.shard, step.around.decision_keep_ms, policy.definition)
    step.new_keys += keys_of(entries, decided.decision, decided.record, step.subject, kept)
    step.decided.append(decided)
