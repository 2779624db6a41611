"""What a condition needs to know before it can hold: a cheap test that spares many failures.

Most customers lack most facts, and an exception costs up to a microsecond. Promises a form of a term that
holds for the same facts but does not fail for an unknown name: a failing side of `||` counts as false, which
is all that matters to a condition that must be true. Negations are moved inwards first: `!(a && b)` is
`!a || !b`, for errors too.
"""

from __future__ import annotations

from rules.language.tree import Bind, Call, Known, Macro, Name, Node, children, operands

_DUAL = {"_&&_": "_||_", "_||_": "_&&_"}


def needed(node: Node) -> frozenset[str]:
    """The names without which the node has no value, whatever the other facts are."""
    if isinstance(node, Name):
        return frozenset() if node.local else frozenset((node.name,))
    if isinstance(node, Macro):
        return needed(node.range)  # a range may be empty
    if isinstance(node, Bind):
        return frozenset()
    if isinstance(node, Call) and node.function in ("or", "orValue"):
        return needed(node.arguments[0])
    if isinstance(node, Call) and node.function == "_?_:_":
        test, then, other = node.arguments
        return needed(test) | (needed(then) & needed(other))
    if isinstance(node, Call) and node.function in _DUAL:
        return frozenset.intersection(*map(needed, node.arguments))
    return frozenset().union(*map(needed, children(node)))


def needed_to_hold(term: Node) -> frozenset[str]:
    """The names without which the term cannot be true; the term is one that `inwards` gave."""
    if isinstance(term, Call) and term.function == "_&&_":
        return frozenset().union(*map(needed_to_hold, operands(term, "_&&_")))
    if isinstance(term, Call) and term.function == "_||_":
        return frozenset.intersection(*map(needed_to_hold, operands(term, "_||_")))
    return needed(term)


def inwards(term: Node, *, negated: bool = False) -> Node:
    """The term with negations only on what is no logical operator."""
    if isinstance(term, Call) and term.function == "!_":
        return inwards(term.arguments[0], negated=not negated)
    if isinstance(term, Call) and term.function in _DUAL:
        function = _DUAL[term.function] if negated else term.function
        sides = tuple(inwards(side, negated=negated) for side in term.arguments)
        return Call("bool", function, sides)
    return Call("bool", "!_", (term,)) if negated else term


def tolerant(term: Node, known: frozenset[str]) -> Node:
    """The term, false instead of failing where a name beyond the `known` ones is not known."""
    if not (isinstance(term, Call) and term.function in _DUAL):
        return term
    sides = [_side(side, known) for side in operands(term, term.function)]
    return Call("bool", term.function, tuple(sides))


def _side(side: Node, known: frozenset[str]) -> Node:
    asked = sorted(needed_to_hold(side) - known)
    guards = [Known("bool", name) for name in asked]
    guarded = (*guards, tolerant(side, known | set(asked)))
    return Call("bool", "_&&_", guarded) if guards else guarded[0]
