"""What the policy models say about a path: which model stands there, what it is called, which fields it has.

Promises answers for any path, also one that leads nowhere. Leaves the models themselves to `schemas.policy`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rules.policy.findings import Path
from schemas.policy import Policy

Model = type[BaseModel]
NOUNS = {"Policy": "a policy file", "PolicyHeader": "the header `policy:`", "SessionType": "the session",
         "Lifecycle": "the lifecycle",
         "ContactPolicy": "the contact policy", "Arbitration": "the arbitration",
         "Attribution": "the attribution"}  # fmt: skip


def model_at(path: Path) -> Model | None:
    """The model whose fields stand below this path."""
    annotation: Any = Policy
    for step in path:
        model = _model_in(annotation)
        if model and not _is_container(annotation):
            field = fields(model).get(str(step))
            annotation = field.annotation if field else None
        else:
            annotation = _inside(annotation)
    return None if _is_container(annotation) else _model_in(annotation)


@cache
def fields(model: Model) -> Mapping[str, FieldInfo]:
    """By the name that is authored: the alias where there is one."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


@cache
def aliases() -> Mapping[str, frozenset[str]]:
    """How a field of the models may be written in a file: `kind` as `class`, `channels` as `on` in a rule."""
    found: dict[str, frozenset[str]] = {}
    for model in _models(Policy):
        for name, info in model.model_fields.items():
            if info.alias:
                found[name] = found.get(name, frozenset()) | {info.alias}
    return found


def noun(model: Model) -> str:
    """`CoolDown` as `a cool-down`."""
    words = "-".join(re.findall(r"[A-Z][a-z]*", model.__name__)).lower().replace("-type", " type")
    return NOUNS.get(model.__name__, f"{'an' if words[0] in 'aeio' else 'a'} {words}")


def _models(model: Model) -> Iterator[Model]:
    yield model
    for info in model.model_fields.values():
        inner = _model_in(info.annotation)
        if inner:
            yield from _models(inner)


def _model_in(annotation: Any) -> Model | None:
    """The model that an annotation is, holds or may be."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in found if model), None)


def _is_container(annotation: Any) -> bool:
    return get_origin(annotation) in (dict, tuple)


def _inside(annotation: Any) -> Any:
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if arguments else None
