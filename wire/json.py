"""JSON, both ways: compact on the way out, and strict on the way in."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

# json.dumps() would make an encoder for each call, and json.loads() a decoder.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def compact_json(value: Any) -> bytes:
    """``value`` as JSON in UTF-8, without spaces."""
    text = _encode(value)
    # Half of a surrogate pair has no UTF-8. The replacement is JSON's own escape for it.
    return text.encode(errors="backslashreplace")


class WrittenJson(bytes):
    """A value that is JSON already."""


def json_object(fields: Mapping[str, Any]) -> bytes:
    """An object of these fields, of which some may be :class:`WrittenJson`."""
    written = (
        compact_json(name)
        + b":"
        + (value if isinstance(value, WrittenJson) else compact_json(value))
        for name, value in fields.items()
    )
    return b"{" + b",".join(written) + b"}"


def strict_json(body: bytes) -> Any:
    """What ``body`` says.

    :raises ValueError: it is not strict JSON, or a field is given more than once
    :raises RecursionError: it is nested too deeply
    """
    return _decode(body.decode())


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is given more than once")
    return fields


_decode = json.JSONDecoder(
    parse_constant=_refuse_constant, object_pairs_hook=_without_doubles
).decode
