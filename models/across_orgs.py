"""The few statements that see the rows of all orgs, and may be sent by the service.

On PostgreSQL row-level security shows a transaction its own org alone, so each is a function there,
which runs as the owner of the tables (``models/row_security.py`` makes them). SQLite has no such
thing, and is sent the same statement.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    LargeBinary,
    String,
    Uuid,
    cast,
    delete,
    func,
    not_,
    select,
    update,
)
from sqlalchemy.sql.selectable import ExecutableReturnsRows as Statement

from models.access_code import AccessCode
from models.base import UTCDateTime
from models.heartbeats import is_fresh, is_written_lately
from models.idempotency_key import IdempotencyKey
from models.member import Membership, User
from models.member_session import MemberSession
from models.old_rows import oldest
from models.org import Org
from models.owners_statement import Given, OwnersStatement, Types
from models.presence import Presence
from models.reach import Reach
from models.versions import Versions


def _org_of_code(given: Given) -> Statement:
    return select(AccessCode.org_id).where(given.among(AccessCode.digest, "digests"))


def _due_orgs(given: Given) -> Statement:
    becomes_stale = Presence.stale_since.is_(None) & (
        Presence.last_heartbeat_at <= given.one("unseen_since")
    )
    ends = Presence.last_heartbeat_at <= given.one("expired_since")
    return select(Presence.org_id).where(becomes_stale | ends).distinct()


def _presences_by_state(_given: Given) -> Statement:
    stale = func.count(Presence.stale_since)
    return select(
        cast(func.count() - stale, BigInteger).label("active"),
        cast(stale, BigInteger).label("stale"),
    ).select_from(Presence)


def _write_heartbeats(given: Given) -> Statement:
    # Whoever is locked is left out: a member who is switching must not hold up all the others, and
    # two of these can't deadlock, although they take their rows in any order.
    to_write = (
        select(Presence.id)
        .where(
            given.among(Presence.id, "presence_ids"),
            is_fresh(given.one("expired_since")),
            not_(is_written_lately(given.one("written_since"), given.one("now"))),
        )
        .with_for_update(key_share=True, skip_locked=True)
    )
    return (
        update(Presence)
        .where(Presence.id.in_(to_write))
        .values(last_heartbeat_at=given.one("now"))
        .returning(Presence.id)
    )


def _heartbeats_written_lately(given: Given) -> Statement:
    return select(Presence.id).where(
        given.among(Presence.id, "presence_ids"),
        is_fresh(given.one("expired_since")),
        is_written_lately(given.one("written_since"), given.one("now")),
    )


def _versions_of_orgs(given: Given) -> Statement:
    return select(Org.id, *Versions.columns()).where(given.among(Org.id, "org_ids"))


def _orgs_of_users(given: Given) -> Statement:
    return (
        select(Membership.user_id, Membership.role, Membership.active, Org.id, Org.name)
        .join(Org, Org.id == Membership.org_id)
        .where(given.among(Membership.user_id, "user_ids"))
    )


def _members_versions(_given: Given) -> Statement:
    total = func.coalesce(func.sum(Org.members_version), 0)
    return select(
        cast(func.count(), BigInteger).label("orgs"), cast(total, String).label("total")
    ).select_from(Org)


def _delete_users_in_no_org(given: Given) -> Statement:
    somewhere = select(Membership.id).where(Membership.user_id == User.id).exists()
    return delete(User).where(given.among(User.id, "user_ids"), ~somewhere).returning(User.id)


def _delete_old_keys(given: Given) -> Statement:
    return oldest(IdempotencyKey.created_at, given.one("before"), most=given.one("most"))


def _delete_old_sessions(given: Given) -> Statement:
    return oldest(MemberSession.expires_at, given.one("before"), most=given.one("most"))


_IDS = ARRAY(Uuid())
_TIME = UTCDateTime()
_OLD: Types = {"before": _TIME, "most": Integer()}
_DUE: Types = {"unseen_since": _TIME, "expired_since": _TIME}
_BEATS: Types = {
    "presence_ids": _IDS,
    "now": _TIME,
    "expired_since": _TIME,
    "written_since": _TIME,
}

ORG_OF_CODE = OwnersStatement(
    "org_of_code", {"digests": ARRAY(LargeBinary())}, _org_of_code, finds_by_index=True
)
DUE_ORGS = OwnersStatement("due_orgs", _DUE, _due_orgs)
PRESENCES_BY_STATE = OwnersStatement("presences_by_state", {}, _presences_by_state)
WRITE_HEARTBEATS = OwnersStatement(
    "write_heartbeats", _BEATS, _write_heartbeats, finds_by_index=True
)
HEARTBEATS_WRITTEN_LATELY = OwnersStatement(
    "heartbeats_written_lately", _BEATS, _heartbeats_written_lately, finds_by_index=True
)
VERSIONS_OF_ORGS = OwnersStatement("versions_of_orgs", {"org_ids": _IDS}, _versions_of_orgs)
ORGS_OF_USERS = OwnersStatement("orgs_of_users", {"user_ids": _IDS}, _orgs_of_users)
MEMBERS_VERSIONS = OwnersStatement("members_versions", {}, _members_versions)
DELETE_USERS_IN_NO_ORG = OwnersStatement(
    "delete_users_in_no_org", {"user_ids": _IDS}, _delete_users_in_no_org
)
DELETE_OLD_KEYS = OwnersStatement("delete_old_keys", _OLD, _delete_old_keys)
DELETE_OLD_SESSIONS = OwnersStatement("delete_old_sessions", _OLD, _delete_old_sessions)

STATEMENTS = (
    ORG_OF_CODE,
    DUE_ORGS,
    PRESENCES_BY_STATE,
    WRITE_HEARTBEATS,
    HEARTBEATS_WRITTEN_LATELY,
    VERSIONS_OF_ORGS,
    ORGS_OF_USERS,
    MEMBERS_VERSIONS,
    DELETE_USERS_IN_NO_ORG,
    DELETE_OLD_KEYS,
    DELETE_OLD_SESSIONS,
)


_ORG_OF_CODE = "coalesce((SELECT org_id::text FROM {}(ARRAY[{}]::bytea[])), '')"


def reach_of_code(digests: list[bytes]) -> Reach:
    """The org of the access code with one of these digests, whatever has become of the code."""
    listed = ",".join(f"decode('{digest.hex()}', 'hex')" for digest in digests)
    return Reach(_ORG_OF_CODE.format(ORG_OF_CODE.function, listed))
