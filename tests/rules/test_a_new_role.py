"""A role is a line in one file and a migration: a copy of the project gets a new one."""

import json
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from models import migrations
from tests.support.databases import database_of
from tests.support.server import copy_project, environment, running_server
from tests.support.settings import SECRET_KEY
from tests.support.stage import edit

FIRST_ROLE = '        Role("admin", rank=0, sees=PEOPLE, administers=True),\n'
MANAGER = '        Role("manager", rank=50, sees=PEOPLE, administers=False),\n'
# On SQLite by the way of its own documentation ("Making Other Kinds Of Table Schema Changes"): a
# CHECK that allows more changes no row, and a new table would cascade through the sessions.
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "HEAD"
branch_labels = None
depends_on = None

BEFORE = "role IN ('admin', 'va', 'service')"
AFTER = "role IN ('admin', 'manager', 'va', 'service')"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        schema = op.get_bind().exec_driver_sql("PRAGMA schema_version").scalar_one()
        op.execute("PRAGMA writable_schema = ON")
        op.execute(
            sa.text(
                "UPDATE sqlite_schema SET sql = replace(sql, :before, :after)"
                " WHERE name = 'memberships'"
            ).bindparams(before=BEFORE, after=AFTER)
        )
        op.execute(f"PRAGMA schema_version = {schema + 1}")
        op.execute("PRAGMA writable_schema = OFF")
    else:
        op.drop_constraint(op.f("ck_memberships_role"), "memberships", type_="check")
        op.create_check_constraint(op.f("ck_memberships_role"), "memberships", AFTER)
""".replace("HEAD", str(migrations.head_revision()))


@dataclass
class Place:
    """A server that knows managers, with the demo org in its database."""

    project: Path
    settings: dict[str, str]
    host: str
    demo: dict[str, Any]

    def flask(self, *arguments: str) -> Any:
        return flask(self.project, self.settings, *arguments)

    def connect(self) -> HTTPConnection:
        return HTTPConnection(self.host, timeout=60)

    def ask(self, method: str, path: str, token: str | None = None, **body: Any) -> Any:
        """The status, and the JSON."""
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        with closing(self.connect()) as connection:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")

    def token(self, role: str) -> str:
        """Of the first member of the demo with this role."""
        members = self.demo["members"]
        return next(str(member["token"]) for member in members if member["role"] == role)


def flask(project: Path, settings: dict[str, str], *arguments: str) -> Any:
    program = Path(sysconfig.get_path("scripts")) / "flask"
    done = subprocess.run(
        [program, "--app", "app", *arguments, "--json"],
        cwd=project,
        env=environment(**settings),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("manager")
    project = copy_project(folder / "presence")
    edit(project / "models/roles.py", FIRST_ROLE, FIRST_ROLE + MANAGER)
    (project / "alembic/versions/9999_managers.py").write_text(MIGRATION)
    with database_of(request, folder) as url:
        settings = {"DATABASE_URL": url, "PRESENCE_SECRET_KEY": SECRET_KEY}
        with running_server(project, **settings) as server:
            demo = flask(project, settings, "demo")
            yield Place(project, settings, urlsplit(server.url).netloc, demo)


@pytest.fixture(scope="module")
def noor(place: Place) -> dict[str, Any]:
    """A manager who signed in with an access code: the session."""
    org = place.demo["org"]["id"]
    made = place.flask("member", "add", "--org", org, "--name", "Noor Haddad", "--role", "manager")
    code = place.flask("code", "issue", "--member", made["id"])["access_code"]
    status, session = place.ask("POST", "/v1/sessions", access_code=code)
    assert (status, session["member"]["role"]) == (200, "manager")
    assert isinstance(session, dict)
    return session


def test_a_manager_polls_the_peoples_view_by_lane_gate_and_flask(
    place: Place, noor: dict[str, Any]
) -> None:
    account = place.demo["accounts"][0]["id"]
    place.ask("POST", "/v1/clock-in", place.token("va"), account_id=account)
    bearer = {"Authorization": f"Bearer {noor['token']}"}
    with closing(place.connect()) as connection:
        by_flask = polled(connection, bearer | {"Content-Length": "0"}, 200)
        body = json.loads(by_flask.read())
        assert body["view"] == "admin"
        assert [entry["display_name"] for entry in body["presence"]] == ["Ana Reyes"]
        by_gate = polled(connection, bearer, 200)
        assert json.loads(by_gate.read()) == body
        assert by_gate.headers["ETag"] == by_flask.headers["ETag"]
        known = bearer | {"If-None-Match": by_gate.headers["ETag"]}
        for headers in (known, known | {"Content-Length": "0"}, known, known, known):
            polled(connection, headers, 304).read()
        connection.request("GET", "/metrics")
        metrics = connection.getresponse().read().decode()
    for part in ("lane", "gate"):
        assert f'presence_polls_total{{by="{part}",outcome="304"}}' in metrics


def polled(connection: HTTPConnection, headers: dict[str, str], status: int) -> HTTPResponse:
    connection.request("GET", "/v1/presence", headers=headers)
    answer = connection.getresponse()
    assert answer.status == status
    return answer


def test_a_manager_administers_nothing(place: Place, noor: dict[str, Any]) -> None:
    openapi = place.ask("GET", "/openapi.json")[1]
    unknown = "00000000-0000-4000-8000-000000000000"
    reads = [
        path.format(**dict.fromkeys(("member_id", "account_id", "code_id", "session_id"), unknown))
        for path, operations in openapi["paths"].items()
        if path.startswith("/v1/admin/") and "get" in operations
    ]
    assert len(reads) > 5
    for path in reads:
        status, problem = place.ask("GET", path, noor["token"])
        assert (status, problem["code"]) == (403, "admin_only"), path
    status, problem = place.ask("POST", "/v1/admin/accounts", noor["token"], name="New")
    assert (status, problem["code"]) == (403, "admin_only")


def test_members_are_in_the_order_of_ranks(place: Place, noor: dict[str, Any]) -> None:
    _, listed = place.ask("GET", "/v1/admin/members", place.token("admin"))
    roles = [member["role"] for member in listed["members"]]
    assert roles == ["admin"] * 2 + ["manager"] + ["va"] * 6
    assert noor["member"]["id"] == listed["members"][2]["id"]


def test_an_admin_gives_the_role_but_not_as_the_last_one(place: Place) -> None:
    admin = place.token("admin")
    one, other = (member for member in place.demo["members"] if member["role"] == "admin")
    status, changed = place.ask("PATCH", f"/v1/admin/members/{other['id']}", admin, role="manager")
    assert (status, changed["role"]) == (200, "manager")
    status, problem = place.ask("PATCH", f"/v1/admin/members/{one['id']}", admin, role="manager")
    assert (status, problem["code"]) == (409, "last_admin")
    place.ask("PATCH", f"/v1/admin/members/{other['id']}", admin, role="admin")


def test_openapi_knows_the_role(place: Place) -> None:
    schemas = place.ask("GET", "/openapi.json")[1]["components"]["schemas"]
    for name in ("NewMember", "MemberChanges", "Member", "ManagedMember"):
        assert schemas[name]["properties"]["role"]["enum"] == ["admin", "manager", "va"]
