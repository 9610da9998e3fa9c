"""admin events

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "admin_events",
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
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('account_added', 'account_renamed', 'account_archived', "
            "'account_restored', 'member_added', 'member_renamed', 'member_role_changed', "
            "'member_deactivated', 'member_reactivated', 'member_erased', 'code_issued', "
            "'code_revoked', 'token_issued', 'tokens_revoked')",
            name=op.f("ck_admin_events_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "org_id"],
            ["accounts.id", "accounts.org_id"],
            name=op.f("fk_admin_events_account_id_org_id_accounts"),
        ),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=op.f("fk_admin_events_org_id_orgs")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_admin_events")),
        sa.UniqueConstraint("id", name=op.f("uq_admin_events_id")),
    )
    with op.batch_alter_table("admin_events", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_admin_events_org_id_seq"), ["org_id", "seq"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("admin_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_admin_events_org_id_seq"))

    op.drop_table("admin_events")
