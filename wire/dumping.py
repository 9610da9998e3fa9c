"""What marshmallow dumps, in a fifth of its time, for schemas whose fields are of common kinds."""

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, fields, missing

from schemas.fields import Id, Timestamp
from services.times import rfc3339

Dump = Callable[[Any], Any]


def _as_it_is(value: Any) -> Any:
    return value


# By the very class: one that is derived from it may write otherwise.
_WRITERS: dict[type[fields.Field[Any]], Dump] = {
    fields.String: _as_it_is,
    fields.Boolean: _as_it_is,
    fields.Integer: int,
    Id: str,
    Timestamp: rfc3339,
}


def dump_of(schema: Schema) -> Dump:
    """``schema.dump`` for one thing, or what does the same."""
    found = {name: _writer(field) for name, field in schema.dump_fields.items()}
    writers = {name: write for name, write in found.items() if write is not None}
    has_ways_of_its_own = (
        any(schema._hooks.values()) or type(schema).get_attribute is not Schema.get_attribute
    )
    if has_ways_of_its_own or len(writers) < len(found):
        return schema.dump
    parts = [
        (field.data_key or name, (field.attribute or name).split("."), writers[name], field)
        for name, field in schema.dump_fields.items()
    ]

    def dump(thing: Any) -> dict[str, Any]:
        dumped = {}
        for key, path, write, field in parts:
            value = thing
            for name in path:
                is_dict = type(value) is dict
                value = value.get(name, missing) if is_dict else getattr(value, name, missing)
            if value is missing:
                value = field.dump_default
            if value is not missing:
                dumped[key] = None if value is None else write(value)
        return dumped

    return dump


def _writer(field: fields.Field[Any]) -> Dump | None:
    """What writes a value that is not None; None where only marshmallow knows."""
    if type(field) is not fields.Nested:
        return _WRITERS.get(type(field))
    dump = dump_of(field.schema)
    return (lambda things: [dump(each) for each in things]) if field.many else dump
