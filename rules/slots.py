"""Fills the placements, best candidate first.

A candidate that is held out takes a slot in the count of what would have been, so that a holdout keeps back
exactly what the treated get; the slot itself goes to the next one.
"""

from collections.abc import Iterable, Sequence

from rules.arbitration import Scored
from rules.candidates import Candidate, CellView
from rules.funnel import Funnel
from rules.judgement import Choice, HeldBack, Refusal
from rules.left_out import LeftOut, left_out
from rules.reasons import Reason
from rules.whom import Whom
from schemas.decision import Facts


class Beside:
    """What an answer has so far, and whether another candidate may stand beside it."""

    def __init__(self, most_of_category: int | None) -> None:
        self.most_of_category = most_of_category
        self.offers: dict[str, Candidate] = {}
        self.groups: dict[str, Candidate] = {}
        self.covered: dict[str, Candidate] = {}
        """What is made, alone or in a bundle."""
        self.categories: dict[str, int] = {}

    def add(self, candidate: Candidate) -> None:
        offer = candidate.offer
        self.offers[offer.id] = candidate
        self.covered |= dict.fromkeys(candidate.covers, candidate)
        if offer.exclusive_group is not None:
            self.groups[offer.exclusive_group] = candidate
        if offer.category is not None:
            self.categories[offer.category] = self.categories.get(offer.category, 0) + 1

    def copy(self) -> "Beside":
        found = Beside(self.most_of_category)
        found.offers, found.groups = dict(self.offers), dict(self.groups)
        found.covered, found.categories = dict(self.covered), dict(self.categories)
        return found

    def clash(self, candidate: Candidate) -> Refusal | None:
        offer = candidate.offer
        if offer.id in self.offers:
            return Reason.DUPLICATE_OFFER, f"offer {offer.id}"
        if offer.exclusive_group in self.groups:
            other = self.groups[offer.exclusive_group].offer.id
            return Reason.EXCLUDED, f"{other} is of the same group {offer.exclusive_group}"
        if not self.covered.keys().isdisjoint(candidate.covers):
            return Reason.EXCLUDED, self._made(min(self.covered.keys() & candidate.covers))
        if self.most_of_category is None or offer.category is None or offer.kind == "mandatory":
            return None
        if self.categories.get(offer.category, 0) >= self.most_of_category:
            return Reason.DIVERSITY, f"at most {self.most_of_category} of {offer.category}"
        return None

    def clashing(self, whom: Whom) -> set[str]:
        """By key, the candidates that may clash."""
        most = self.most_of_category
        full = [name for name, count in self.categories.items() if most is not None and count >= most]
        of = [whom.about("exclusive_group", self.groups), whom.about("category", full)]
        return whom.making(self.covered).union(*[each for each in of if each is not None])

    def _made(self, part: str) -> str:
        whole = self.covered[part].offer.id
        return f"{part} is made alone" if whole == part else f"{part} is made as {whole}"


class Slots:
    def __init__(self, facts: Facts, funnel: Funnel) -> None:
        self.choices: list[Choice] = []
        self.fallen: list[LeftOut] = []
        self.held_back: list[HeldBack] = []
        self._facts = facts
        self._funnel = funnel
        self._contact = funnel.contact
        self._stock = funnel.stock
        most = funnel.ruleset.arbitration.at_most_per_category
        self._made = Beside(most)
        self._would_be_made: Beside | None = None
        """Set when somebody is held out first: until then it is what is made."""
        self._free_slots = dict(facts.placements)
        self._open = sum(self._free_slots.values())
        self._would_be_free = dict(facts.placements)

    def fill(self, best_first: Sequence[Scored]) -> None:
        for at, scored in enumerate(best_first):
            if not self._open:
                self._outrank(best_first[at:])
                return
            self.put(scored)

    def put(self, scored: Scored) -> None:
        candidate = scored.candidate
        view = self._funnel.cell(candidate)
        held_out_in = self._funnel.held_out_in(candidate, view)
        if held_out_in is not None:
            self._hold_back(candidate, held_out_in)
            return
        refusal = self._choose(scored, view)
        if refusal is not None:
            self.fallen.append(left_out(candidate, *refusal))

    def _outrank(self, others: Iterable[Scored]) -> None:
        """As `put`, where all slots are filled. Nothing is chosen any more, so that who has another reason than the
        better scores is looked up."""
        cells, concerned = self._funnel, self._concerned()
        for scored in others:
            candidate = scored.candidate
            asks = concerned is None or candidate.key in concerned or bool(candidate.takes) or cells.is_held_out
            if asks or cells.cell(candidate).is_holdout:
                self.put(scored)
            else:
                self.fallen.append(scored.outranked)

    def _concerned(self) -> set[str] | None:
        capped = self._contact.capped(held_out=False)
        return None if capped is None else capped | self._made.clashing(self._funnel.ruleset.contact.whom)

    def _hold_back(self, candidate: Candidate, cell: str) -> None:
        """It would have won a slot if nothing that was chosen or held back before it stood in its way."""
        capped = self._contact.cap_refusal(candidate, held_out=True) or self._stock.refusal(candidate)
        self.fallen.append(left_out(candidate, *(capped or (Reason.HELD_OUT, f"cell {cell}"))))
        if self._would_be_made is None:
            self._would_be_made = self._made.copy()
        placement = self._free(candidate, self._would_be_free)
        if capped is None and placement is not None and self._would_be_made.clash(candidate) is None:
            self._would_be_free[placement] -= 1
            self._would_be_made.add(candidate)
            self.held_back.append(HeldBack(placement, candidate, cell))
            self._contact.hold_back(candidate)

    def _choose(self, scored: Scored, view: CellView) -> Refusal | None:
        candidate = scored.candidate
        if self.choices:  # before the first, the funnel has asked already, and nothing stands beside it
            refusal = self._contact.cap_refusal(candidate, held_out=False) or self._stock.refusal(candidate)
            refusal = refusal or self._made.clash(candidate)
            if refusal is not None:
                return refusal
        placement = self._free(candidate, self._free_slots) if self._open else None
        if placement is None:
            return Reason.OUTRANKED, f"score {scored.score:g}"
        self._fill(scored, view, placement)
        return None

    def _fill(self, scored: Scored, view: CellView, placement: str) -> None:
        candidate = scored.candidate
        wording = self._funnel.wording(candidate, placement)
        assert wording is not None  # the placement is free for it
        self._open -= 1
        self._free_slots[placement] -= 1
        self._would_be_free[placement] -= 1
        rank = dict(self._facts.placements)[placement] - self._free_slots[placement]
        content = self._funnel.content(candidate, wording)
        handed = self._funnel.handed.get(candidate.offer.id)
        self.choices.append(Choice(placement, rank, scored, view.cell.id, wording.treatment, content, handed))
        self._made.add(candidate)
        if self._would_be_made is not None:
            self._would_be_made.add(candidate)
        self._contact.choose(candidate)
        self._stock.take(candidate)

    def _free(self, candidate: Candidate, free: dict[str, int]) -> str | None:
        """The first placement, in the order of the request, with a slot that this candidate can fill."""
        for name, count in free.items():
            if count > 0 and self._funnel.wording(candidate, name):
                return name
        return None
