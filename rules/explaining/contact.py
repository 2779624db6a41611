"""What of the contact policy stands against a candidate, in the order in which it is judged."""

from collections.abc import Iterator, Mapping
from typing import Any

from rules.explaining.case import Case
from rules.explaining.found import Found
from rules.explaining.permitted import Permission
from rules.explaining.silent import Silent
from rules.ruleset import Candidate


def contact(case: Case, candidate: Candidate, values: Mapping[str, Any], is_held_out: bool) -> Iterator[Found]:
    """Before anything of the same answer is chosen. `values` are those of the customer and of the offer."""
    state = case.weighed.funnel.contact
    yield from Permission(state, values, case.ruleset, case.zone).against(candidate)
    yield from Silent(state, candidate, is_held_out, case.zone).against()
