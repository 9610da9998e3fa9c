"""audit events

Revision: 0005, after 0004

This is admin_events under a new name, with sign-ins and the addresses that they came from. The rows
are copied to a new table, because SQLite can't change the CHECK of an existing one. The previous
release can keep no admin events after this; everything else in it works.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FORMER_KINDS = (
    "account_added",
    "account_renamed",
    "account_archived",
    "account_restored",
    "member_added",
    "member_renamed",
    "member_role_changed",
    "member_deactivated",
    "member_reactivated",
    "member_erased",
    "code_issued",
    "code_revoked",
    "token_issued",
    "tokens_revoked",
)
KINDS = (*FORMER_KINDS, "signed_in", "sign_in_refused", "signed_out", "session_ended")
INDEXES = (
    ("org_id", "seq"),
    ("org_id", "occurred_at"),
    ("account_id", "org_id", "occurred_at", "seq", "user_id"),
    ("user_id", "org_id", "occurred_at"),
    ("org_id", "kind", "occurred_at"),
)


def upgrade() -> None:
    _create("audit_events", KINDS, sa.Column("address", sa.String(length=45), nullable=True))
    _move("admin_events", "audit_events")


def downgrade() -> None:
    """The kinds that the previous release does not know are dropped."""
    _create("admin_events", FORMER_KINDS)
    _move("audit_events", "admin_events")


def _create(table: str, kinds: Sequence[str], *more: sa.Column[str]) -> None:
    op.create_table(
        table,
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("display_name", sa.String(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("account_name", sa.String(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        *more,
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"kind IN {tuple(kinds)}", name=op.f(f"ck_{table}_kind")),
        sa.ForeignKeyConstraint(
            ["account_id", "org_id"],
            ["accounts.id", "accounts.org_id"],
            name=op.f(f"fk_{table}_account_id_org_id_accounts"),
        ),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=op.f(f"fk_{table}_org_id_orgs")),
        sa.PrimaryKeyConstraint("seq", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("id", name=op.f(f"uq_{table}_id")),
    )


def _move(source: str, target: str) -> None:
    """Copy the rows that both tables can have, number on after them, and drop ``source``."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        # Nothing may be added between the copy and the drop.
        op.execute(f"LOCK TABLE {source} IN ACCESS EXCLUSIVE MODE")
    columns = (
        "seq, id, org_id, kind, actor_id, actor_name, user_id, display_name, account_id,"
        " account_name, details, occurred_at"
    )
    op.execute(
        f"INSERT INTO {target} ({columns})"  # noqa: S608 - names of this file
        f" SELECT {columns} FROM {source} WHERE kind IN {FORMER_KINDS} ORDER BY seq"
    )
    if on_postgresql:
        op.execute(
            f"SELECT setval(pg_get_serial_sequence('{target}', 'seq'), "
            f"greatest(nextval(pg_get_serial_sequence('{source}', 'seq')), 1))"
        )
    op.drop_table(source)
    for indexed in INDEXES:
        op.create_index(f"ix_{target}_{'_'.join(indexed)}", target, indexed)
