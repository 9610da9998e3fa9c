"""sessions

Revision: 0006, after 0005

Sessions, and when each access code was last used. Neither release takes the other's tokens: people
sign in again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

HAS_ENDED = sa.text("ended_at IS NOT NULL")
INDEXES = (
    ("membership_id", "org_id"),
    ("access_code_id", "org_id"),
    ("account_id", "org_id"),
    ("expires_at",),
)


def upgrade() -> None:
    op.add_column(
        "access_codes", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True)
    )
    # An index, not a constraint: SQLite would have to copy the table for a constraint.
    op.create_index("ix_access_codes_id_org_id", "access_codes", ("id", "org_id"), unique=True)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("access_code_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_renewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("renewable_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "ended_reason IN ('signed_out', 'revoked')", name=op.f("ck_sessions_ended_reason")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=op.f("fk_sessions_org_id_orgs")),
        sa.ForeignKeyConstraint(
            ["membership_id", "org_id"],
            ["memberships.id", "memberships.org_id"],
            name=op.f("fk_sessions_membership_id_org_id_memberships"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["access_code_id", "org_id"],
            ["access_codes.id", "access_codes.org_id"],
            name=op.f("fk_sessions_access_code_id_org_id_access_codes"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "org_id"],
            ["accounts.id", "accounts.org_id"],
            name=op.f("fk_sessions_account_id_org_id_accounts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    for columns in INDEXES:
        op.create_index(f"ix_sessions_{'_'.join(columns)}", "sessions", columns)
    op.create_index(
        "ix_sessions_ended",
        "sessions",
        ("org_id", "expires_at"),
        sqlite_where=HAS_ENDED,
        postgresql_where=HAS_ENDED,
    )


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_index("ix_access_codes_id_org_id", "access_codes")
    with op.batch_alter_table("access_codes") as batch:
        batch.drop_column("last_used_at")
