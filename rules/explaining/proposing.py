"""Which rules propose an offer, and of those that did not, what was missing."""

from collections.abc import Iterator, Mapping
from typing import Any

from rules.explaining.case import Case
from rules.explaining.changes import change, in_words
from rules.explaining.lacks import lacks
from rules.explaining.times import minute, span
from rules.language import Condition, Lacking
from rules.proposing import answers
from rules.ruleset import RuleSet
from schemas.explanation import Proposing
from schemas.ledger import Proposal
from schemas.policy import Rule


def proposing(case: Case, offer: str) -> tuple[Proposing, ...]:
    """Of every rule that names the offer, and of every proposal of it that waits; those that propose it first."""
    found = [*_rules(case, offer), *_waiting(case, offer)]
    return tuple(sorted(found, key=lambda each: not each.proposes))


def why_no_candidate(case: Case, offer: str, rules: tuple[Proposing, ...]) -> str:
    """Of an offer that was none."""
    if offer not in case.ruleset.by_offer:
        return "no cell of any program names it, so that it is never a candidate"
    if not rules:
        return "no rule proposes it, and it is not always on"
    return "none of the rules that propose it did: " + "; ".join(f"{each.rule}: {each.text}" for each in rules)


def _rules(case: Case, offer: str) -> Iterator[Proposing]:
    values, conditions = case.weighed.funnel.values, _conditions(case.ruleset)
    fired, waiting = case.fired, {each.rule for each in case.facts.ledger.proposals if offer in each.offers}
    for rule in case.ruleset.policy.rules:
        if offer in rule.propose and (rule.id in fired or rule.id not in waiting):
            lack = _lacking(case, rule, conditions, values) if rule.id not in fired else None
            is_here = not rule.channels or case.facts.channel in rule.channels
            yield Proposing(
                rule=rule.id,
                proposes=rule.id in fired and is_here,
                boost=rule.boost,
                change=change(lack),
                text=_text(case, rule, rule.id in fired, is_here, lack),
            )


def _text(case: Case, rule: Rule, is_fired: bool, is_here: bool, lack: Lacking | None) -> str:
    if not is_here:
        return f"it counts on {', '.join(rule.channels)}, and this was {case.facts.channel}"
    if is_fired:
        return "it is asked at every decision, and held" if not rule.when else "the interaction of the request fired it"
    missing = [text for text in (_trigger(case, rule), in_words(lack)) if text]
    return " and ".join(missing) or "its condition does not hold"


def _trigger(case: Case, rule: Rule) -> str:
    """What did not fire it; empty where that is not what it was."""
    happened = case.facts.values.get("event.type")
    if rule.timing is not None:
        return "it is fired by a time, and nothing that it proposed was waiting"
    if not rule.types or happened in rule.types:
        return ""
    named = f"the interaction was {happened}" if happened else "the request brought no interaction"
    kept = f"; what it proposes waits for {span(rule.lifetime)}, and nothing was waiting" if rule.lifetime else ""
    return f"it is fired by {' or '.join(rule.types)}, and {named}{kept}"


def _lacking(case: Case, rule: Rule, conditions: Mapping[str, Condition], values: Mapping[str, Any]) -> Lacking | None:
    """What its `if` lacks, where there was something to ask it about."""
    condition = conditions.get(rule.id)
    is_asked = not rule.when or (rule.types and values.get("event.type") in rule.types)
    return lacks(condition, values, case.ruleset) if condition is not None and is_asked else None


def _conditions(ruleset: RuleSet) -> dict[str, Condition]:
    """By rule, of those that are not fired by a time."""
    groups = (ruleset.standing, *ruleset.rules_of.values())
    return {
        rule.id: condition for group in groups for rule, condition in zip(group.rules, group.conditions, strict=True)
    }


def _waiting(case: Case, offer: str) -> Iterator[Proposing]:
    """What an earlier event or time has left in the ledger; a rule that fires now is not counted twice."""
    fired = case.fired
    for each in case.facts.ledger.proposals:
        if offer in each.offers and each.rule not in fired:
            is_here = not each.channels or case.facts.channel in each.channels
            answer = dict(answers(each, case.facts, case.ruleset)).get(offer)
            yield Proposing(
                rule=each.rule,
                proposes=is_here and each.until_ms > case.now_ms and answer is None,
                boost=each.boost,
                text=_waits(case, each, is_here, answer),
            )


def _waits(case: Case, waiting: Proposal, is_here: bool, answer: str | None) -> str:
    until = minute(waiting.until_ms, case.zone)
    if not is_here:
        return f"its proposal waits until {until}, on {', '.join(waiting.channels)} and not on {case.facts.channel}"
    if answer is not None:
        return f"its proposal is settled: {answer}"
    return f"its proposal waits until {until}" if waiting.until_ms > case.now_ms else f"its proposal ended on {until}"
