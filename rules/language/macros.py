"""Recognising the macros in their expansions.

The parser expands `list.exists(x, test)` and its like into one general fold. Promises the `Macro` or `Bind`
that was written, or an `Alien` for a fold that no macro makes (there is no other way to write one).
"""

from __future__ import annotations

from rules.language.tree import Alien, Bind, Call, ListOf, Literal, Macro, MapOf, Name, Node, is_call


def recognised(
    *,
    type_: str,
    variables: tuple[str, ...],
    accumulator: str,
    range_: Node,
    start: Node,
    condition: Node,
    step: Node,
    result: Node,
) -> Node:
    """The node for a fold with these parts."""
    if condition == Literal("bool", False):
        return Bind(type_, accumulator, start, result)
    made = _made(start, step, accumulator)
    if made is None:
        return Alien(type_, "a fold that is no macro")
    kind, test, results = made
    return Macro(type_, kind, range_, variables, test, results)


def _made(start: Node, step: Node, accumulator: str) -> tuple[str, Node | None, tuple[Node, ...]] | None:
    """What kind of macro, its test and its results."""
    if isinstance(start, Literal) and isinstance(step, Call):
        return _test_macro(start, step)
    test, grown = _filtered(step, accumulator)
    if isinstance(start, ListOf) and is_call(grown, "_+_"):
        added = grown.arguments[1] if isinstance(grown, Call) else None
        return ("list", test, added.items) if isinstance(added, ListOf) else None
    if isinstance(start, MapOf) and is_call(grown, "cel.@mapInsert") and isinstance(grown, Call):
        return "map", test, grown.arguments[1:]
    return None


def _test_macro(start: Literal, step: Call) -> tuple[str, Node | None, tuple[Node, ...]] | None:
    if start.value is True and step.function == "_&&_":
        return "all", step.arguments[1], ()
    if start.value is False and step.function == "_||_":
        return "exists", step.arguments[1], ()
    if start == Literal("int", 0) and step.function == "_?_:_":
        return "exists_one", step.arguments[0], ()
    return None


def _filtered(step: Node, accumulator: str) -> tuple[Node | None, Node]:
    """`test ? grown : unchanged` taken apart; without a test, the step itself."""
    if isinstance(step, Call) and step.function == "_?_:_":
        test, grown, unchanged = step.arguments
        if isinstance(unchanged, Name) and unchanged.name == accumulator:
            return test, grown
    return None, step
