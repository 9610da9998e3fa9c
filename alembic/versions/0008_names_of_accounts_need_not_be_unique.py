"""names of accounts need not be unique

Revision: 0008, after 0007

Accounts that come from another application have the names that it gives them. Making and renaming
one here still refuse a taken name: under the org's lock, in services/accounts.py.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NAMES = ("org_id", "name_casefolded")
UNIQUE = "uq_accounts_org_id_name_casefolded"
INDEX = "ix_accounts_org_id_name_casefolded"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_anew()
    else:
        op.drop_constraint(UNIQUE, "accounts")
    op.create_index(INDEX, "accounts", NAMES)


def downgrade() -> None:
    """It fails where two accounts of an org have the same name by now."""
    op.drop_index(INDEX, "accounts")
    if op.get_bind().dialect.name == "sqlite":
        _make_anew(sa.UniqueConstraint(*NAMES, name=UNIQUE))
    else:
        op.create_unique_constraint(UNIQUE, "accounts", NAMES)


def _make_anew(*constraints: sa.Constraint) -> None:
    """The table with these constraints: SQLite can't change those of a table.

    Other tables refer to it. Until the transaction ends, they may refer to rows that are not there.
    """
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute("CREATE TABLE accounts_kept AS SELECT * FROM accounts")
    op.drop_table("accounts")
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_casefolded", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=op.f("fk_accounts_org_id_orgs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("id", "org_id", name=op.f("uq_accounts_id_org_id")),
        *constraints,
    )
    op.execute("INSERT INTO accounts SELECT * FROM accounts_kept")
    op.drop_table("accounts_kept")
