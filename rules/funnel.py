"""The steps of the funnel that look at one candidate at a time, cell and slots aside.

What does not depend on the candidate is worked out once in a decision: each condition that does not look at the offer,
what a cell inherits, the customer's cell of each program, and most of the contact policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rules.arbitration import Scored
from rules.candidates import LEVELS, Above, Candidate, CellView, Owned, Stage
from rules.cells import Shares, assign, kept
from rules.contact import ContactState
from rules.handing import Handed
from rules.judgement import Refusal
from rules.language import ERRORS, Condition, EvaluationError, Firsts
from rules.left_out import Fallen, LeftOut, left_out
from rules.places import Group, Section
from rules.ready import Ready
from rules.reasons import Reason
from rules.ruleset import RuleSet
from rules.stock import Stock
from rules.treatments import Wording, best
from schemas.cells import HOLDOUT
from schemas.decision import Facts


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the conditions come to that all offers of a cell inherit."""

    level: int
    """The first on which one is false."""
    at: int
    """Which of them that is."""


HOLDS, UNCLEAR = Inherited(len(LEVELS), -1), Inherited(-1, -1)
"""All hold; one cannot be evaluated, so that each candidate is asked by itself."""


class Funnel:
    """`settled`: offers that only waiting proposals propose, and that were answered since: how. `is_held_out`: whether
    the customer is in the universal holdout. `handed`: offers that wait here because they were handed over."""

    def __init__(
        self,
        facts: Facts,
        ruleset: RuleSet,
        values: Mapping[str, Any],
        contact: ContactState,
        now_ms: int,
        stock: Stock,
        settled: Mapping[str, str],
        is_held_out: bool,
        handed: Mapping[str, Handed],
    ) -> None:
        self.facts = facts
        self.ruleset = ruleset
        self.values = values
        self.contact = contact
        self.now_ms = now_ms
        self.stock = stock
        self.settled = settled
        self.is_held_out = is_held_out
        self.handed = handed
        self._cells: dict[str, str] = {}
        self._verdicts: dict[Condition, bool | EvaluationError] = {}
        self._above: dict[Above, Inherited] = {}

    def judge(self, group: Group, surviving: list[Scored], fallen: list[Fallen]) -> None:
        """Each candidate of the group, none of them settled, goes to one of the two."""
        if group.unworded is not None:
            fallen.append(group.unworded)
        if group.blocks:
            may_all = not self.is_held_out and self.contact.permits(group.samples, self.values)
            firsts = group.own.firsts(self.values)
            for block in group.blocks:
                section = block.everywhere or block.cells[self._cell_of(block.first)]
                self._judge_section(section, firsts, may_all, surviving, fallen)
        for alone in group.to_judge:
            refusal = self.refusal(alone.candidate)
            if refusal is None:
                surviving.append(alone)
            else:
                fallen.append(left_out(alone.candidate, *refusal))

    def _judge_section(
        self, section: Section, firsts: Firsts, may_all: bool, surviving: list[Scored], fallen: list[Fallen]
    ) -> None:
        """As `refusal`, for candidates that are live and worded, without looking twice at what they share. `firsts`: of
        their own conditions; `may_all`: no list, consent, requirement or quiet hour stands against any of them."""
        inherited = self._inherited(section.above)
        falls, at = inherited.level, inherited.at
        for place, ready in enumerate(section.ready):
            number = section.numbers[place]
            first = self._first_false(ready) if number < 0 else firsts[number]
            if first is None or falls < 0 or ready.looks_at_offer:
                fell = self._carefully(ready.candidate)
            elif first < len(ready.own) and ready.own[first].level < falls:
                fell = ready.own[first].if_false
            else:
                fell = ready.inherited[at] if at >= 0 else None
            if fell is None:
                fell = self._contact_fell(ready, may_all)
            if fell is None:
                surviving.append(ready.alone)
            else:
                fallen.append(fell)

    def _first_false(self, ready: Ready) -> int | None:
        """As `FirstFalse` has it."""
        for number, asked in enumerate(ready.own):
            try:
                value = asked.quick(self.values)
            except ERRORS:
                return None
            if value is not True:
                return number if value is False else None
        return len(ready.own)

    def _carefully(self, candidate: Candidate) -> LeftOut | None:
        refusal = self._conditions_refusal(self.cell(candidate), candidate)
        return None if refusal is None else left_out(candidate, *refusal)

    def _contact_fell(self, ready: Ready, may_all: bool) -> LeftOut | None:
        candidate = ready.candidate
        view = self.cell(candidate)
        if may_all and ready.is_free:
            concerned = self.contact.concerned(view.is_holdout)
            if concerned is not None and candidate.key not in concerned:
                return ready.other_cell
        refusal = self._contact_refusal(candidate, view)
        return None if refusal is None else left_out(candidate, *refusal)

    def refusal(self, candidate: Candidate) -> Refusal | None:
        """The first reason against a candidate."""
        if candidate.periods and not candidate.live_at(self.now_ms):
            return Reason.NOT_LIVE, candidate.not_live(self.now_ms)
        if candidate.offer.id in self.settled:
            return Reason.SETTLED, self.settled[candidate.offer.id]
        if not any(self.wording(candidate, name) for name, _ in self.facts.placements):
            return Reason.NO_TREATMENT, self._unworded(candidate)
        view = self.cell(candidate)
        return self._conditions_refusal(view, candidate) or self._contact_refusal(candidate, view)

    def _contact_refusal(self, candidate: Candidate, view: CellView) -> Refusal | None:
        held_out = self.held_out_in(candidate, view) is not None
        refusal = self.contact.against(candidate, self.values, held_out)
        if refusal is not None or view.is_plain:
            return refusal
        refusal = self.stock.refusal(candidate)
        if refusal is None and not view.has_offer:
            return Reason.OTHER_CELL, f"cell {view.cell.id}"
        return refusal

    def _conditions_refusal(self, view: CellView, candidate: Candidate) -> Refusal | None:
        for stage in view.stages:
            refusal = self._stage_refusal(stage, candidate)
            if refusal is not None:
                return refusal
        return None

    def cell(self, candidate: Candidate) -> CellView:
        return candidate.cells[self._cells.get(candidate.program_key) or self._cell_of(candidate)]

    def held_out_in(self, candidate: Candidate, view: CellView) -> str | None:
        """The cell that keeps the candidate from this customer. The universal one keeps back standard offers only."""
        if self.is_held_out and candidate.manner[0] == "standard":
            return HOLDOUT
        return view.cell.id if view.is_holdout else None

    @property
    def holdout(self) -> dict[str, bool] | None:
        """By universal holdout, where the policy has one: whether the customer is in it."""
        universal = self.ruleset.policy.holdout
        return None if universal is None else {universal.id: self.is_held_out}

    def _cell_of(self, candidate: Candidate) -> str:
        """The customer's cell of the candidate's program."""
        key = candidate.program_key
        cell = self._cells.get(key)
        if cell is None:
            chosen = self.facts.cells.get(candidate.program.id) if self.facts.cells else None
            cell = self._cells[key] = chosen or cell_of(self.facts, candidate.shares)
        return cell

    def _inherited(self, above: Above) -> Inherited:
        known = self._above.get(above)
        if known is None:
            known = self._above[above] = self._read_above(above)
        return known

    def _read_above(self, above: Above) -> Inherited:
        for at, (level, condition) in enumerate(above.conditions):
            verdict = self._verdict(condition)
            if verdict is False:
                return Inherited(level, at)
            if verdict is not True:
                return UNCLEAR
        return HOLDS

    def _verdict(self, condition: Condition) -> bool | EvaluationError:
        known = self._verdicts.get(condition)
        if known is None:
            known = self._verdicts[condition] = condition.verdict(self.values)
        return known

    def _verdict_of_offer(self, owned: Owned, candidate: Candidate) -> bool | EvaluationError:
        return owned.condition.verdict({**self.values, **candidate.offer_values})

    def _stage_refusal(self, stage: Stage, candidate: Candidate) -> Refusal | None:
        """A condition that is false decides, also beside one that cannot be evaluated."""
        unknown: Refusal | None = None
        for owned in stage.conditions:
            verdict = self._verdict_of_offer(owned, candidate) if owned.of_offer else self._verdict(owned.condition)
            if verdict is False:
                return stage.refused, owned.said
            if unknown is None and isinstance(verdict, EvaluationError):
                unknown = stage.unknown, f"{owned.owner}: {verdict.message}"
        return unknown

    def wording(self, candidate: Candidate, placement: str) -> Wording | None:
        """How the candidate would be made there, if it can be."""
        wordings = candidate.wordings.get((self.facts.channel, placement))
        if wordings is None:
            return None
        if len(wordings) == 1 and not wordings[0].variables:
            return wordings[0]
        language = self.ruleset.contact.language_of(self.values)
        return best(wordings, {**self.values, **candidate.offer_values}, language)

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


def cell_of(facts: Facts, shares: Shares) -> str:
    """The cell that the customer's ledger remembers, or else that of the hash."""
    known = facts.ledger.cells
    remembered = kept(known, shares.program_key, shares.cells) if known else None
    return remembered or assign(shares, facts.subject)


def is_held_out(facts: Facts, holdout: Shares) -> bool:
    """Whether the customer is in the universal holdout."""
    return (facts.cells.get(holdout.program_key) or cell_of(facts, holdout)) == HOLDOUT
