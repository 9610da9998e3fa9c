"""What PostgreSQL's catalogue says about who sees which rows."""

from sqlalchemy import text
from sqlalchemy.orm import Session

# They hold nothing of an org: ids of people, counts by address or member, public keys of issuers,
# the schema's version.
OF_NO_ORG = {"users", "rate_limits", "issuer_keys", "presence_version"}

_OPEN = text(
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace"
    " AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT (c.relrowsecurity"
    " AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))"
)
_TABLES = text(
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    " AND relkind IN ('r', 'p') ORDER BY relname"
)


def unprotected(session: Session) -> set[str]:
    """The tables and views whose rows anybody with rights on them sees."""
    return set(session.scalars(_OPEN))


def tables(session: Session) -> list[str]:
    return list(session.scalars(_TABLES))


def counted(session: Session) -> dict[str, int]:
    """The rows of each table that belongs to orgs, as a query without a WHERE finds them."""
    return {
        table: session.scalar(text(f"SELECT count(*) FROM {table}")) or 0  # noqa: S608
        for table in tables(session)
        if table not in OF_NO_ORG
    }
