"""services

Revision: 0009, after 0008

The role of services, what they may do, and their kinds in the audit log. The previous release does
not know the role: make the first service once all servers run this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROLES = ("admin", "va")
KINDS = (
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
    "signed_in",
    "sign_in_refused",
    "signed_out",
    "session_ended",
)
NEW_KINDS = ("service_added", "service_removed")


def upgrade() -> None:
    _change_check("memberships", "role", ROLES, (*ROLES, "service"))
    _change_check("audit_events", "kind", KINDS, (*KINDS, *NEW_KINDS))
    op.create_table(
        "services",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["membership_id", "org_id"],
            ["memberships.id", "memberships.org_id"],
            name=op.f("fk_services_membership_id_org_id_memberships"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=op.f("fk_services_org_id_orgs")),
        sa.PrimaryKeyConstraint("membership_id", name=op.f("pk_services")),
    )
    op.create_index("ix_services_org_id", "services", ["org_id"])


def downgrade() -> None:
    """Services and what is logged of them are dropped."""
    op.drop_table("services")
    op.execute("CREATE TEMPORARY TABLE gone AS SELECT * FROM memberships WHERE role = 'service'")
    for table in ("idempotency_keys", "sessions"):
        op.execute(
            f"DELETE FROM {table}"  # noqa: S608 - names of this file
            " WHERE membership_id IN (SELECT id FROM gone)"
        )
    op.execute("DELETE FROM memberships WHERE role = 'service'")
    op.execute("DELETE FROM users WHERE id IN (SELECT user_id FROM gone)")
    op.execute("DROP TABLE gone")
    op.execute(f"DELETE FROM audit_events WHERE kind IN {NEW_KINDS}")  # noqa: S608
    _change_check("audit_events", "kind", (*KINDS, *NEW_KINDS), KINDS)
    _change_check("memberships", "role", (*ROLES, "service"), ROLES)


def _change_check(table: str, column: str, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """Change the values that the CHECK of a column allows."""
    if op.get_bind().dialect.name == "postgresql":
        name = op.f(f"ck_{table}_{column}")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"{column} IN {after}")
        return
    # By the way of SQLite's own documentation ("Making Other Kinds Of Table Schema Changes"): no
    # row changes, and a new table would cascade through those that refer to it.
    connection = op.get_bind()
    schema = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    changed = connection.execute(
        sa.text(
            "UPDATE sqlite_schema SET sql = replace(sql, :before, :after)"
            " WHERE name = :table AND instr(sql, :before) > 0"
        ),
        {"before": f"{column} IN {before}", "after": f"{column} IN {after}", "table": table},
    )
    if changed.rowcount != 1:
        raise RuntimeError(f"the CHECK of {table}.{column} is not the expected one")
    op.execute(f"PRAGMA schema_version = {schema + 1}")
    op.execute("PRAGMA writable_schema = OFF")
