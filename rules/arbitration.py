"""Arbitration: which of the candidates that may be made is best.

score = propensity^exponent × value × context × levers (DESIGN §5). Each factor is bounded, can be switched off
by the policy, and is written into the record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from operator import itemgetter
from typing import Any, Protocol

from rules.bounds import LEAST_LIKELY, MOST_LIKELY, within
from rules.candidates import Candidate
from rules.left_out import LeftOut, left_out
from rules.reasons import Reason
from schemas.policy import Arbitration


class Models(Protocol):
    """What has been learned. `version` names the snapshot, so that a decision can be replayed."""

    @property
    def version(self) -> str: ...

    def propensity(self, candidates: Sequence[Candidate], values: Mapping[str, Any]) -> Sequence[float]:
        """The probability of a positive outcome, for each candidate; 1 where nothing is learned."""


@dataclass(frozen=True, slots=True)
class NothingLearned:
    """Every offer is as likely as any other: value, context and levers decide."""

    version: str = "none"

    def propensity(self, candidates: Sequence[Candidate], values: Mapping[str, Any]) -> Sequence[float]:  # noqa: ARG002
        return [1.0] * len(candidates)


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with its score."""

    candidate: Candidate
    score: float
    factors: dict[str, float]
    _outranked: LeftOut | None
    """Where everybody has it with this score."""

    @property
    def outranked(self) -> LeftOut:
        """What is said of it where the slots go to better scores."""
        return self._outranked or outranked(self.candidate, self.score)


def outranked(candidate: Candidate, score: float) -> LeftOut:
    return left_out(candidate, Reason.OUTRANKED, f"score {score:g}")


def alone(candidate: Candidate, arbitration: Arbitration) -> Scored:
    """As it is where nothing is learned and nothing pushes it: the same for everybody, so that it is made once."""
    score, factors = _score_of(candidate, 0.0, 1.0, arbitration)
    return Scored(candidate, score, factors, outranked(candidate, score))


def ranked(
    candidates: Sequence[Scored],
    boosts: Mapping[str, float],
    propensities: Sequence[float],
    arbitration: Arbitration,
    seed: int,
) -> list[Scored]:
    """Best first: mandatory offers before all others, then by score; ties are broken by the seed.

    `candidates` are as `alone` has them; `boosts` gives Σ(boost − 1) over the rules that propose an offer, by offer.
    """
    scored = [
        each
        if propensity == 1 and not boosts.get(each.candidate.offer_id)
        else _scored(each.candidate, boosts.get(each.candidate.offer_id, 0.0), propensity, arbitration)
        for each, propensity in zip(candidates, propensities, strict=True)
    ]
    mandatory = [each for each in scored if each.candidate.is_mandatory]
    if not mandatory:
        return _by_score(scored, seed)
    others = [each for each in scored if not each.candidate.is_mandatory]
    return [*_by_score(mandatory, seed), *_by_score(others, seed)]


def _by_score(scored: Sequence[Scored], seed: int) -> list[Scored]:
    """Chance is asked only where it decides: it takes longer than a score."""
    found = sorted(scored, key=_score, reverse=True)
    first, amount = 0, len(found)
    while first < amount:
        end, score = first + 1, found[first].score
        while end < amount and found[end].score == score:
            end += 1
        if end > first + 1:
            found[first:end] = _by_chance(found[first:end], seed)
        first = end
    return found


def _score(scored: Scored) -> float:
    return scored.score


def _by_chance(scored: Sequence[Scored], seed: int) -> list[Scored]:
    drawn = [(blake2b(f"{seed}|{each.candidate.key}".encode(), digest_size=8).digest(), each) for each in scored]
    drawn.sort(key=itemgetter(0))
    return [each for _, each in drawn]


def _scored(candidate: Candidate, boost: float, propensity: float, arbitration: Arbitration) -> Scored:
    score, factors = _score_of(candidate, boost, propensity, arbitration)
    return Scored(candidate, score, factors, None)


def _score_of(
    candidate: Candidate, boost: float, propensity: float, arbitration: Arbitration
) -> tuple[float, dict[str, float]]:
    score = 1.0 if propensity == 1 else min(MOST_LIKELY, max(LEAST_LIKELY, propensity))
    if arbitration.propensity_exponent != 1:
        score **= arbitration.propensity_exponent
    factors = {"propensity": score}
    if arbitration.value:
        factors["value"] = value = candidate.offer.value
        score *= value
    if arbitration.context:
        factors["context"] = context = within(1 + boost) if boost else 1.0
        score *= context
    if arbitration.levers:
        factors["levers"] = levers = candidate.levers
        score *= levers
    return score, factors
