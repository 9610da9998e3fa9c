"""A database as the release before PRESENCE_DB_SCHEMA left it: at 0007, in `public`, with data."""

from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg2
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from models.migrations import PYPROJECT
from models.schema import OPTION
from services.access_codes import digests, normalise
from tests.support.settings import settings_for

AT = "0007"
CODE = "K7QF-9TWM-2XHP"
ROWS = """
INSERT INTO orgs (id, name, created_at, version, va_version, accounts_version, members_version)
    VALUES (%(org)s, 'North Books', now(), 1, 1, 1, 1);
INSERT INTO users (id, created_at) VALUES (%(user)s, now());
INSERT INTO memberships
    (id, org_id, user_id, display_name, role, active, token_generation, created_at)
    VALUES (%(member)s, %(org)s, %(user)s, 'Ana Reyes', 'admin', true, 0, now());
INSERT INTO accounts (id, org_id, name, name_casefolded, created_at)
    VALUES (%(account)s, %(org)s, 'Acme Dental', 'acme dental', now());
INSERT INTO access_codes (id, org_id, membership_id, digest, created_at)
    VALUES (%(code)s, %(org)s, %(member)s, %(digest)s, now());
INSERT INTO account_presence
    (id, org_id, account_id, user_id, membership_id, clocked_in_at, last_heartbeat_at)
    VALUES (%(presence)s, %(org)s, %(account)s, %(user)s, %(member)s, now(), now());
INSERT INTO clock_events (id, org_id, kind, account_id, account_name, user_id, display_name,
    presence_id, occurred_at, received_at, version, last_heartbeat_at)
    VALUES (%(event)s, %(org)s, 'clock_in', %(account)s, 'Acme Dental', %(user)s, 'Ana Reyes',
    %(presence)s, now(), now(), 1, now())
"""


def make(url: str) -> None:
    """Make it in the empty database at ``url``; Ana, an admin with :data:`CODE`, is clocked in."""
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg2"), execution_options={OPTION: "public"}
    )
    scripts = ScriptDirectory.from_config(config := Config(toml_file=PYPROJECT))

    def steps(at: Any, _context: object) -> Any:
        return scripts._upgrade_revs(AT, at)

    with (
        engine.begin() as connection,
        EnvironmentContext(config, scripts, fn=steps, destination_rev=AT) as environment,
    ):
        environment.configure(connection=connection)
        environment.run_migrations()
    engine.dispose()
    names = ("org", "user", "member", "account", "code", "presence", "event")
    values: dict[str, Any] = {name: str(uuid4()) for name in names}
    values["digest"] = digests(normalise(CODE), settings_for(url))[0]
    with closing(psycopg2.connect(url)) as client, client.cursor() as cursor:
        cursor.execute(ROWS, values)
        client.commit()
