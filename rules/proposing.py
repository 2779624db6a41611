"""Which offers are candidates now: what live rules propose, what waits in the ledger, also because it was handed over
from another channel, and what is always on.

What one channel has settled, every channel knows: an offer that was accepted or declined since a waiting proposal was
made is settled, until something proposes it anew.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rules.handing import Handed, handed_over
from rules.proposed import Proposed
from rules.ruleset import RuleSet
from schemas.decision import Facts
from schemas.ledger import Proposal


def proposed(facts: Facts, ruleset: RuleSet, values: Mapping[str, Any], now_ms: int) -> Proposed:
    """A rule counts once, whether it fires now or its proposal waits in the ledger."""
    fired = ruleset.fired(values)
    if ruleset.standing.rules:
        fired += ruleset.standing.fired(values)
    rules = frozenset(rule.id for rule in fired) if facts.ledger.proposals else frozenset()
    pushed: dict[str, float] = {}
    for rule in fired:
        if not rule.channels or facts.channel in rule.channels:
            _add(pushed, rule.propose, rule.boost)
    settled: dict[str, str] = {}
    for waiting in facts.ledger.proposals:
        on_channel = not waiting.channels or facts.channel in waiting.channels
        if on_channel and waiting.until_ms > now_ms and waiting.rule not in rules:
            answered = dict(answers(waiting, facts, ruleset))
            settled |= answered
            _add(pushed, tuple(each for each in waiting.offers if each not in answered), waiting.boost)
    handed: Mapping[str, Handed] = {}
    if ruleset.hand_overs:
        handed = handed_over(facts, ruleset.hand_overs, ruleset.settling, now_ms)
        _add(pushed, tuple(handed), 1.0)
    always = ruleset.always_boosts
    only = {offer: how for offer, how in settled.items() if offer not in pushed and offer not in always}
    besides = [offer for offer in pushed if offer not in always]
    return Proposed({**pushed, **dict.fromkeys(only, 0.0)}, besides, only, handed)


def _add(boosts: dict[str, float], offers: tuple[str, ...], boost: float) -> None:
    for offer in offers:
        boosts[offer] = boosts.get(offer, 0.0) + boost - 1


def answers(waiting: Proposal, facts: Facts, ruleset: RuleSet) -> Iterator[tuple[str, str]]:
    """The offers of a proposal with an outcome that ends them, since it was made."""
    made_ms = waiting.until_ms - ruleset.lifetimes.get(waiting.rule, waiting.until_ms)
    for entry in facts.ledger.entries:
        if entry.offer in waiting.offers:
            for outcome, at_ms in entry.known_outcomes().items():
                if outcome in ruleset.ending and at_ms >= made_ms:
                    yield entry.offer, f"{outcome} on {entry.channel}"
