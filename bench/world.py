"""Many members at once, put into a database by bulk inserts, with tokens of the service's own."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert

from bench.servers import Place
from models import AccessCode, Account, Base, MemberSession, Membership, Org, Presence, User
from models.reach import EVERY_ORG
from models.versions import Versions
from services import tokens
from services.access_codes import ALPHABET, LENGTH, digests
from services.times import unix_milliseconds, utc_now

ADMIN_OF = 10  # every tenth member is an admin


@dataclass(slots=True)
class BenchMember:
    """A member with a token and an access code, and where they are now.

    :ivar account: the id of the account that they are on, or None
    :ivar beaten_at: when the last heartbeat was sent, by time.monotonic()
    """

    id: UUID
    user_id: UUID
    token: str
    code: str
    account: str | None = None
    presence_id: str | None = None
    beaten_at: float = 0


@dataclass(slots=True)
class BenchOrg:
    """An org; ``free`` are the ids of its accounts that nobody is on, the longest free first."""

    id: UUID
    people: list[BenchMember]
    free: deque[str]


def build(
    place: Place, *, orgs: int, members: int, occupied: int, spare: int = 10, beaten_ago: float = 0
) -> list[BenchOrg]:
    """Make ``orgs`` orgs.

    :param members: in each org
    :param occupied: accounts in each org that somebody is on
    :param spare: further accounts in each
    :param beaten_ago: how many seconds ago everyone clocked in
    """
    now = utc_now()
    rows: dict[type[Base], list[dict[str, Any]]] = {
        table: [] for table in (Org, User, Membership, MemberSession, AccessCode, Account, Presence)
    }
    bench_orgs = [
        _org(place, rows, f"Org {number}", members, occupied, spare, now, beaten_ago)
        for number in range(orgs)
    ]
    with place.database.write(EVERY_ORG) as session:
        for table, values in rows.items():
            for start in range(0, len(values), 5000):
                session.execute(insert(table), values[start : start + 5000])
    return bench_orgs


def _org(
    place: Place,
    rows: dict[type[Base], list[dict[str, Any]]],
    name: str,
    members: int,
    occupied: int,
    spare: int,
    now: datetime,
    beaten_ago: float,
) -> BenchOrg:
    versions = dict.fromkeys(Versions._fields, unix_milliseconds(now))
    org_id = uuid4()
    rows[Org].append({"id": org_id, "name": name, "created_at": now, **versions})
    accounts = [uuid4() for _ in range(occupied + spare)]
    for number, account_id in enumerate(accounts):
        named = {"name": f"Account {number}", "name_casefolded": f"account {number}"}
        rows[Account].append({"id": account_id, "org_id": org_id, "created_at": now, **named})
    people = [_member(place, rows, org_id, number, now) for number in range(members)]
    since = now - timedelta(seconds=beaten_ago)
    _seat(rows[Presence], org_id, people, accounts[:occupied], since)
    return BenchOrg(org_id, people, deque(str(id_) for id_ in accounts[occupied:]))


def _member(
    place: Place,
    rows: dict[type[Base], list[dict[str, Any]]],
    org_id: UUID,
    number: int,
    now: datetime,
) -> BenchMember:
    member = {
        "id": uuid4(),
        "org_id": org_id,
        "user_id": uuid4(),
        "display_name": f"Member {number}",
        "role": "va" if number % ADMIN_OF else "admin",
        "active": True,
        "token_generation": 0,
        "created_at": now,
    }
    rows[User].append({"id": member["user_id"], "created_at": now})
    rows[Membership].append(member)
    ends_at = now + timedelta(seconds=place.settings.token_ttl)
    session = {
        "id": uuid4(),
        "org_id": org_id,
        "membership_id": member["id"],
        "created_at": now,
        "renewable_until": ends_at,
        "expires_at": ends_at,
    }
    rows[MemberSession].append(session)
    token = tokens.issue(
        Membership(**member),
        MemberSession(**session),
        expires_at=ends_at,
        settings=place.settings,
        now=now,
    )
    code = "".join(Random(org_id.int + number).choices(ALPHABET, k=LENGTH))
    rows[AccessCode].append(
        {
            "id": uuid4(),
            "org_id": org_id,
            "membership_id": member["id"],
            "digest": digests(code, place.settings)[0],
            "created_at": now,
        }
    )
    return BenchMember(token.claims.membership_id, token.claims.user_id, token.raw, code)


def _seat(
    rows: list[dict[str, Any]],
    org_id: UUID,
    people: Sequence[BenchMember],
    accounts: Sequence[UUID],
    since: datetime,
) -> None:
    for member, account_id in zip(people, accounts, strict=False):
        presence_id = uuid4()
        rows.append(
            {
                "id": presence_id,
                "org_id": org_id,
                "account_id": account_id,
                "user_id": member.user_id,
                "membership_id": member.id,
                "clocked_in_at": since,
                "last_heartbeat_at": since,
                "stale_since": None,
            }
        )
        member.account, member.presence_id = str(account_id), str(presence_id)
