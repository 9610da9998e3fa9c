"""PostgreSQL plans what comes with each clock event, sign-in and heartbeat once a connection."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from models.across_orgs import HEARTBEATS_WRITTEN_LATELY, ORG_OF_CODE, WRITE_HEARTBEATS
from models.clock_state import CLOCK_STATE
from models.owners_statement import OwnersStatement
from models.sign_in import SIGN_IN
from services.times import utc_now

NOW = utc_now()
PLANNED = "PLANNER STATISTICS"  # what PostgreSQL says each time
CALLS, FIRST = 12, 6  # it plans the first five in any case
OF_THE_CALL = 1  # the function's caller is planned each time

CODE = {"digests": [b"digest"]}
NOTHING_ELSE = dict.fromkeys(("session_id", "code_id", "key", "account"))
CLOCKING = NOTHING_ELSE | {"org": uuid4(), "member": uuid4(), "is_queued": False}
BEATS = {"presence_ids": [uuid4()], "now": NOW, "expired_since": NOW, "written_since": NOW}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "given"),
    [
        # Where nothing else is asked for, a plan for that alone looks cheaper than one for all.
        (CLOCK_STATE, CLOCKING),
        (CLOCK_STATE, CLOCKING | {"account": uuid4(), "session_id": uuid4(), "is_queued": True}),
        (SIGN_IN, CODE | {"key": "access codes/192.0.2.1", "now": NOW}),
        (ORG_OF_CODE, CODE),
        (WRITE_HEARTBEATS, BEATS),
        (HEARTBEATS_WRITTEN_LATELY, BEATS),
    ],
)
def test_its_plan_is_kept(
    database_url: str, postgresql_server: str, statement: OwnersStatement, given: dict[str, Any]
) -> None:
    database = make_url(database_url).database
    superuser = make_url(postgresql_server).set(drivername="postgresql+psycopg2", database=database)
    engine, plannings = create_engine(superuser), []

    @event.listens_for(engine, "after_cursor_execute")
    def count(_connection: Any, cursor: Any, *_: Any) -> None:
        plannings.append(sum(PLANNED in notice for notice in cursor.connection.notices))

    with Session(engine) as session:
        # Only a superuser may ask for this; the functions run as their owner.
        session.execute(text("SET log_planner_stats = on; SET client_min_messages = log"))
        session.execute(text("SET search_path = presence"))
        plannings.clear()
        for _ in range(CALLS):
            statement.run(session, **given).all()
    engine.dispose()
    # An ANALYZE meanwhile has it planned anew.
    assert min(plannings[FIRST:]) == OF_THE_CALL < plannings[0], plannings
