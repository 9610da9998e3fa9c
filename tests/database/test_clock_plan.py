"""A clock event finds what it is decided by through indexes, however large the org is."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import event, insert, text
from sqlalchemy.orm import Session

from models import Account, ClockEvent, Membership, Org, Presence, User
from models.clock_state import CLOCK_STATE
from models.reach import EVERY_ORG, Reach
from models.versions import Versions
from services.times import utc_now
from tests.support.world import World

MEMBERS = 4_000
EVENTS = 5  # of each
NOW = utc_now()


def grow(session: Session, org_id: UUID) -> None:
    """Make the org large, with each member on an account of theirs, and others beside it."""
    versions = dict.fromkeys(Versions._fields, 1)
    others = [{"id": uuid4(), "name": "Other", "created_at": NOW, **versions} for _ in range(1000)]
    session.execute(insert(Org), others)
    ids = [uuid4() for _ in range(MEMBERS)]  # of user, membership, account and presence alike
    each = [{"id": id_, "org_id": org_id, "created_at": NOW} for id_ in ids]
    member = {"display_name": "Ana", "role": "va", "active": True, "token_generation": 0}
    at = {"clocked_in_at": NOW, "last_heartbeat_at": NOW}
    session.execute(insert(User), [{"id": id_, "created_at": NOW} for id_ in ids])
    session.execute(insert(Membership), [row | member | {"user_id": row["id"]} for row in each])
    named = {"name": "Acme", "name_casefolded": "acme"}
    session.execute(insert(Account), [row | named for row in each])
    theirs = ("account_id", "user_id", "membership_id")
    session.execute(
        insert(Presence),
        [{"id": i, "org_id": org_id, **at, **dict.fromkeys(theirs, i)} for i in ids],
    )
    same = {"org_id": org_id, "kind": "clock_in", "account_name": "Acme", "display_name": "Ana"}
    same |= dict.fromkeys(("occurred_at", "received_at", "last_heartbeat_at"), NOW) | {"version": 1}
    subject = ("account_id", "user_id", "presence_id")
    session.execute(
        insert(ClockEvent), [same | dict.fromkeys(subject, id_) for id_ in ids * EVENTS]
    )


def test_what_a_clock_event_is_decided_by_is_found_by_indexes(world: World) -> None:
    database, ana, acme = world.database, world.va(), world.account()
    prefix = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    plans: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        cursor.execute(prefix + statement, parameters)
        plans.append("\n".join(" ".join(map(str, row)) for row in cursor))

    with database.write(EVERY_ORG) as session:
        grow(session, world.id)
        session.execute(text("ANALYZE"))
    given = {"org": world.id, "member": ana.user_id, "session_id": ana.id, "key": "one"}
    given |= {"account": acme.id, "code_id": acme.id, "is_queued": True}
    # PostgreSQL's function is the owner's.
    reaches: tuple[UUID | Reach, ...] = (world.id, EVERY_ORG)
    for reach in reaches:
        with database.write(reach) as session:
            connection = session.connection()
            event.listen(database.engine, "before_cursor_execute", explain)
            try:
                connection.execute(CLOCK_STATE.statement, given)
            finally:
                event.remove(database.engine, "before_cursor_execute", explain)
    for plan in plans:
        for table in ("orgs", "memberships", "accounts", "account_presence", "clock_events"):
            assert f"Seq Scan on {table}" not in plan
        assert not [line for line in plan.split("\n") if " SCAN " in line]
    assert len(plans) == 2
