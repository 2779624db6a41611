"""Why a decision came out as it did: for analysts in full, for agents in sentences that may be read aloud."""

from typing import Any, Literal

from schemas.base import Model
from schemas.decision import Placement, Withheld

StepName = Literal[
    "availability", "eligibility", "applicability", "suitability", "contact_policy", "cell", "arbitration", "slots"
]
View = Literal["agent", "full"]


class Change(Model):
    """One part of a condition: what it is, and what it would have to be."""

    fact: str
    """What is looked at, in CEL: `customer.spend_90d`."""
    is_known: bool
    value: Any = None
    """What it was; missing where it was not known."""
    relation: str
    """`==`, `!=`, `<`, `<=`, `>`, `>=`, `one_of`, `none_of`, `with`, `without`, `true`, `false`, `known`, `unknown`."""
    bound: Any = None
    """What it is compared with, where there is something."""
    follows: "Change | Changes | None" = None
    """What of a segment's own condition that would take."""
    text: str
    """`customer.spend_90d is 82.5 → more than 100.0`"""


class Changes(Model):
    """Several of them: all would have to change, or one would do."""

    how: Literal["all", "any"]
    of: "tuple[Change | Changes, ...]"
    text: str


class Obstacle(Model):
    """One thing that stands against a candidate."""

    reason: str
    where: str
    """What it is written at: `offer pen`, `requirement sms-consent`, `cap two-a-week`."""
    condition: str | None = None
    """In CEL."""
    change: Change | Changes | None = None
    """The smallest part of the condition that decides, and what it would have to be."""
    until: str | None = None
    """When it ends by itself, if nothing else happens."""
    text: str
    """What would have to change, in a sentence."""


class Proposing(Model):
    """A rule that may propose an offer, and whether it did."""

    rule: str
    proposes: bool
    boost: float
    """Its weight in arbitration."""
    change: Change | Changes | None = None
    """What of its `if` did not hold."""
    text: str


class Weight(Model):
    """How a candidate was weighed in arbitration."""

    score: float
    propensity: float
    boost: float
    """Σ(boost − 1) over the rules that propose it."""
    lever: float
    """1 + Σ/100 over issue, campaign, program and offer, within the bounds of a factor."""
    factors: dict[str, float]
    """What the score is the product of."""


class CandidateExplained(Model):
    """One offer of one program: chosen, or where it fell and why."""

    campaign: str
    program: str
    cell: str
    offer: str
    offer_name: str
    kind: str
    chosen: bool
    placement: str | None = None
    rank: int | None = None
    step: StepName | None = None
    """Where it fell."""
    reason: str | None = None
    detail: str = ""
    obstacles: tuple[Obstacle, ...] = ()
    """The reason first, then whatever else stands in the way."""
    proposed_by: tuple[Proposing, ...] = ()
    """The rules that proposed it; none for one that is always on, settled or handed over."""
    weight: Weight | None = None
    """Missing where it fell before arbitration."""
    continues: str | None = None
    """The code that it continues: it was handed over from another channel."""
    text: str
    """All of it in a sentence."""


class NotProposed(Model):
    """An offer that was no candidate, and every rule that might have proposed it."""

    offer: str
    offer_name: str
    rules: tuple[Proposing, ...]
    text: str


class FunnelStep(Model):
    step: StepName
    entered: int
    left_out: int
    remaining: int
    reasons: dict[str, int]


class Funnel(Model):
    """`candidates` = `chosen` + what each step left out."""

    candidates: int
    steps: tuple[FunnelStep, ...]
    chosen: int


class FullExplanation(Model):
    """For analysts: everything that the decision stood on, and what came of it at each step."""

    view: Literal["full"] = "full"
    decision: str
    at: str
    customer: str | None = None
    visitor: str | None = None
    identifiers: dict[str, str] | None = None
    channel: str
    placements: tuple[Placement, ...]
    policy: str
    model: str
    seed: int
    salt: int
    funnel: Funnel
    candidates: tuple[CandidateExplained, ...]
    """Those chosen first; then those that got furthest."""
    withheld: tuple[Withheld, ...]
    no_candidates: tuple[str, ...]
    """The policy's other offers; name one as `offer` to hear why it was none."""
    not_proposed: NotProposed | None = None
    """The offer that was asked for, if it was no candidate."""
    facts: dict[str, Any]
    """The values that conditions could see, from the record."""
    judged: dict[str, Any]
    """What the policy made of them: segments, scores, stage, purpose."""
    differences: tuple[str, ...] = ()
    """Where deciding again from the record gave something else; then do not trust the rest."""


class SpokenOffer(Model):
    """One offer, for somebody who talks with the customer."""

    offer: str
    offer_name: str
    offered: bool
    until: str | None = None
    """When it may be offered again, if nothing else happens."""
    sentence: str
    """May be read aloud."""


class AgentExplanation(Model):
    """For agents: no scores, no conditions, nothing of other offers and test cells."""

    view: Literal["agent"] = "agent"
    decision: str
    at: str
    offers: tuple[SpokenOffer, ...]
