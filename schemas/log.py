"""What the history and the audit log have in common."""

from typing import Any

from marshmallow import Schema


class LogEntry(Schema):
    """An entry of a log, which the database has written in the words of the wire.

    Dumping 1000 of them field by field would take longer than reading them.
    """

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        return [dict(row) for row in obj] if many else dict(obj)
