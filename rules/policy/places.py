"""From a path of the policy to the place in the files.

Promises a place for every path, whether it names fields as the models do (`condition`) or as the files do
(`if`): that of the value, or of what is around it if it is not written there. Leaves the tree to `nodes`.
"""

from rules.policy.findings import Path, Position
from rules.policy.nodes import Mapping, Node, child, position
from rules.policy.shape import aliases

KEY = "[key]"
"""As the last step of a path: the name of the value instead of the value (pydantic writes it so)."""


def place_of(tree: Node, path: Path) -> Position:
    if path and path[-1] == KEY:
        return _key_place(tree, path[:-1])
    return position(node_at(tree, path))


def node_at(tree: Node, path: Path) -> Node:
    """The node at this path, or the innermost one around it."""
    node = tree
    for step in path:
        below = child(node, as_authored(node, step))
        if below is None:
            return node
        node = below
    return node


def as_authored(node: Node, step: str | int) -> str | int:
    """The step as this mapping writes it: a field of the models may have another name in the files."""
    if not isinstance(node, Mapping) or step in node.entries:
        return step
    return next((alias for alias in aliases().get(str(step), ()) if alias in node.entries), step)


def _key_place(tree: Node, path: Path) -> Position:
    around = node_at(tree, path[:-1])
    if isinstance(around, Mapping) and path:
        entry = around.entries.get(str(as_authored(around, path[-1])))
        return position(entry.key) if entry else position(around)
    return position(around)
