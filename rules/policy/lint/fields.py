"""Fields of interactions, attributes and the context: reserved names, names with two meanings, types without
sense."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from rules.policy.findings import Finding, Path, nearest, suggestion
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY, place_of
from rules.policy.vocabulary import CONTEXT, CUSTOMER, SESSION
from schemas.built_in import BUILT_IN, EVENT, SUMMARY
from schemas.identity import CUSTOMER as CUSTOMER_KIND
from schemas.interaction import CloudEvent
from schemas.observed import FieldType
from schemas.policy import Policy

NUMBERS = ("int", "double")
EVENT_ATTRIBUTES = (*CloudEvent.model_fields, CUSTOMER_KIND, "dataschema")


def reserved(subject: Subject) -> Iterator[Finding]:
    """Names that Opportune gives a meaning itself."""
    policy = subject.policy
    taken: list[tuple[Path, str, Mapping[str, object] | tuple[str, ...]]] = [
        (("interactions",), "a built-in interaction type", BUILT_IN),
        (("attributes",), "known of every customer", CUSTOMER),
        (("features",), "known of every customer", CUSTOMER),
        (("scores",), "known of every customer", CUSTOMER),
        (("session", "features"), "known of every session, or of its end", {**EVENT, **SUMMARY, **SESSION}),
        (("context",), "known of every request", CONTEXT),
        (("identifiers",), "an attribute of every event", EVENT_ATTRIBUTES),
        *((("interactions", name, "fields"), "known of every event", EVENT) for name in policy.interactions),
    ]
    for path, why, names in taken:
        for name in _names(policy, path):
            if name in names:
                yield subject.error((*path, name, KEY), "reserved-name", f"`{name}` is {why}", "choose another name")


def clashes(subject: Subject) -> Iterator[Finding]:
    """`customer.x` is either an attribute, a feature or a score."""
    policy = subject.policy
    kinds: dict[str, Mapping[str, object]]
    kinds = {"attributes": policy.attributes, "features": policy.features, "scores": policy.scores}
    for (section, names), (other, taken) in combinations(reversed(kinds.items()), 2):
        for name in names.keys() & taken.keys():
            where = place_of(subject.tree, (other, name, KEY))
            noun = {"attributes": "an attribute", "features": "a feature"}[other]
            message = f"`customer.{name}` is also {noun}, see {where}"
            yield subject.error((section, name, KEY), "name-clash", message, "rename one of them")


def one_type_each(subject: Subject) -> Iterator[Finding]:
    """`event.x` has one type, whichever interaction it is."""
    first: dict[str, tuple[Path, FieldType]] = {}
    for interaction, declared in subject.policy.interactions.items():
        for name, field in declared.fields.items():
            path: Path = ("interactions", interaction, "fields", name)
            there, other = first.setdefault(name, (path, field))
            if other.type != field.type:
                message = f"`event.{name}` is {field.type} here and {other.type} at {place_of(subject.tree, there)}"
                yield subject.error(path, "two-types", message, "give it one type, or two names")


def sets(subject: Subject) -> Iterator[Finding]:
    """What an interaction copies into the attributes exists on both sides, with one type."""
    attributes = subject.policy.attributes
    for interaction, declared in subject.policy.interactions.items():
        for at, name in enumerate(declared.sets):
            path: Path = ("interactions", interaction, "sets", at)
            if name not in declared.fields:
                message = f"`{interaction}` has no field `{name}` to copy"
                yield subject.error(path, "sets", message, suggestion(name, declared.fields))
            elif name not in attributes:
                if subject.sound("attributes"):
                    hint = nearest(name, attributes) or "declare it under `attributes:`"
                    yield subject.error(path, "sets", f"there is no attribute `{name}`", hint)
            elif attributes[name].type != declared.fields[name].type:
                is_a, wanted = declared.fields[name].type, attributes[name].type
                message = f"the field `{name}` is {is_a}, the attribute {wanted}"
                yield subject.error(path, "sets", message, "give both one type")


def sensible(subject: Subject) -> Iterator[Finding]:
    """Bounds are for numbers, lists of values for text."""
    for path, field in _fields(subject.policy):
        if (field.min is not None or field.max is not None) and field.type not in NUMBERS:
            yield subject.error(path, "bounds", f"`min` and `max` are for numbers, and this is {field.type}")
        elif field.min is not None and field.max is not None and field.min > field.max:
            yield subject.error((*path, "min"), "bounds", f"`min` {field.min:g} is above `max` {field.max:g}")
        if field.one_of and field.type not in ("string", "list<string>"):
            yield subject.error((*path, "one_of"), "one-of", f"`one_of` is for text, and this is {field.type}")


def _names(policy: Policy, path: Path) -> Mapping[str, object]:
    found: object = policy
    for step in path:
        found = found[step] if isinstance(found, dict) else getattr(found, str(step))
    return found if isinstance(found, dict) else {}


def _fields(policy: Policy) -> Iterator[tuple[Path, FieldType]]:
    for name, field in policy.attributes.items():
        yield ("attributes", name), field
    for name, field in policy.context.items():
        yield ("context", name), field
    for interaction, declared in policy.interactions.items():
        for name, field in declared.fields.items():
            yield ("interactions", interaction, "fields", name), field


CHECKS: tuple[Check, ...] = (reserved, clashes, one_type_each, sets, sensible)
