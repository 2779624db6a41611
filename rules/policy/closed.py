"""Facts whose values are names that the policy declares, and conditions that ask for a name it does not.

Promises the character of each such name in the condition's text. Looks at the checked tree, so that a text that
only looks alike is left alone. The tree has no places: its texts are matched with the written ones by their order.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from rules.language import Condition
from rules.language.tree import Call, ListOf, Literal, Macro, Name, Node, children

TEXT = re.compile(
    r"//[^\n]*"
    r'|(?P<text>[rRbB]{0,2}(?:"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\''
    r'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'))',
    re.DOTALL,
)
COMPARING = ("_==_", "_!=_", "@in")
Stranger = tuple[str, str, int]
"""The fact, the name that it never has, and the name's offset in the condition's text."""


def strangers(condition: Condition, declared: Mapping[str, Collection[str]]) -> Iterator[Stranger]:
    asked = _asked(condition.tree, {fact: fact for fact in declared})
    unknown = [(fact, literal) for fact, literal in asked if literal.value not in declared[fact]]
    offsets = _offsets(condition) if unknown else {}
    for fact, literal in unknown:
        yield fact, str(literal.value), offsets.get(id(literal), 0)


def _asked(node: Node, facts: Mapping[str, str]) -> Iterator[tuple[str, Literal]]:
    """The texts that a fact is compared with; `facts` has the names and macro variables that stand for one."""
    if isinstance(node, Call) and node.function in COMPARING:
        left, right = node.arguments
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Name) and one.name in facts:
                yield from ((facts[one.name], text) for text in _texts(other))
    below = dict(facts)
    if isinstance(node, Macro) and isinstance(node.range, Name) and node.range.name in facts:
        below |= dict.fromkeys(node.variables, facts[node.range.name])
    for part in children(node):
        yield from _asked(part, below)


def _texts(node: Node) -> Iterator[Literal]:
    if isinstance(node, Literal) and node.type == "string":
        yield node
    elif isinstance(node, ListOf):
        for item in node.items:
            yield from _texts(item)


def _offsets(condition: Condition) -> dict[int, int]:
    """Where each text of the tree is written, by the node's identity; nothing if the two differ in number."""
    literals = list(_in_order(condition.tree))
    written = [found.start() for found in TEXT.finditer(condition.source) if found["text"]]
    if len(literals) != len(written):
        return {}
    return {id(literal): offset for literal, offset in zip(literals, written, strict=True)}


def _in_order(node: Node) -> Iterator[Literal]:
    if isinstance(node, Literal) and node.type in ("string", "bytes"):
        yield node
    for part in children(node):
        yield from _in_order(part)
