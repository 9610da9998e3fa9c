"""history indexes

Revision: 0004, after 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (
    ("org_id", "occurred_at"),
    ("account_id", "org_id", "occurred_at", "seq", "user_id"),
    ("org_id", "kind", "occurred_at"),
)


def upgrade() -> None:
    for table in ("clock_events", "admin_events"):
        for columns in COLUMNS:
            op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    op.create_index(
        "ix_admin_events_user_id_org_id_occurred_at",
        "admin_events",
        ("user_id", "org_id", "occurred_at"),
    )


def downgrade() -> None:
    op.drop_index("ix_admin_events_user_id_org_id_occurred_at", "admin_events")
    for table in ("clock_events", "admin_events"):
        for columns in COLUMNS:
            op.drop_index(f"ix_{table}_{'_'.join(columns)}", table)
