"""Bounds on what an authored expression may cost, checked before it is accepted.

Promises that each refusal names its figure. Together with the step limit of nested macros (`runtime.logic`),
the size limit of concatenations (`runtime.containers`) and RE2, no accepted expression can hang or fill the
memory.
"""

from __future__ import annotations

import re

from rules.language.problems import ConditionError, Problem
from rules.language.tree import Bind, ListOf, Macro, MapOf, Node, children, depth, walk

LENGTH_MAX = 4_000
DEPTH_MAX = 40
"""The front end itself stops at 32 levels of brackets, operators of one kind or macros."""
NODES_MAX = 1_000
STEPS_MAX = 1_000_000
COPIES_MAX = 4
_COPYING = re.compile(r"\bopt(?:Flat)?Map\b")
"""The macros whose expansion holds their receiver twice: a chain of them grows with a power of two."""
ASSUMED_SIZE = 100
"""How many members a list or map is taken to have when its size is not written in the expression."""


def check_length(source: str) -> None:
    """Refuse a text that is too long to be looked at, or that would grow too much when it is."""
    if len(source) > LENGTH_MAX:
        raise _refused(f"the expression has {len(source):,} characters; at most {LENGTH_MAX:,} are allowed")
    copies = len(_COPYING.findall(source))
    if copies > COPIES_MAX:
        raise _refused(f"the expression has {copies} optMap() and optFlatMap(); at most {COPIES_MAX} are allowed")


def check_size(tree: Node) -> None:
    """Refuse a tree that is too deep, too large or too costly."""
    levels = depth(tree)
    if levels > DEPTH_MAX:
        raise _refused(f"the expression is nested {levels} deep; at most {DEPTH_MAX} levels are allowed")
    nodes = len(walk(tree))
    if nodes > NODES_MAX:
        raise _refused(f"the expression has {nodes:,} parts; at most {NODES_MAX:,} are allowed")
    steps = cost(tree)
    if steps > STEPS_MAX:
        raise _refused(f"its nested macros may take {steps:,} steps; at most {STEPS_MAX:,} are allowed")


def cost(node: Node) -> int:
    """Steps at most: one for every node, times the members of each macro around it."""
    if isinstance(node, Macro):
        inside = sum(cost(part) for part in (node.test, *node.results) if part is not None)
        return 1 + cost(node.range) + _members(node.range) * (1 + inside)
    return 1 + sum(map(cost, children(node)))


def _members(node: Node) -> int:
    if isinstance(node, (ListOf, MapOf)):
        return len(children(node))
    if isinstance(node, Macro) and node.kind in ("list", "map"):
        return _members(node.range)
    return _members(node.body) if isinstance(node, Bind) else ASSUMED_SIZE


def _refused(message: str) -> ConditionError:
    return ConditionError((Problem(message),))
