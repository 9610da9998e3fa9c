"""What a clock event is decided by, in one statement, which locks the org and then reads it all.

On PostgreSQL it is a function, whose plan is kept: planning these joins takes several times as long
as running them.
"""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, FromClause, String, Uuid, case, func, select
from sqlalchemy.sql.selectable import ExecutableReturnsRows, ScalarSelect

from models.access_code import AccessCode
from models.account import Account
from models.clock_event import ClockEvent
from models.idempotency_key import IdempotencyKey
from models.member import Membership
from models.member_session import MemberSession
from models.org import Org
from models.owners_statement import Given, OwnersStatement, Types
from models.presence import Presence

# Of the caller, whose columns have these names with a prefix.
MEMBER = tuple(Membership.__table__.c.keys())
ORG = tuple(Org.__table__.c.keys())
SESSION = ("id", "account_id", "ended_reason")
CODE = ("id", "account_id", "expires_at", "revoked_at")
REMEMBERED = ("digest", "answer")

_TAKES: Types = {
    "org": Uuid(),
    "member": Uuid(),  # their user id
    "session_id": Uuid(),
    "code_id": Uuid(),
    "key": String(),
    "account": Uuid(),
    "is_queued": Boolean(),
}

_member = Membership.__table__.alias("member")
_org = Org.__table__.alias("org")
_session = MemberSession.__table__.alias("session")
_code = AccessCode.__table__.alias("code")
_remembered = IdempotencyKey.__table__.alias("remembered")
_account = Account.__table__.alias("account")
_own = Presence.__table__.alias("own")
_own_account = Account.__table__.alias("own_account")
_holder = Presence.__table__.alias("holder")
_holding = Membership.__table__.alias("holding")
_event = ClockEvent.__table__.alias("event")


def _named(prefix: str, of: FromClause, names: tuple[str, ...]) -> list[ColumnElement[Any]]:
    return [of.c[name].label(f"{prefix}_{name}") for name in names]


def _held(
    prefix: str, presence: FromClause, account: FromClause, by: FromClause
) -> list[ColumnElement[Any]]:
    """The columns of ``services/presences.py: Held``."""
    kept = ("account_id", "user_id", "membership_id", "clocked_in_at")
    return [
        presence.c.id.label(f"{prefix}_presence_id"),
        *_named(prefix, presence, (*kept, "last_heartbeat_at", "stale_since")),
        account.c.name.label(f"{prefix}_account_name"),
        by.c.display_name.label(f"{prefix}_display_name"),
    ]


def _if_queued(given: Given, found: ScalarSelect[Any]) -> ColumnElement[Any]:
    return case((given.one("is_queued"), found))


def _clock_state(given: Given) -> ExecutableReturnsRows:
    # Becoming stale does not count: the member did not do it, and may have been offline.
    previous = select(func.max(_event.c.occurred_at)).where(
        _event.c.org_id == _member.c.org_id,
        _event.c.user_id == _member.c.user_id,
        _event.c.kind != "stale",
    )
    start = select(_event.c.occurred_at).where(
        _event.c.org_id == _own.c.org_id,
        _event.c.presence_id == _own.c.id,
        _event.c.kind.in_(("clock_in", "switch")),
    )
    return (
        select(
            *_named("member", _member, MEMBER),
            *_named("org", _org, ORG),
            *_named("session", _session, SESSION),
            *_named("code", _code, CODE),
            *_named("remembered", _remembered, REMEMBERED),
            *_named("account", _account, ("id", "name")),
            *_held("own", _own, _own_account, _member),
            *_held("holder", _holder, _account, _holding),
            _if_queued(given, previous.scalar_subquery()).label("previous_at"),
            _if_queued(given, start.scalar_subquery()).label("started_at"),
        )
        .select_from(_member)
        .join(_org, _org.c.id == _member.c.org_id)
        .outerjoin(
            _session,
            (_session.c.id == given.one("session_id")) & (_session.c.membership_id == _member.c.id),
        )
        .outerjoin(
            _code,
            (_code.c.id == given.one("code_id")) & (_code.c.membership_id == _member.c.id),
        )
        .outerjoin(
            _remembered,
            (_remembered.c.membership_id == _member.c.id) & (_remembered.c.key == given.one("key")),
        )
        .outerjoin(
            _own, (_own.c.user_id == _member.c.user_id) & (_own.c.org_id == _member.c.org_id)
        )
        .outerjoin(_own_account, _own_account.c.id == _own.c.account_id)
        .outerjoin(
            _account,
            (_account.c.id == given.one("account"))
            & (_account.c.org_id == _member.c.org_id)
            & _account.c.archived_at.is_(None),
        )
        .outerjoin(_holder, _holder.c.account_id == _account.c.id)
        .outerjoin(_holding, _holding.c.id == _holder.c.membership_id)
        .where(_member.c.org_id == given.one("org"), _member.c.user_id == given.one("member"))
    )


CLOCK_STATE = OwnersStatement(
    "clock_state", _TAKES, _clock_state, crosses_orgs=False, locks_org=True, finds_by_index=True
)
