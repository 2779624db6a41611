"""What a decision would need more of: for whoever can bring more within reach and decide again."""

from collections.abc import Mapping
from heapq import nlargest

from rules.judgement import Judgement
from rules.reasons import Reason


def wanted(judgement: Judgement, left: Mapping[str, int], slots: int) -> dict[str, tuple[int, int]]:
    """By supply how much would have to be left: beside what was chosen for the cheapest of the candidates that fell for
    want of it, and for as many of all of these as there are slots, the dearest. So one draw is enough."""
    chosen: dict[str, list[int]] = {}
    for choice in judgement.choices:
        takes = choice.scored.candidate.takes
        for supply, taking in (takes if choice.handed is None else choice.handed.needed(takes)).items():
            chosen.setdefault(supply, []).append(taking["amount"])
    fell: dict[str, list[int]] = {}
    for each in judgement.left_out:
        if each.reason is not Reason.INVENTORY and each.reason is not Reason.BUDGET:
            continue
        for supply, taking in each.candidate.takes.items():
            if taking["amount"] + sum(chosen.get(supply, ())) > left[supply]:
                fell.setdefault(supply, []).append(taking["amount"])
    return {supply: _needed(chosen.get(supply, []), amounts, slots) for supply, amounts in fell.items()}


def _needed(chosen: list[int], fell: list[int], slots: int) -> tuple[int, int]:
    made = sum(chosen)
    return made + min(fell), max(made + max(fell), sum(nlargest(slots, (*chosen, *fell))))
