"""What a decision would need more of: for whoever can bring more within reach and decide again."""

from collections.abc import Mapping

from rules.judgement import Judgement
from rules.reasons import Reason


def wanted(judgement: Judgement, left: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """By supply how much would have to be left, for the cheapest and for the dearest of the candidates that fell for
    want of it, beside what was chosen."""
    chosen: dict[str, int] = {}
    for choice in judgement.choices:
        for supply, taking in choice.scored.candidate.takes.items():
            chosen[supply] = chosen.get(supply, 0) + taking["amount"]
    found: dict[str, tuple[int, int]] = {}
    for each in judgement.left_out:
        if each.reason is not Reason.INVENTORY and each.reason is not Reason.BUDGET:
            continue
        for supply, taking in each.candidate.takes.items():
            needed = taking["amount"] + chosen.get(supply, 0)
            if needed > left[supply]:
                least, most = found.get(supply, (needed, needed))
                found[supply] = min(least, needed), max(most, needed)
    return found
