"""A PostgreSQL database that imitates the one of a Supabase project with an application in it.

Its SQL follows https://github.com/supabase/postgres, ``migrations/db/init-scripts``.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class
from psycopg2.extras import execute_values
from sqlalchemy.engine import make_url

from tests.support.databases import new_postgresql

SQL = Path(__file__).with_name("supabase_sql")
OWNER = "supabase_postgres"
API_ROLES = ("anon", "authenticated", "service_role")
CLASSIC = "IN SCHEMA public"  # default privileges of every project
EVERYWHERE = ""  # those of an owner who gave them for all schemas

NORTH, SOUTH = (UUID(f"{n}0000000-0000-4000-8000-000000000000") for n in (1, 2))
ORGS = {NORTH: "North Books", SOUTH: "South Ledger"}
ACCOUNTS = {
    UUID(f"a0000000-0000-4000-8000-00000000000{n}"): (NORTH if n < 6 else SOUTH, name)
    for n, name in enumerate(
        [
            "Acme Dental",
            "Bright Cafe",
            "Corner Florist",
            "Delta Movers",
            "Elm Bakery",
            "Fox & Sons",
            "Gable Roofing",
            "Harbour Inn",
            "Iris Optics",
            "Juniper Yoga",
        ]
    )
}
MAYA, ANA, BEN, OLGA, PIA, SAM = (UUID(f"b0000000-0000-4000-8000-00000000000{n}") for n in range(6))
USERS = {MAYA: "Maya", ANA: "Ana", BEN: "Ben", OLGA: "Olga", PIA: "Pia", SAM: "Sam"}
MEMBERSHIPS = {
    (NORTH, MAYA): "admin",
    (NORTH, ANA): "va",
    (NORTH, BEN): "va",
    (NORTH, SAM): "va",
    (SOUTH, OLGA): "admin",
    (SOUTH, PIA): "va",
    (SOUTH, SAM): "va",
}


@dataclass(frozen=True)
class Supabase:
    """``url`` connects as the project's owner, ``admin_url`` as the platform's superuser."""

    url: str
    admin_url: str

    def query(
        self, statement: str, *values: Any, role: str | None = None, user: UUID | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows, if there are any; committed.

        :param role: to run it as PostgREST does for a token of this role
        :param user: whose token that is
        """
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            if role is not None:
                cursor.execute(f"SET LOCAL ROLE {role}")
            if user is not None:
                cursor.execute("SELECT set_config('request.jwt.claim.sub', %s, true)", [str(user)])
            cursor.execute(statement, [str(v) if isinstance(v, UUID) else v for v in values])
            rows = cursor.fetchall() if cursor.description else []
            connection.commit()
            return rows

    def theirs(self) -> list[tuple[str, str, str]]:
        """All that belongs to the project and its application: kind, name, and what it is like."""
        with closing(psycopg2.connect(self.admin_url)) as connection:
            cursor = connection.cursor()
            cursor.execute((SQL / "theirs.sql").read_text())
            return cursor.fetchall()


@contextmanager
def supabase(
    server: str, *, default_privileges: str = CLASSIC, alembic_version: str | None = None
) -> Iterator[Supabase]:
    """A new project on ``server``, which is dropped at the end; the roles stay.

    :param alembic_version: the application has migrations of its own, and is at this one
    """
    with new_postgresql(server) as admin_url:
        at = make_url(admin_url)
        url = at.set(username=OWNER, password=OWNER).render_as_string(hide_password=False)
        where = f"FOR ROLE {OWNER} {default_privileges}"
        with closing(psycopg2.connect(admin_url)) as connection:
            _run(connection, "roles", password=OWNER)
            _run(connection, "platform", database=at.database or "")
            _run(connection, "default_privileges", where=where)
        with closing(psycopg2.connect(url)) as connection:
            _run(connection, "application")
            _fill(connection, alembic_version)
        yield Supabase(url, admin_url)


def _run(connection: Connection, name: str, **words: str) -> None:
    script = (SQL / f"{name}.sql").read_text()
    for word, value in words.items():
        script = script.replace(f"{{{word}}}", value)
    with connection.cursor() as cursor:
        cursor.execute(script)
    connection.commit()


def _fill(connection: Connection, alembic_version: str | None) -> None:
    emails = [(user, f"{name.lower()}@example.com") for user, name in USERS.items()]
    with connection.cursor() as cursor:
        for statement, rows in (
            ("INSERT INTO orgs (id, name) VALUES %s", ORGS.items()),
            (
                "INSERT INTO accounts (id, org_id, name) VALUES %s",
                [(account, org, name) for account, (org, name) in ACCOUNTS.items()],
            ),
            ("INSERT INTO auth.users (id, email) VALUES %s", emails),
            ("INSERT INTO profiles (id, display_name) VALUES %s", USERS.items()),
            (
                "INSERT INTO memberships (org_id, user_id, role) VALUES %s",
                [(org, user, role) for (org, user), role in MEMBERSHIPS.items()],
            ),
        ):
            execute_values(cursor, statement, [tuple(map(str, row)) for row in rows])
        if alembic_version is not None:
            cursor.execute("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)")
            cursor.execute("INSERT INTO alembic_version VALUES (%s)", [alembic_version])
    connection.commit()
