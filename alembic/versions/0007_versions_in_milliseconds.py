"""versions in milliseconds

Revision: 0007, after 0006

A version has 15 digits at most then. The previous release goes on raising versions to microseconds
while it runs beside this one; this release brings them down at the org's next change
(services/versions.py). An entry that the previous release adds to the history while this migration
runs keeps its version in microseconds.
"""

from alembic import op

from models.schema import channel_of

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = ("version", "va_version", "accounts_version", "members_version")


def upgrade() -> None:
    # The history first: it may be long, and writers wait while the rows of orgs are locked.
    _bring_down("clock_events", "version")
    for column in COLUMNS:
        _bring_down("orgs", column)
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # So that running workers read every org again. On SQLite they compare versions.
        channel = channel_of(connection)
        op.execute(f"SELECT pg_notify('{channel}', CAST(id AS VARCHAR)) FROM orgs")  # noqa: S608


def downgrade() -> None:
    """Nothing: the previous release raises versions to microseconds at the next change."""


def _bring_down(table: str, column: str) -> None:
    op.execute(
        f"UPDATE {table} SET {column} = {column} / 1000"  # noqa: S608 - names of this file
        f" WHERE {column} >= 1000000000000000"
    )
