"""The published protobuf shape of a parsed or checked CEL expression, declared here field by field.

Promises message classes for `cel/expr/syntax.proto` and `cel/expr/checked.proto`
(https://github.com/google/cel-spec), built from their field numbers, so that the plain `protobuf` package is
enough to read what the front end serializes. Leaves the meaning of the fields to `tree`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

_F = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "cel.expr"

# message: (field, number, type, repeated). A type with a dot is a message; "map<K,V>" is a repeated entry.
_FIELDS: dict[str, tuple[tuple[str, int, str, bool], ...]] = {
    "CheckedExpr": (
        ("reference_map", 2, "map<int64,Reference>", True),
        ("type_map", 3, "map<int64,Type>", True),
        ("expr", 4, "Expr", False),
        ("source_info", 5, "SourceInfo", False),
    ),
    "ParsedExpr": (("expr", 2, "Expr", False), ("source_info", 3, "SourceInfo", False)),
    "SourceInfo": (
        ("line_offsets", 3, "int32", True),
        ("positions", 4, "map<int64,int32>", True),
        ("macro_calls", 5, "map<int64,Expr>", True),
    ),
    "Reference": (
        ("name", 1, "string", False),
        ("overload_id", 3, "string", True),
        ("value", 4, "Constant", False),
    ),
    "Constant": (
        ("null_value", 1, "int64", False),
        ("bool_value", 2, "bool", False),
        ("int64_value", 3, "int64", False),
        ("uint64_value", 4, "uint64", False),
        ("double_value", 5, "double", False),
        ("string_value", 6, "string", False),
        ("bytes_value", 7, "bytes", False),
    ),
    "Expr": (
        ("id", 2, "int64", False),
        ("const_expr", 3, "Constant", False),
        ("ident_expr", 4, "Ident", False),
        ("select_expr", 5, "Select", False),
        ("call_expr", 6, "Call", False),
        ("list_expr", 7, "CreateList", False),
        ("struct_expr", 8, "CreateStruct", False),
        ("comprehension_expr", 9, "Comprehension", False),
    ),
    "Ident": (("name", 1, "string", False),),
    "Select": (("operand", 1, "Expr", False), ("field", 2, "string", False), ("test_only", 3, "bool", False)),
    "Call": (("target", 1, "Expr", False), ("function", 2, "string", False), ("args", 3, "Expr", True)),
    "CreateList": (("elements", 1, "Expr", True), ("optional_indices", 2, "int32", True)),
    "CreateStruct": (("message_name", 1, "string", False), ("entries", 2, "Entry", True)),
    "Entry": (
        ("id", 1, "int64", False),
        ("field_key", 2, "string", False),
        ("map_key", 3, "Expr", False),
        ("value", 4, "Expr", False),
        ("optional_entry", 5, "bool", False),
    ),
    "Comprehension": (
        ("iter_var", 1, "string", False),
        ("iter_range", 2, "Expr", False),
        ("accu_var", 3, "string", False),
        ("accu_init", 4, "Expr", False),
        ("loop_condition", 5, "Expr", False),
        ("loop_step", 6, "Expr", False),
        ("result", 7, "Expr", False),
        ("iter_var2", 8, "string", False),
    ),
    "Type": (
        ("dyn", 1, "Empty", False),
        ("null", 2, "int64", False),
        ("primitive", 3, "int64", False),
        ("wrapper", 4, "int64", False),
        ("well_known", 5, "int64", False),
        ("list_type", 6, "ListType", False),
        ("map_type", 7, "MapType", False),
        ("message_type", 9, "string", False),
        ("type_param", 10, "string", False),
        ("type", 11, "Type", False),
        ("error", 12, "Empty", False),
        ("abstract_type", 14, "AbstractType", False),
    ),
    "ListType": (("elem_type", 1, "Type", False),),
    "MapType": (("key_type", 1, "Type", False), ("value_type", 2, "Type", False)),
    "AbstractType": (("name", 1, "string", False), ("parameter_types", 2, "Type", True)),
    "Empty": (),
}
_SCALARS = {
    "int64": _F.TYPE_INT64,
    "int32": _F.TYPE_INT32,
    "uint64": _F.TYPE_UINT64,
    "double": _F.TYPE_DOUBLE,
    "bool": _F.TYPE_BOOL,
    "string": _F.TYPE_STRING,
    "bytes": _F.TYPE_BYTES,
}
_ONE_OF = {"Constant": "kind", "Expr": "kind", "Type": "kind"}


def read_any(serialized: bytes) -> Any:
    """The `CheckedExpr` or `ParsedExpr` in the `google.protobuf.Any` that `Expression.serialize()` yields."""
    envelope = any_pb2.Any.FromString(serialized)
    return _classes()[envelope.type_url.rpartition(".")[2]].FromString(envelope.value)


@cache
def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    named = {name: pool.FindMessageTypeByName(f"{_PACKAGE}.{name}") for name in ("CheckedExpr", "ParsedExpr")}
    return {name: message_factory.GetMessageClass(found) for name, found in named.items()}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="cel/expr/all.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        if name in _ONE_OF:
            message.oneof_decl.add(name=_ONE_OF[name])
        for field, number, kind, repeated in fields:
            _add_field(message, field, number, kind, repeated)
    return file


def _add_field(message: Any, field: str, number: int, kind: str, repeated: bool) -> None:
    label = _F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
    added = message.field.add(name=field, number=number, label=label)
    if kind.startswith("map<"):
        key, value = kind[4:-1].split(",")
        entry = message.nested_type.add(name=field.title().replace("_", "") + "Entry")
        entry.options.map_entry = True
        _add_field(entry, "key", 1, key, False)
        _add_field(entry, "value", 2, value, False)
        added.type, added.type_name = _F.TYPE_MESSAGE, f".{_PACKAGE}.{message.name}.{entry.name}"
    elif kind in _SCALARS:
        added.type = _SCALARS[kind]
    else:
        added.type, added.type_name = _F.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    if message.name in _ONE_OF and field != "id":
        added.oneof_index = 0
