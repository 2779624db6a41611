"""Scores: authored numbers about a customer, compiled.

Promises an expression of type double or int for each, or every problem with it. Leaves the places to `conditions`.
"""

from collections.abc import Mapping

from rules.language import ConditionError, Expression, Problem, Vocabulary, compile_expression

NUMBERS = ("double", "int")
Scores = Mapping[str, Expression | ConditionError]
"""By name: the score, or why it is none."""


def compiled_scores(sources: Mapping[str, str], vocabulary: Vocabulary) -> Scores:
    return {name: _compiled(source, vocabulary) for name, source in sources.items()}


def score_types(scores: Scores) -> dict[str, str]:
    """What conditions know of the scores; one that is none is taken for a double, so that it is reported once."""
    return {name: each.result_type if isinstance(each, Expression) else "double" for name, each in scores.items()}


def _compiled(source: str, vocabulary: Vocabulary) -> Expression | ConditionError:
    try:
        found = compile_expression(source, vocabulary)
    except ConditionError as error:
        return error
    return found if found.result_type in NUMBERS else ConditionError((_no_number(found.result_type),))


def _no_number(kind: str) -> Problem:
    hints = {"dyn": "write `double(…)` around it", "bool": "write `… ? 1.0 : 0.0`, or make it a segment"}
    return Problem(f"a score must be a number (double or int), and this is of type {kind}", hint=hints.get(kind))
