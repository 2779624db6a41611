"""What of a tree is known before any facts are: constants, and what cannot be generated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rules.language.functions import RUNTIME
from rules.language.runtime.values import Failure
from rules.language.tree import Alien, Call, Literal, MapOf, Node, walk

NOTHING = object()
"""What `constant` answers for a node that depends on facts; None is a value."""

_FOLDED = frozenset(("timestamp", "duration", "int", "uint", "double", "string", "_+_", "_-_", "_*_", "-_"))
_PERMANENT = (bool, int, float, str, bytes, datetime, timedelta)


def constant(node: Node) -> object:
    """The node's value if it is written in the expression or follows from what is; `NOTHING` if not."""
    if isinstance(node, Literal):
        return node.value
    if not isinstance(node, Call) or node.function not in _FOLDED:
        return NOTHING
    arguments = [constant(argument) for argument in node.arguments]
    if any(argument is NOTHING for argument in arguments):
        return NOTHING
    try:
        value = RUNTIME[node.function].run(*arguments)
    except Failure:
        return NOTHING  # an error when it is evaluated, not before
    return value if isinstance(value, _PERMANENT) else NOTHING


def _mixes_keys(types: Sequence[str]) -> bool:
    """Whether some of the keys may be Boolean and others not; a `dyn` one may be anything."""
    may = [kind in ("bool", "dyn") for kind in types]
    return len(types) > 1 and any(may) and set(types) != {"bool"}


def not_generated(node: Node) -> str | None:
    """What in the tree cannot be generated, if anything."""
    for part in walk(node):
        if isinstance(part, Alien):
            return part.what
        if isinstance(part, Call) and part.function not in RUNTIME:
            return f"the function {part.function}"
        if isinstance(part, MapOf) and _mixes_keys([key.type for key, _ in part.entries]):
            return "a map with both Boolean and other keys"  # to Python, True and 1 are one key
    return None
