"""Why a condition holds or not: the smallest part that decides, with the values it met.

Promises the very answers of `verdict`: every part is evaluated by the same generated form, not by a second
evaluator. As data (`parts`) and as a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rules.language.condition import Expression
from rules.language.problems import EvaluationError
from rules.language.program import Program
from rules.language.tree import Call, Node, names_in, operands, walk
from rules.language.written import shown, text_of

_COMPARING = ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in")
_PARTS_MAX = 8


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the condition that decided, what it came to, and the values that made it so."""

    text: str
    verdict: bool | EvaluationError
    values: Mapping[str, object]

    def __str__(self) -> str:
        if isinstance(self.verdict, EvaluationError):
            return f"`{self.text}`: {self.verdict.message}"
        if len(self.values) == 1:
            return f"`{self.text}`: {shown(next(iter(self.values.values())))}"
        listed = ", ".join(f"{name} is {shown(value)}" for name, value in self.values.items())
        return f"`{self.text}`: {listed or shown(self.verdict)}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict and the parts that decided it: one, or all the alternatives that failed."""

    verdict: object
    parts: tuple[Part, ...]

    @property
    def sentence(self) -> str:
        """The parts in words: "`customer.spend_90d > 100.0`: 42.5"."""
        return "; ".join(map(str, self.parts))


def explain(condition: Expression, facts: Mapping[str, object]) -> Explanation:
    """Why the condition holds, does not hold or cannot be decided for these facts."""
    verdict = condition.value(facts)
    if not condition.generated:
        whole = Part(condition.source, _as_verdict(verdict), _read(condition.tree, facts))
        return Explanation(verdict, (whole,))
    parts = _deciding(condition.tree, facts)
    return Explanation(verdict, tuple(parts[:_PARTS_MAX]))


@lru_cache(maxsize=4096)
def program_of(node: Node) -> Program:
    """A part made runnable; the same conditions are explained again and again."""
    return Program(node)


def _deciding(node: Node, facts: Mapping[str, object]) -> list[Part]:
    value = program_of(node).run(facts)
    if isinstance(node, Call):
        if node.function in ("_&&_", "_||_"):
            return _in_logic(node, value, facts)
        if node.function == "!_" and _logical(node.arguments[0]):
            return _deciding(node.arguments[0], facts)
        if node.function == "_?_:_":
            return _in_choice(node, value, facts)
    return [_part(node, value, facts)]


def _logical(node: Node) -> bool:
    return isinstance(node, Call) and node.function in ("_&&_", "_||_", "!_", "_?_:_")


def _in_logic(node: Call, value: object, facts: Mapping[str, object]) -> list[Part]:
    """The smallest side that decides alone; all the sides where it takes all of them."""
    sides = operands(node, node.function)
    values = [program_of(side).run(facts) for side in sides]
    if isinstance(value, EvaluationError):
        undecided = [side for side, found in zip(sides, values, strict=True) if not isinstance(found, bool)]
        return _deciding(undecided[0], facts)
    if value is (node.function == "_||_"):
        deciding = [side for side, found in zip(sides, values, strict=True) if found is value]
        return _deciding(min(deciding, key=lambda side: len(walk(side))), facts)
    return [part for side in sides for part in _deciding(side, facts)]


def _in_choice(node: Call, value: object, facts: Mapping[str, object]) -> list[Part]:
    test, then, other = node.arguments
    taken = program_of(test).run(facts)
    if not isinstance(taken, bool):
        return _deciding(test, facts)
    branch = then if taken else other
    if names_in(branch):
        return _deciding(branch, facts)
    return [_part(test, taken, facts), _part(branch, value, facts)]


def _part(node: Node, value: object, facts: Mapping[str, object]) -> Part:
    return Part(text_of(node), _as_verdict(value), _values(node, facts))


def _as_verdict(value: object) -> bool | EvaluationError:
    return value if isinstance(value, EvaluationError) else value is True


def _values(node: Node, facts: Mapping[str, object]) -> dict[str, object]:
    """The values behind a part: of the sides that are compared, else of every name that is read."""
    sides = node.arguments if isinstance(node, Call) and node.function in _COMPARING else ()
    compared = {text_of(side): program_of(side).run(facts) for side in sides if names_in(side)}
    if any(isinstance(value, EvaluationError) for value in compared.values()):
        return _read(node, facts)
    return compared or _read(node, facts)


def _read(node: Node, facts: Mapping[str, object]) -> dict[str, object]:
    return {name: facts[name] for name in sorted(names_in(node)) if name in facts}
