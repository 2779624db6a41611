"""The names a condition may use and their CEL types.

Promises an immutable, hashable value: two vocabularies with the same names are equal and share everything
that is cached for them. Leaves reading the policy that declares the names to its callers.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

_KEYS = frozenset(("bool", "int", "uint", "string"))
_SCALARS = _KEYS | {"double", "bytes", "timestamp", "duration", "dyn", "null", "type"}


class Vocabulary:
    """Declared names with their CEL types: `{"customer.segments": "list<string>", "now": "timestamp"}`."""

    __slots__ = ("_hash", "_items", "types")

    def __init__(self, types: Mapping[str, str]) -> None:
        for name, declared in types.items():
            if not _is_type(declared):
                raise ValueError(f"{name}: {declared!r} is not a CEL type")
            if "uint" in declared and declared != "uint":
                raise ValueError(f"{name}: {declared!r} has uints in a list or map, which facts cannot tell from ints")
        self.types: Mapping[str, str] = MappingProxyType(dict(types))
        self._items = frozenset(self.types.items())
        self._hash = hash(self._items)

    def __reduce__(self) -> tuple[type, tuple[dict[str, str]]]:
        return Vocabulary, (dict(self.types),)  # a hash of texts is right in its own process only

    def extended(self, more: Mapping[str, str]) -> Vocabulary:
        return Vocabulary({**self.types, **more})

    def nearest(self, name: str) -> str | None:
        """The declared name most like `name`; None if nothing is near enough to be what was meant."""
        close = difflib.get_close_matches(name, self.types, n=1, cutoff=0.7)
        return close[0] if close else self._same_ending(name)

    def _same_ending(self, name: str) -> str | None:
        # `spend_90d` or `client.spend_90d` where `customer.spend_90d` is declared
        last = name.rpartition(".")[2]
        ends = [declared for declared in self.types if declared.rpartition(".")[2] == last]
        return ends[0] if len(ends) == 1 else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._items == other._items

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Vocabulary({dict(self.types)!r})"


def _is_type(text: str) -> bool:
    if text.startswith("list<") and text.endswith(">"):
        return _is_type(text[5:-1])
    if text.startswith("map<") and text.endswith(">"):
        key, comma, value = text[4:-1].partition(",")
        return key in _KEYS and bool(comma) and _is_type(value.strip())
    return text in _SCALARS
