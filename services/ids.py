"""Ids as text."""

import re
from uuid import UUID

_CANONICAL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def canonical_id(text: object) -> UUID | None:
    """The id that ``text`` spells in the one way that RFC 9562 has it written; None for others."""
    return UUID(text) if isinstance(text, str) and _CANONICAL.match(text) else None
