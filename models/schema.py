"""PostgreSQL's schema of Presence's own.

Its name also makes the channel of NOTIFY and the keys of advisory locks, which a database has only
once: two environments in one database neither wake nor block each other.
"""

from hashlib import sha256

from sqlalchemy import Connection, Engine

OPTION = "presence_schema"  # of each engine: the schema in which its tables are


def schema_of(bind: Engine | Connection) -> str:
    name: str = bind.get_execution_options()[OPTION]
    return name


def channel_of(bind: Engine | Connection) -> str:
    """The channel of NOTIFY; the payload is the id of the org that changed."""
    return f"presence_{_digest(schema_of(bind)).hex()[:16]}"


def lock_key(bind: Engine | Connection, purpose: str) -> int:
    """A key for an advisory lock."""
    digest = _digest(f"{schema_of(bind)}/{purpose}")
    return int.from_bytes(digest[:8], "big", signed=True)


def _digest(words: str) -> bytes:
    return sha256(f"presence/{words}".encode()).digest()
