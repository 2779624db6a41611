"""Arbitration: which of the candidates that may be made is best.

score = propensity^exponent × value × context × levers (DESIGN §5). Each factor is bounded, can be switched off
by the policy, and is written into the record.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

from rules.bounds import LEAST_LIKELY, MOST_LIKELY, within
from rules.candidates import Candidate
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


class Scored(NamedTuple):
    """A candidate with its score. There are many in a decision, so it is quick to make."""

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
    ranks = [(each.candidate.offer.kind != "mandatory", -each.score) for each in scored]
    if len(set(ranks)) == len(ranks):
        return [scored[at] for _, at in sorted(zip(ranks, range(len(ranks)), strict=True))]
    shared = Counter(ranks)
    # chance is asked only where it decides: it takes longer than a score
    order = [
        (rank, _chance(seed, each.candidate) if shared[rank] > 1 else b"", at)
        for at, (rank, each) in enumerate(zip(ranks, scored, strict=True))
    ]
    return [scored[at] for _, _, at in sorted(order)]


def _scored(candidate: Candidate, boost: float, propensity: float, arbitration: Arbitration) -> Scored:
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
    return Scored(candidate, score, factors)


def _chance(seed: int, candidate: Candidate) -> bytes:
    return blake2b(f"{seed}|{candidate.key}".encode(), digest_size=8).digest()
