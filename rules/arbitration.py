"""Arbitration: which of the candidates that may be made is best.

score = propensity^exponent × value × context × levers (DESIGN §5). Each factor is bounded, can be switched off
by the policy, and is written into the record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from rules.bounds import LEAST, LEAST_LIKELY, MOST, MOST_LIKELY
from rules.ruleset import Candidate
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
    candidate: Candidate
    score: float
    factors: dict[str, float]


def ranked(
    candidates: Sequence[Candidate],
    boosts: Mapping[str, float],
    propensities: Sequence[float],
    arbitration: Arbitration,
    seed: int,
) -> list[Scored]:
    """Best first: mandatory offers before all others, then by score; ties are broken by the seed.

    `boosts` gives Σ(boost − 1) over the rules that propose an offer, by offer.
    """
    scored = [
        _scored(candidate, boosts.get(candidate.offer.id, 0.0), propensity, arbitration)
        for candidate, propensity in zip(candidates, propensities, strict=True)
    ]
    return sorted(
        scored,
        key=lambda each: (
            each.candidate.offer.kind != "mandatory",
            -each.score,
            _chance(seed, each.candidate),
        ),
    )


def _scored(candidate: Candidate, boost: float, propensity: float, arbitration: Arbitration) -> Scored:
    factors = {"propensity": _likely(propensity) ** arbitration.propensity_exponent}
    if arbitration.value:
        factors["value"] = candidate.offer.value
    if arbitration.context:
        factors["context"] = _bounded(1 + boost)
    if arbitration.levers:
        factors["levers"] = _bounded(candidate.levers)
    score = 1.0
    for factor in factors.values():
        score *= factor
    return Scored(candidate, score, factors)


def _likely(propensity: float) -> float:
    return propensity if propensity == 1 else min(MOST_LIKELY, max(LEAST_LIKELY, propensity))


def _bounded(factor: float) -> float:
    return min(MOST, max(LEAST, factor))


def _chance(seed: int, candidate: Candidate) -> bytes:
    return blake2b(f"{seed}|{candidate.key}".encode(), digest_size=8).digest()
