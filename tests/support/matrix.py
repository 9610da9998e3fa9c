"""Who may do what: every endpoint with what it takes, and an org to ask it of."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, select

from models import Base, Membership, User
from models.database import Database
from models.reach import EVERY_ORG
from services import directory, tokens
from services.listed_members import ListedMember
from services.times import utc_now
from settings import Settings
from tests.support.app_client import AppAnswer, AppClient
from tests.support.services import service
from tests.support.world import World, ago
from wire.authorization import bearer_in

Json = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """What is sent to it, and how it answers one who may.

    :ivar to: who may: ``anyone``, ``members`` or ``admins``
    :ivar scope: which scope lets a service in; None where none does
    :ivar foreign: the answer for an admin of another org who sends this org's ids
    :ivar elsewhere: the answer for one who is bound to another account than they are on
    """

    to: str
    ok: int
    body: Json | None = None
    query: Json = field(default_factory=dict)
    foreign: tuple[int, str] | None = None
    elsewhere: tuple[int, str] | None = None
    scope: str | None = None


BOUND = ("bound va", "bound admin")  # to the account whose id is free_id
OURS = ("va", "admin", *BOUND)
NO_ACCOUNT = (404, "account_not_found")
NOT_FOUND = (404, "not_found")
ID_TAKEN = (409, "id_taken")
ENDED = (410, "presence_ended")
NOT_ALLOWED = (403, "account_not_allowed")

IN_BOTH = "Kim Lund"  # a user who is a member of both orgs

ENDPOINTS = {
    "GET /healthz": Endpoint("anyone", 200),
    "GET /readyz": Endpoint("anyone", 200),
    "GET /metrics": Endpoint("anyone", 200),
    "GET /openapi.json": Endpoint("anyone", 200),
    "GET /docs": Endpoint("anyone", 200),
    "GET /problems/{problem}": Endpoint("anyone", 200),
    "GET /": Endpoint("anyone", 200),
    "GET /board/{name}": Endpoint("anyone", 200),
    "GET /client/{module}": Endpoint("anyone", 200),
    "POST /v1/sessions": Endpoint("anyone", 200, {"access_code": "{code}"}),
    "POST /v1/sessions/renew": Endpoint("members", 200, {}),
    "DELETE /v1/sessions/current": Endpoint("members", 204),
    "GET /v1/me": Endpoint("members", 200, scope="presence:read"),
    "GET /v1/me/sessions": Endpoint("members", 200),
    "DELETE /v1/me/sessions/{session_id}": Endpoint("members", 204, foreign=NOT_FOUND),
    "GET /v1/accounts": Endpoint("members", 200, scope="presence:read"),
    "GET /v1/presence": Endpoint("members", 200, scope="presence:read"),
    "POST /v1/clock-in": Endpoint("members", 201, {"account_id": "{free_id}"}, foreign=NO_ACCOUNT),
    "POST /v1/heartbeat": Endpoint(
        "members", 204, {"presence_id": "{presence_id}"}, foreign=ENDED, elsewhere=NOT_ALLOWED
    ),
    "POST /v1/clock-out": Endpoint(
        "members", 200, {"presence_id": "{presence_id}"}, foreign=ENDED, elsewhere=NOT_ALLOWED
    ),
    "DELETE /v1/admin/presence": Endpoint(
        "admins", 200, query={"stale_for": "300"}, scope="presence:write"
    ),
    "DELETE /v1/admin/presence/{account_id}": Endpoint(
        "admins", 204, foreign=NO_ACCOUNT, scope="presence:write"
    ),
    "GET /v1/admin/accounts": Endpoint("admins", 200, scope="directory:write"),
    "POST /v1/admin/accounts": Endpoint(
        "admins", 201, {"name": "Delta Plumbing"}, scope="directory:write"
    ),
    "PATCH /v1/admin/accounts/{account_id}": Endpoint(
        "admins", 200, {"name": "Delta Plumbing"}, foreign=NO_ACCOUNT, scope="directory:write"
    ),
    "GET /v1/admin/members": Endpoint("admins", 200, scope="directory:write"),
    "POST /v1/admin/members": Endpoint(
        "admins", 201, {"display_name": "Eve", "role": "admin"}, scope="directory:write"
    ),
    "PATCH /v1/admin/members/{member_id}": Endpoint(
        "admins",
        200,
        {"role": "admin", "active": False},
        foreign=NOT_FOUND,
        scope="directory:write",
    ),
    "POST /v1/admin/members/{member_id}/revoke-tokens": Endpoint(
        "admins", 204, {}, foreign=NOT_FOUND
    ),
    "GET /v1/admin/members/{member_id}/access-codes": Endpoint("admins", 200, foreign=NOT_FOUND),
    "POST /v1/admin/members/{member_id}/access-codes": Endpoint(
        "admins", 201, {}, foreign=NOT_FOUND
    ),
    "DELETE /v1/admin/members/{member_id}/access-codes/{code_id}": Endpoint(
        "admins", 204, foreign=NOT_FOUND
    ),
    "GET /v1/admin/members/{member_id}/sessions": Endpoint("admins", 200, foreign=NOT_FOUND),
    "DELETE /v1/admin/members/{member_id}/sessions/{session_id}": Endpoint(
        "admins", 204, foreign=NOT_FOUND
    ),
    "PUT /v1/admin/accounts/{account_id}": Endpoint(
        "admins", 200, {"name": "Acme Dental"}, foreign=ID_TAKEN, scope="directory:write"
    ),
    "PUT /v1/admin/users/{user_id}": Endpoint(
        "admins", 200, {"display_name": IN_BOTH, "role": "va"}, scope="directory:write"
    ),
    "DELETE /v1/admin/users/{user_id}": Endpoint(
        "admins", 204, query={"erase": "true"}, foreign=NOT_FOUND, scope="directory:write"
    ),
    "PUT /v1/admin/directory": Endpoint(
        "admins", 200, {"accounts": []}, {"prune": "true"}, scope="directory:write"
    ),
    "GET /v1/admin/services": Endpoint("admins", 200),
    "POST /v1/admin/services": Endpoint(
        "admins", 201, {"name": "Payroll", "scopes": ["history:read"]}
    ),
    "DELETE /v1/admin/services/{service_id}": Endpoint("admins", 204, foreign=NOT_FOUND),
    "GET /v1/admin/clock-events": Endpoint(
        "admins", 200, query={"account_id": "{account_id}"}, scope="history:read"
    ),
    "GET /v1/admin/audit-events": Endpoint(
        "admins", 200, query={"user_id": "{user_id}"}, scope="history:read"
    ),
    "GET /v1/admin/time": Endpoint(
        "admins", 200, query={"by": "member,account"}, scope="history:read"
    ),
}


class Scene:
    """An org in which there is something to do for everyone, and another one beside it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.world, self.other = world, other = (
            World(database, settings, "Ours"),
            World(database, settings, "Theirs"),
        )
        self.people = {
            "va": world.va("Ana Reyes"),
            "admin": world.admin("Maya Chen"),
            "foreign admin": other.admin("Zoe Quist"),
            "bound va": world.va("Kai Ito"),
            "bound admin": world.admin("Tom Okafor"),
        }
        self.presences = {}
        for who, member in self.people.items():
            of = other if who == "foreign admin" else world
            held = of.clock_in(member, of.account(f"Account of {who}"))
            self.presences[who] = str(held.presence_id)
        ben, acme = world.va("Ben Cruz"), world.account("Acme Dental")
        world.clock_in(ben, acme, ago(600))
        self.code = world.code(self.people["va"])
        heron = world.account("Heron Bakery")
        self.bearers = {
            who: (other if who == "foreign admin" else world).bearer(
                member, account=heron if who in BOUND else None
            )
            for who, member in self.people.items()
        }
        self.in_both = uuid4()
        for of in (world, other):
            with of.changing() as change:
                kim = ListedMember(self.in_both, IN_BOTH, "va", active=True)
                directory.sync(change, members=[kim], actor=None)
        self.bens_session = self._session_of(world.bearer(ben))
        self.ids = {
            "account_id": str(acme.id),
            "free_id": str(heron.id),
            "member_id": str(ben.id),
            "user_id": str(ben.user_id),
            "code_id": str(_code_of(world, ben)),
            "service_id": str(service(world).id),
            "name": "main.js",
            "problem": "internal_error",
            "module": "calls.js",
        }

    def authorization(self, who: str) -> dict[str, str]:
        """The caller's header."""
        if who == "missing":
            return {}
        if who == "foreign admin":
            return self.other.bearer(self.people[who])  # anew, once they have signed out
        if who in self.people:
            return self.bearers[who]
        noor = self.world.admin("Noor Haddad")
        headers = self.world.bearer(noor, ttl_seconds=-1 if who == "expired" else None)
        if who == "revoked":
            self.world.revoke_tokens(noor)
        if who == "deactivated":
            self.world.deactivate(noor)
        if who == "signed_out":
            self.world.sign_out(noor)
        return headers

    def call(self, client: AppClient, name: str, who: str, headers: dict[str, str]) -> AppAnswer:
        """Send what the endpoint takes: a member's own presence, and our org's ids."""
        method, path = name.split(" ")
        endpoint, known = ENDPOINTS[name], self._known_to(who)
        if "{member_id}" in path:
            known["session_id"] = self.bens_session
        if name == "PUT /v1/admin/users/{user_id}":
            known["user_id"] = str(self.in_both)
        return client.open(
            path.format(**known),
            method=method,
            json=_filled(endpoint.body, known),
            query_string=_filled(endpoint.query, known),
            headers=headers,
        )

    def _known_to(self, who: str) -> dict[str, str]:
        own = who if who in OURS else "va"
        return self.ids | {
            "code": self.code,
            "presence_id": self.presences[own],
            "session_id": self._session_of(self.bearers[own]),
        }

    def _session_of(self, headers: dict[str, str]) -> str:
        token = tokens.verify(
            bearer_in(headers["Authorization"]), self.world.settings, now=utc_now()
        )
        return str(token.claims.session_id)


def _code_of(world: World, member: Membership) -> Any:
    """The id of a new code of theirs."""
    world.code(member)
    return world.log()[-1].details["code_id"]


def _filled(given: Json | None, known: dict[str, str]) -> Json | None:
    if given is None:
        return None
    return {
        name: value.format(**known) if isinstance(value, str) else value
        for name, value in given.items()
    }


def fingerprint(world: World) -> str:
    """A hash over all rows that the org has."""
    with world.database.read(EVERY_ORG) as session:
        rows = [
            (table.name, sorted(map(repr, session.execute(_of_org(table, world)))))
            for table in Base.metadata.sorted_tables
            if table.name not in ("rate_limits", "issuer_keys")  # of addresses, not of orgs
        ]
    return sha256(repr(rows).encode()).hexdigest()


def _of_org(table: Table, world: World) -> Any:
    if table.name == "users":
        theirs = select(Membership.user_id).where(Membership.org_id == world.id)
        return select(table).where(User.id.in_(theirs))
    if table.name == "services":  # noted in the background, whatever the answer
        columns = [column for column in table.c if column.name != "last_used_at"]
        return select(*columns).where(table.c.org_id == world.id)
    return select(table).where((table.c.id if table.name == "orgs" else table.c.org_id) == world.id)
