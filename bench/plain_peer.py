"""The plain peer's server and its world: the same orgs, members and accounts as ours."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import create_engine, insert, text
from sqlalchemy.engine import make_url

from bench import plain
from bench.servers import Place, Server, gunicorn
from bench.world import BenchMember, BenchOrg

OPTIONS = (
    *("--worker-class", "gthread", "--threads", str(plain.THREADS)),
    *("--worker-connections", "4096", "--keep-alive", "75", "--backlog", "4096"),
    "--no-control-socket",
)
# Our gunicorn.conf.py is not for it; a module without settings stands in its place.
NO_CONFIG = "python:bench"


@contextmanager
def serving_plain(place: Place, workers: int) -> Iterator[Server]:
    with gunicorn(
        "bench.plain:create_app()", place, *OPTIONS, workers=workers, config=NO_CONFIG
    ) as server:
        yield server


def build_plain(
    database_url: str, *, orgs: int, members: int, occupied: int, spare: int
) -> list[BenchOrg]:
    """Make its tables, and fill them. The arguments are those of ``bench.world.build()``."""
    rows: dict[type[plain.Base], list[dict[str, Any]]] = {
        table: [] for table in (plain.MemberRow, plain.AccountRow, plain.PresenceRow)
    }
    bench_orgs = [_org(rows, members, occupied, spare) for _ in range(orgs)]
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg2"))
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS plain"))
        plain.Base.metadata.create_all(connection)
        for table, values in rows.items():
            for start in range(0, len(values), 5000):
                connection.execute(insert(table), values[start : start + 5000])
    engine.dispose()
    return bench_orgs


def _org(
    rows: dict[type[plain.Base], list[dict[str, Any]]], members: int, occupied: int, spare: int
) -> BenchOrg:
    org_id, at = uuid4(), datetime.now(UTC) - timedelta(minutes=1)
    accounts = [uuid4() for _ in range(occupied + spare)]
    rows[plain.AccountRow] += [
        {"id": id_, "org_id": org_id, "name": f"Account {number}"}
        for number, id_ in enumerate(accounts)
    ]
    people = []
    for number in range(members):
        member_id, code = uuid4(), uuid4().hex
        member = BenchMember(member_id, member_id, plain.token(member_id, org_id), code)
        digest = plain.digest_of(code)
        rows[plain.MemberRow].append(
            {"id": member_id, "org_id": org_id, "name": f"Member {number}", "code_digest": digest}
        )
        if number < occupied:
            presence_id, account_id = uuid4(), accounts[number]
            rows[plain.PresenceRow].append(
                {
                    "id": presence_id,
                    "member_id": member_id,
                    "account_id": account_id,
                    "org_id": org_id,
                    "clocked_in_at": at,
                    "last_heartbeat_at": at,
                }
            )
            member.account, member.presence_id = str(account_id), str(presence_id)
        people.append(member)
    return BenchOrg(org_id, people, deque(str(id_) for id_ in accounts[occupied:]))
