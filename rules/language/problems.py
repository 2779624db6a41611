"""What can be wrong with a condition: problems found when it is compiled, errors met when it is evaluated.

Promises values, never text to parse again. Leaves finding them to `frontend` and the evaluators.

    ConditionError        raised by compiling; carries every problem of the expression at once
    EvaluationError       returned by evaluating; why there is no answer for these facts
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding; line and column are 1-based and relative to the expression's own text."""

    message: str
    line: int = 1
    column: int = 1
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{self.line}:{self.column}: {self.message}"
        return f"{where}; {self.hint}" if self.hint else where


class ConditionError(Exception):
    """The expression was refused; `problems` has every reason, in the order of the text."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems

    def __reduce__(self) -> tuple[type[ConditionError], tuple[tuple[Problem, ...]]]:
        return ConditionError, (self.problems,)


@dataclass(frozen=True, slots=True)
class EvaluationError:
    """Why an expression has no value for the facts at hand, as one sentence."""

    message: str

    def __str__(self) -> str:
        return self.message
