"""The checked expression as a small tree of values.

Promises immutable nodes with a type each (`"int"`, `"list<string>"`, `"dyn"`), declared names resolved and
macros recognised (`Macro`), so that nothing after this module knows the wire format or the macros'
expansions. Two nodes that mean the same compare equal. Leaves Python code to `generate`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

Node: TypeAlias = "Literal | Name | TypeLiteral | Known | Select | Call | ListOf | MapOf | Macro | Bind | Alien"


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant written in the expression; a uint is a `UInt`."""

    type: str
    value: object = field(compare=False)
    _compared: object = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # 0.0 and -0.0 are equal to Python, and 1.0 divided by them is not
        object.__setattr__(self, "_compared", repr(self.value) if isinstance(self.value, float) else self.value)


@dataclass(frozen=True, slots=True)
class Name:
    """A declared name, or a variable of a macro around it (`local`)."""

    type: str
    name: str
    local: bool = False


@dataclass(frozen=True, slots=True)
class TypeLiteral:
    """A type used as a value: `int`."""

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class Known:
    """`has(name)` on a declared name."""

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; with `test`, `has(operand.field)`."""

    type: str
    operand: Node
    field: str
    test: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator; a receiver is the first of the arguments."""

    type: str
    function: str
    arguments: tuple[Node, ...]
    receiver: bool = False


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list literal; `optional` has the positions written with `?`."""

    type: str
    items: tuple[Node, ...]
    optional: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map literal; `optional` has the positions of the entries written with `?`."""

    type: str
    entries: tuple[tuple[Node, Node], ...]
    optional: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro over a range: all, exists, exists_one, map, filter, transformMap, transformMapEntry.

    `test` is the predicate (None: every member), `results` what is collected: one node for a list or the
    entries of transformMapEntry, key and value for transformMap, none for the tests.
    """

    type: str
    kind: str
    range: Node
    variables: tuple[str, ...]
    test: Node | None
    results: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Bind:
    """`cel.bind(name, value, body)`."""

    type: str
    name: str
    value: Node
    body: Node


@dataclass(frozen=True, slots=True)
class Alien:
    """What this module does not know, such as a message literal; evaluated by the front end."""

    type: str
    what: str


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, in the order of evaluation."""
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Select):
        return (node.operand,)
    if isinstance(node, ListOf):
        return node.items
    if isinstance(node, MapOf):
        return tuple(part for entry in node.entries for part in entry)
    if isinstance(node, Macro):
        return (node.range, *((node.test,) if node.test is not None else ()), *node.results)
    return (node.value, node.body) if isinstance(node, Bind) else ()


def walk(node: Node) -> list[Node]:
    """The node and everything below it, outside first."""
    found = [node]
    for part in found:
        found.extend(children(part))  # the loop goes on over what is added
    return found


def names_in(node: Node) -> frozenset[str]:
    """The declared names that the node reads or asks `has()` of."""
    found = (part for part in walk(node) if isinstance(part, (Name, Known)))
    return frozenset(part.name for part in found if not (isinstance(part, Name) and part.local))


def free_locals(node: Node) -> frozenset[str]:
    """The macro variables that the node uses from outside itself."""
    if isinstance(node, Name):
        return frozenset((node.name,)) if node.local else frozenset()
    if isinstance(node, Macro):
        inside = [part for part in (node.test, *node.results) if part is not None]
        bound = frozenset(node.variables)
        return free_locals(node.range) | (frozenset().union(*map(free_locals, inside)) - bound)
    if isinstance(node, Bind):
        return free_locals(node.value) | (free_locals(node.body) - {node.name})
    return frozenset().union(*map(free_locals, children(node)))


def is_call(node: Node, *functions: str) -> bool:
    return isinstance(node, Call) and node.function in functions


def operands(node: Node, operator: str) -> list[Node]:
    """The sides of a chain of `&&` or `||`, however it is nested."""
    if isinstance(node, Call) and node.function == operator:
        return [side for argument in node.arguments for side in operands(argument, operator)]
    return [node]


def depth(node: Node) -> int:
    return 1 + max(map(depth, children(node)), default=0)
