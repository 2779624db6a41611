"""Short forms that a policy may use beside the full ones."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from schemas.base import Id


@dataclass(frozen=True, eq=False)  # hashable: it may stand in a union
class Also:
    """A short form that the JSON Schema allows beside the full one."""

    short: dict[str, Any]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [self.short, handler(schema)]}


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


OneOrMany = Annotated[tuple[Id, ...], BeforeValidator(_one_or_many), Also({"type": "string"})]
