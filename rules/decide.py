"""`decide`: the next best action. This is the one place where a decision is made.

Pure: the same facts, rule set, models, time and seed give the same judgement, whoever asks: the API, the
written examples of a policy, rehearsal or replay.

    candidates            what live rules propose and offers that are always on
    eligible, applicable, suitable
    contact policy        lists, consent, requirements, quiet hours, channels, suppression, cool-downs, caps
    cell                  held out, or another cell's offer
    arbitration           scores
    slots                 best first, no offer twice; caps count what was just chosen
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules.arbitration import Models, Scored, ranked
from rules.cells import assign
from rules.contact import ContactState, Refusal
from rules.language import EvaluationError
from rules.proposing import proposed
from rules.reasons import Reason
from rules.ruleset import Candidate, CellView, RuleSet, Stage
from rules.treatments import Wording, best
from schemas.decision import Facts
from schemas.policy import Treatment


@dataclass(frozen=True, slots=True)
class Choice:
    """A treatment that won a slot."""

    placement: str
    rank: int
    """1 is best, within the placement."""
    scored: Scored
    cell: str
    treatment: Treatment
    content: Mapping[str, str]
    """Its texts, with the facts that they name."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    candidate: Candidate
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A candidate that would have won a slot, had the customer not been held out."""

    placement: str
    candidate: Candidate
    cell: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every candidate is either among the choices or left out, never both."""

    choices: tuple[Choice, ...]
    left_out: tuple[LeftOut, ...]
    held_back: tuple[HeldBack, ...]

    @property
    def candidates(self) -> int:
        return len(self.choices) + len(self.left_out)


def decide(facts: Facts, ruleset: RuleSet, models: Models, now_ms: int, seed: int) -> Judgement:
    return judged(weighed(facts, ruleset, models, now_ms, seed))


@dataclass(frozen=True, slots=True)
class Weighed:
    """The candidates before the slots are filled: who has fallen by then, and in which order the others come."""

    funnel: "Funnel"
    boosts: Mapping[str, float]
    """By offer that is proposed, Σ(boost − 1)."""
    order: Sequence[Scored]
    """Best first."""
    propensities: Sequence[float]
    """Of `surviving`."""
    surviving: Sequence[Candidate]
    left_out: Sequence[LeftOut]


def weighed(facts: Facts, ruleset: RuleSet, models: Models, now_ms: int, seed: int) -> Weighed:
    values = ruleset.classified(facts.values)
    found = proposed(facts, ruleset, values, now_ms)
    contact = ContactState(
        ruleset.contact_policy,
        ruleset.contact_policy.lookback_ms,
        ruleset.requirements,
        facts.ledger,
        facts.channel,
        now_ms,
        ruleset.contact,
        ruleset.contact.zone_of(values),
    )
    funnel = Funnel(facts, ruleset, values, contact, now_ms, found.settled)
    surviving, left_out = [], []
    for offer in found.boosts:
        for candidate in ruleset.by_offer.get(offer, ()):
            refusal = funnel.refusal(candidate)
            if refusal is None:
                surviving.append(candidate)
            else:
                left_out.append(LeftOut(candidate, *refusal))
    propensities = models.propensity(surviving, values)
    order = ranked(surviving, found.boosts, propensities, ruleset.arbitration, seed)
    return Weighed(funnel, found.boosts, order, propensities, surviving, left_out)


def judged(weighed: Weighed) -> Judgement:
    """Fills the slots; what is chosen is noted in the funnel's contact state."""
    slots = Slots(weighed.funnel.facts, weighed.funnel)
    for scored in weighed.order:
        slots.offer(scored)
    return Judgement(tuple(slots.choices), (*weighed.left_out, *slots.left_out), tuple(slots.held_back))


@dataclass(slots=True)
class Funnel:
    """The steps that look at one candidate at a time."""

    facts: Facts
    ruleset: RuleSet
    values: Mapping[str, Any]
    contact: ContactState
    now_ms: int
    settled: Mapping[str, str] = field(default_factory=dict)
    """Offers that only waiting proposals propose, and that were answered since: how."""
    _cells: dict[str, str] = field(default_factory=dict)

    def refusal(self, candidate: Candidate) -> Refusal | None:
        """The first reason against a candidate, cell and slots aside."""
        if not candidate.live_at(self.now_ms):
            return Reason.NOT_LIVE, candidate.not_live(self.now_ms)
        if candidate.offer.id in self.settled:
            return Reason.SETTLED, self.settled[candidate.offer.id]
        if not any(self.wording(candidate, name) for name, _ in self.facts.placements):
            return Reason.NO_TREATMENT, self._unworded(candidate)
        view = self.cell(candidate)
        values = {**self.values, **candidate.offer_values}
        for stage in view.stages:
            refusal = _stage_refusal(stage, values)
            if refusal is not None:
                return refusal
        refusal = (
            self.contact.permission_refusal(candidate, values)
            or self.contact.quiet_refusal(candidate)
            or self.contact.priority_refusal(candidate)
            or self.contact.suppression_refusal(candidate)
            or self.contact.cool_down_refusal(candidate)
            or self.contact.cap_refusal(candidate, view.cell.holdout)
        )
        if refusal is None and not view.has_offer:
            return Reason.OTHER_CELL, f"cell {view.cell.id}"
        return refusal

    def cell(self, candidate: Candidate) -> CellView:
        key = candidate.program_key
        if key not in self._cells:
            chosen = self.facts.cells.get(candidate.program.id)
            self._cells[key] = chosen or assign(key, candidate.program.cells, self.facts.subject).id
        return candidate.cells[self._cells[key]]

    def wording(self, candidate: Candidate, placement: str) -> Wording | None:
        """How the candidate would be made there, if it can be."""
        wordings = candidate.wordings.get((self.facts.channel, placement), ())
        if len(wordings) == 1 and not wordings[0].variables:
            return wordings[0]
        language = self.ruleset.contact.language_of(self.values)
        return best(wordings, {**self.values, **candidate.offer_values}, language) if wordings else None

    def _unworded(self, candidate: Candidate) -> str:
        """Why there is no treatment: none is written, or what the first one names is not known."""
        values = {**self.values, **candidate.offer_values}
        for placement, _ in self.facts.placements:
            for each in candidate.wordings.get((self.facts.channel, placement), ()):
                return f"{each.treatment.id}: {each.missing(values)} is not known"
        return f"channel {self.facts.channel}"

    def content(self, candidate: Candidate, wording: Wording) -> Mapping[str, str]:
        if wording.is_plain:
            return wording.treatment.content
        zone = self.contact.zone or self.ruleset.contact.zone
        return wording.content({**self.values, **candidate.offer_values}, zone)


def _stage_refusal(stage: Stage, values: Mapping[str, Any]) -> Refusal | None:
    """A condition that is false decides, also beside one that cannot be evaluated."""
    unknown: Refusal | None = None
    for owned in stage.conditions:
        verdict = owned.condition.verdict(values)
        if verdict is False:
            return stage.refused, f"{owned.owner}: {owned.condition.source}"
        if isinstance(verdict, EvaluationError) and unknown is None:
            unknown = stage.unknown, f"{owned.owner}: {verdict.message}"
    return unknown


def _excluded(candidate: Candidate, chosen: Candidate) -> Refusal | None:
    """Whether one of these excludes the other."""
    one, other = candidate.offer, chosen.offer
    if one.id == other.id:
        return None
    if one.exclusive_group is not None and one.exclusive_group == other.exclusive_group:
        return Reason.EXCLUDED, f"{other.id} is of the same group {one.exclusive_group}"
    if not candidate.covers.isdisjoint(chosen.covers):
        shared = min(candidate.covers & chosen.covers)
        return Reason.EXCLUDED, f"{shared} is made as {other.id}" if shared != other.id else f"{other.id} is made alone"
    return None


@dataclass(slots=True)
class Slots:
    """Fills the placements, best candidate first.

    A candidate that is held out takes a slot in the count of what would have been, so that a holdout keeps back
    exactly what the treated get; the slot itself goes to the next one.
    """

    facts: Facts
    funnel: Funnel
    choices: list[Choice] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    held_back: list[HeldBack] = field(default_factory=list)
    _taken: dict[str, int] = field(default_factory=dict)
    _would_be_taken: dict[str, int] = field(default_factory=dict)

    def offer(self, scored: Scored) -> None:
        candidate = scored.candidate
        view = self.funnel.cell(candidate)
        if view.cell.holdout:
            self._hold_back(candidate, view)
            return
        refusal = self._choose(scored, view)
        if refusal is not None:
            self.left_out.append(LeftOut(candidate, *refusal))

    def _hold_back(self, candidate: Candidate, view: CellView) -> None:
        """It would have won a slot if nothing that was chosen or held back before it stood in its way."""
        capped = self.funnel.contact.cap_refusal(candidate, held_out=True)
        self.left_out.append(LeftOut(candidate, *(capped or (Reason.HELD_OUT, f"cell {view.cell.id}"))))
        before = [*self.funnel.contact.chosen, *self.funnel.contact.held_back]
        placement = self._free(candidate, self._would_be_taken)
        if capped is None and placement is not None and self._clash(candidate, before) is None:
            self._take(self._would_be_taken, placement)
            self.held_back.append(HeldBack(placement, candidate, view.cell.id))
            self.funnel.contact.held_back.append(candidate)

    def _choose(self, scored: Scored, view: CellView) -> Refusal | None:
        candidate = scored.candidate
        refusal = self.funnel.contact.cap_refusal(candidate, held_out=False)
        refusal = refusal or self._clash(candidate, self.funnel.contact.chosen)
        if refusal is not None:
            return refusal
        placement = self._free(candidate, self._taken)
        if placement is None:
            return Reason.OUTRANKED, f"score {scored.score:g}"
        self._fill(scored, view, placement)
        return None

    def _clash(self, candidate: Candidate, before: Sequence[Candidate]) -> Refusal | None:
        """What keeps it from standing beside these in one answer."""
        offer = candidate.offer
        for each in before:
            if refusal := _excluded(candidate, each):
                return refusal
        if any(each.offer.id == offer.id for each in before):
            return Reason.DUPLICATE_OFFER, f"offer {offer.id}"
        most = self.funnel.ruleset.arbitration.at_most_per_category
        if most is None or offer.category is None or offer.kind == "mandatory":
            return None
        if sum(each.offer.category == offer.category for each in before) >= most:
            return Reason.DIVERSITY, f"at most {most} of {offer.category}"
        return None

    def _fill(self, scored: Scored, view: CellView, placement: str) -> None:
        wording = self.funnel.wording(scored.candidate, placement)
        assert wording is not None  # the placement is free for it
        content = self.funnel.content(scored.candidate, wording)
        rank = self._take(self._taken, placement)
        self._take(self._would_be_taken, placement)
        self.choices.append(Choice(placement, rank, scored, view.cell.id, wording.treatment, content))
        self.funnel.contact.chosen.append(scored.candidate)

    def _free(self, candidate: Candidate, taken: Mapping[str, int]) -> str | None:
        """The first placement, in the order of the request, with a slot that this candidate can fill."""
        for name, count in self.facts.placements:
            if taken.get(name, 0) < count and self.funnel.wording(candidate, name):
                return name
        return None

    @staticmethod
    def _take(taken: dict[str, int], placement: str) -> int:
        taken[placement] = taken.get(placement, 0) + 1
        return taken[placement]
