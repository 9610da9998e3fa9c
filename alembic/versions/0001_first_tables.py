"""first tables

Revision: 0001, after None
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orgs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("va_version", sa.BigInteger(), nullable=False),
        sa.Column("accounts_version", sa.BigInteger(), nullable=False),
        sa.Column("members_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orgs")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
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
        sa.UniqueConstraint(
            "org_id", "name_casefolded", name=op.f("uq_accounts_org_id_name_casefolded")
        ),
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("token_generation", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('admin', 'va')", name=op.f("ck_memberships_role")),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=op.f("fk_memberships_org_id_orgs")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_memberships_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
        sa.UniqueConstraint("id", "org_id", name=op.f("uq_memberships_id_org_id")),
        sa.UniqueConstraint(
            "id", "user_id", "org_id", name=op.f("uq_memberships_id_user_id_org_id")
        ),
        sa.UniqueConstraint("org_id", "user_id", name=op.f("uq_memberships_org_id_user_id")),
    )
    with op.batch_alter_table("memberships", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_memberships_user_id"), ["user_id"], unique=False)

    op.create_table(
        "access_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "org_id"],
            ["accounts.id", "accounts.org_id"],
            name=op.f("fk_access_codes_account_id_org_id_accounts"),
        ),
        sa.ForeignKeyConstraint(
            ["membership_id", "org_id"],
            ["memberships.id", "memberships.org_id"],
            name=op.f("fk_access_codes_membership_id_org_id_memberships"),
        ),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=op.f("fk_access_codes_org_id_orgs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_codes")),
        sa.UniqueConstraint("digest", name=op.f("uq_access_codes_digest")),
    )
    with op.batch_alter_table("access_codes", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_access_codes_account_id_org_id"), ["account_id", "org_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_access_codes_membership_id_org_id"),
            ["membership_id", "org_id"],
            unique=False,
        )

    op.create_table(
        "account_presence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("clocked_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stale_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "org_id"],
            ["accounts.id", "accounts.org_id"],
            name=op.f("fk_account_presence_account_id_org_id_accounts"),
        ),
        sa.ForeignKeyConstraint(
            ["membership_id", "user_id", "org_id"],
            ["memberships.id", "memberships.user_id", "memberships.org_id"],
            name=op.f("fk_account_presence_membership_id_user_id_org_id_memberships"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["orgs.id"], name=op.f("fk_account_presence_org_id_orgs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_presence")),
        sa.UniqueConstraint("account_id", name=op.f("uq_account_presence_account_id")),
        sa.UniqueConstraint("user_id", "org_id", name=op.f("uq_account_presence_user_id_org_id")),
    )
    with op.batch_alter_table("account_presence", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_account_presence_org_id_last_heartbeat_at"),
            ["org_id", "last_heartbeat_at"],
            unique=False,
        )

    op.create_table(
        "clock_events",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("account_name", sa.String(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("presence_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("from_account_id", sa.Uuid(), nullable=True),
        sa.Column("from_presence_id", sa.Uuid(), nullable=True),
        sa.Column("last_heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('clock_in', 'switch', 'clock_out', 'force_clear', 'stale', 'resume', "
            "'expire')",
            name=op.f("ck_clock_events_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "org_id"],
            ["accounts.id", "accounts.org_id"],
            name=op.f("fk_clock_events_account_id_org_id_accounts"),
        ),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=op.f("fk_clock_events_org_id_orgs")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_clock_events")),
        sa.UniqueConstraint("id", name=op.f("uq_clock_events_id")),
    )
    with op.batch_alter_table("clock_events", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_clock_events_from_presence_id"), ["from_presence_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_clock_events_org_id_seq"), ["org_id", "seq"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_clock_events_presence_id"), ["presence_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_clock_events_user_id_org_id_occurred_at"),
            ["user_id", "org_id", "occurred_at"],
            unique=False,
        )

    op.create_table(
        "idempotency_keys",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["membership_id", "org_id"],
            ["memberships.id", "memberships.org_id"],
            name=op.f("fk_idempotency_keys_membership_id_org_id_memberships"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["orgs.id"], name=op.f("fk_idempotency_keys_org_id_orgs")
        ),
        sa.PrimaryKeyConstraint("membership_id", "key", name=op.f("pk_idempotency_keys")),
    )
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_idempotency_keys_created_at"), ["created_at"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotency_keys_created_at"))

    op.drop_table("idempotency_keys")
    with op.batch_alter_table("clock_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_clock_events_user_id_org_id_occurred_at"))
        batch_op.drop_index(batch_op.f("ix_clock_events_presence_id"))
        batch_op.drop_index(batch_op.f("ix_clock_events_org_id_seq"))
        batch_op.drop_index(batch_op.f("ix_clock_events_from_presence_id"))

    op.drop_table("clock_events")
    with op.batch_alter_table("account_presence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_presence_org_id_last_heartbeat_at"))

    op.drop_table("account_presence")
    with op.batch_alter_table("access_codes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_access_codes_membership_id_org_id"))
        batch_op.drop_index(batch_op.f("ix_access_codes_account_id_org_id"))

    op.drop_table("access_codes")
    with op.batch_alter_table("memberships", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_memberships_user_id"))

    op.drop_table("memberships")
    op.drop_table("accounts")
    op.drop_table("users")
    op.drop_table("orgs")
