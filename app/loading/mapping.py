"""Which column is which attribute, and who a row is about.

A column is the attribute of its own name, or of its name in lower case with `_` between the words
(`MonthlyCharges` is `monthly_charges`); `--map` says otherwise. A column without an attribute is never dropped
silently.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from app.errors import StartError
from profiles.errors import BadFields
from profiles.fields import nearest
from schemas.observed import FieldType

ID_COLUMNS = ("customer", "customer_id", "id")
"""The column of the customer's id where `--id` names none."""
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
SUBJECT = re.compile(r"[^\s\x00-\x1f]{1,200}")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about the columns."""

    id_column: str | None = None
    id_prefix: str = ""
    maps: Mapping[str, str] = field(default_factory=dict)
    """The attribute by column."""
    skips: Sequence[str] = ()
    only_known: bool = False
    visitors: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """How a row is read."""

    kind: str
    """`customer` or `visitor`."""
    id_column: str | None
    """None: the number of the row stands for it."""
    id_prefix: str
    attributes: Mapping[str, str]
    """The attribute by column."""
    types: Mapping[str, FieldType]
    """By attribute, of those that have a column."""
    ignored: frozenset[str]
    only_known: bool

    def digest(self) -> str:
        """Changes with everything that changes what a row says."""
        read = sorted((column, name, self.types[name].type) for column, name in self.attributes.items())
        return blake2b(repr((self.kind, self.id_column, self.id_prefix, read)).encode(), digest_size=16).hexdigest()

    def subject(self, number: int, values: Mapping[str, Any]) -> str:
        """Raises BadFields for a row that does not say who it is about."""
        given = number if self.id_column is None else values.get(self.id_column)
        text = _id_text(given)
        if not text:
            raise BadFields(f"`{self.id_column}` is empty: it says who the row is about")
        name = self.id_prefix + text
        if SUBJECT.fullmatch(name) is None:
            raise BadFields(f"`{self.id_column}` must be at most 200 characters without spaces, not {name[:40]!r}")
        return f"{self.kind}:{name}"

    def ignore(self, column: str) -> None:
        """Raises BadFields for a column that has come up only now, has no attribute, and may not be left out."""
        if not (self.only_known or column in self.ignored):
            raise BadFields(f"there is no attribute for `{column}`", nearest(snake(column), self.types))


def _id_text(given: Any) -> str:
    """Numbers as they are usually written; empty for what is no id."""
    match given:
        case str():
            return given.strip()
        case bool():
            return ""
        case int():
            return str(given)
        case float() if given.is_integer():
            return str(int(given))
        case _:
            return ""


def maps_of(words: Sequence[str]) -> dict[str, str]:
    """`COLUMN=attribute` each, as the command line has them. Raises StartError."""
    found: dict[str, str] = {}
    for word in words:
        column, equals, attribute = word.rpartition("=")
        if not (column and equals and attribute):
            raise StartError(
                f"--map {word} does not name a column and an attribute", hint="such as --map Plan=contract"
            )
        found[column] = attribute
    return found


def resolve(columns: Sequence[str], options: Options, declared: Mapping[str, FieldType]) -> Columns:
    """Raises StartError with everything about the columns that does not fit."""
    _refuse_strangers(columns, options, declared)
    id_column = _id_column(columns, options)
    attributes: dict[str, str] = {}
    unknown = []
    for column in columns:
        name = options.maps.get(column) or _attribute(column, declared)
        if column in options.skips or (column == id_column and column not in options.maps):
            continue
        if name is None:
            unknown.append(column)
        elif name in attributes.values():
            other = next(each for each, taken in attributes.items() if taken == name)
            raise StartError(f"`{other}` and `{column}` are both the attribute `{name}`", hint="--skip one of them")
        else:
            attributes[column] = name
    if unknown and not options.only_known:
        raise _unknown(unknown, declared)
    ignored = frozenset((*options.skips, *unknown, *((id_column,) if id_column else ())))
    types = {name: declared[name] for name in attributes.values()}
    kind = "visitor" if options.visitors else "customer"
    return Columns(kind, id_column, options.id_prefix, attributes, types, ignored, options.only_known)


def snake(column: str) -> str:
    """`MonthlyCharges`, `Monthly charges` and `monthly-charges` as `monthly_charges`."""
    return "_".join(WORDS.findall(column)).lower()


def _attribute(column: str, declared: Mapping[str, FieldType]) -> str | None:
    return next((name for name in (column, snake(column)) if name in declared), None)


def _id_column(columns: Sequence[str], options: Options) -> str | None:
    """Raises StartError where nothing says who a row is about."""
    if options.id_column is not None:
        return options.id_column
    found = (column for name in ID_COLUMNS for column in columns if snake(column) == name)
    column = next(found, None)
    if column is None and not options.id_prefix:
        hint = "name it with --id, or make ids of the row numbers with --id-prefix, such as --id-prefix shopper-"
        raise StartError(f"no column is called {' or '.join(f'`{each}`' for each in ID_COLUMNS)}", hint=hint)
    return column


def _refuse_strangers(columns: Sequence[str], options: Options, declared: Mapping[str, FieldType]) -> None:
    """Options that name a column or an attribute that is not there."""
    named = [*options.maps, *options.skips, *([options.id_column] if options.id_column else [])]
    for column in named:
        if column not in columns:
            hint = nearest(column, dict.fromkeys(columns)) or f"it has {', '.join(columns)}"
            raise StartError(f"the file has no column `{column}`", hint=hint)
    for attribute in options.maps.values():
        if attribute not in declared:
            hint = nearest(attribute, declared) or "declare it under `attributes:` and publish the policy"
            raise StartError(f"the live policy has no attribute `{attribute}`", hint=hint)


def _unknown(columns: Sequence[str], declared: Mapping[str, FieldType]) -> StartError:
    said = ", ".join(f"`{each}`{_near(each, declared)}" for each in columns)
    example = columns[0] or "NAME"
    return StartError(
        f"the live policy has no attribute for {said}",
        hint=f"declare it under `attributes:` and publish, say which it is (--map {example}=attribute), leave it out "
        f"(--skip {example}), or load only what is known (--only-known)",
    )


def _near(column: str, declared: Mapping[str, FieldType]) -> str:
    hint = nearest(snake(column), declared)
    return f" ({hint})" if hint else ""
