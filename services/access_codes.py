"""Access codes: made here, shown once, stored as a keyed digest."""

import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.orm import Session

from models import AccessCode, Account, Membership
from models.across_orgs import reach_of_code
from models.few_trips import later
from models.reach import Reach
from models.sign_in import SIGN_IN
from services import audit_log, ending_sessions, keys
from services.change import Change
from services.errors import AccessCodeRejected, NotFound
from services.times import rfc3339
from settings import Settings

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
LENGTH = 12  # 60 random bits, contract.md, "Credentials"
TYPED_LENGTH = 1024  # at most, including spaces and dashes

_USE = (
    update(AccessCode)
    .where(AccessCode.id == bindparam("code_id"))
    .values(last_used_at=bindparam("at"), digest=bindparam("by_current_key"))
)

_NO_SYNC = {"synchronize_session": False}
_WELL_FORMED = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_SPACES_AND_DASHES = re.compile(r"[\s\u2010-\u2015\u2212-]")  # also those that pasting brings
_LOOKALIKES = str.maketrans("ILO", "110")


class BoundAccount(NamedTuple):
    id: UUID
    name: str


class Entered(NamedTuple):
    """A code that is valid, and whose it is.

    :ivar account_id: the only account that it is for
    :ivar unexpired_sessions: how many sessions the member has whose tokens are not all expired
    """

    code_id: UUID
    org_id: UUID
    user_id: UUID
    account_id: UUID | None
    account_name: str | None
    unexpired_sessions: int

    @property
    def account(self) -> BoundAccount | None:
        if self.account_id is None:
            return None
        return BoundAccount(self.account_id, self.account_name or "")


class Look(NamedTuple):
    """:ivar refused_at: when the rate limit counted, in seconds since 1970
    :ivar entered: None for a code that signs nobody in
    """

    refused_at: Sequence[float]
    entered: Entered | None


def normalise(typed: str) -> str:
    """The code as it was made, from what a person typed.

    :raises AccessCodeRejected: it does not have the form of a code
    """
    if len(typed) > TYPED_LENGTH:
        raise AccessCodeRejected
    code = _SPACES_AND_DASHES.sub("", typed)
    code = code.upper().translate(_LOOKALIKES) if code.isascii() else ""
    if not _WELL_FORMED.fullmatch(code):
        raise AccessCodeRejected
    return code


def digests(code: str, settings: Settings) -> list[bytes]:
    """The digests of a normalised code, which are useless without the secret key.

    The first one is stored for a new code; the others are by keys from before a rotation.
    """
    return [hmac.digest(key, code.encode(), sha256) for key in keys.code_keys(settings)]


def digests_of(typed: str, settings: Settings) -> list[bytes]:
    """The digests of a code as typed; none where it does not have the form of a code."""
    try:
        return digests(normalise(typed), settings)
    except AccessCodeRejected:
        return []


def org_of(typed: str, settings: Settings) -> Reach:
    """The org of this access code, for the transaction that checks it."""
    return reach_of_code(digests_of(typed, settings))


def issue(
    change: Change,
    member: Membership,
    *,
    actor: Membership | None,
    account: Account | None = None,
    expires_at: datetime | None = None,
) -> tuple[AccessCode, str]:
    """Make a code for ``member``.

    :param actor: the admin who does it; None for an operator's command
    :param account: the only account that the code is for
    :returns: the row, and the code as people type it, which can't be shown again
    """
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    row = AccessCode(
        org_id=member.org_id,
        membership_id=member.id,
        account_id=account.id if account else None,
        digest=digests(code, change.settings)[0],
        created_at=change.now,
        expires_at=expires_at,
    )
    change.session.add(row)
    change.session.flush()
    known = _known_of(row)
    audit_log.record(
        change, "code_issued", actor=actor, member=member, account=account, details=known
    )
    return row, "-".join(code[start : start + 4] for start in range(0, LENGTH, 4))


def find(session: Session, member: Membership, code_id: UUID) -> AccessCode:
    """The member's code.

    :raises NotFound: the member has no such code
    """
    code = session.scalar(_of(member).where(AccessCode.id == code_id))
    if code is None:
        raise NotFound("access code for this member")
    return code


def list_codes(session: Session, member: Membership) -> list[AccessCode]:
    """The member's codes, the newest first, including revoked and expired ones."""
    newest_first = (AccessCode.created_at.desc(), AccessCode.id)
    return list(session.scalars(_of(member).order_by(*newest_first)))


def revoke(
    change: Change, code: AccessCode, member: Membership, *, actor: Membership | None
) -> None:
    """Revoke a code, once, and end the sessions that it began.

    :param actor: the admin who does it; None for an operator's command
    """
    if code.revoked_at is None:
        code.revoked_at = change.now
        account = change.session.get(Account, code.account_id) if code.account_id else None
        known = _known_of(code)
        audit_log.record(
            change, "code_revoked", actor=actor, member=member, account=account, details=known
        )
        ending_sessions.revoke_sessions_of(change, member, code, actor=actor)


def end_endless(change: Change, ends_at: datetime) -> int:
    """Let the org's codes that never expire, and the sessions that they began, end at ``ends_at``.

    Tokens that were issued before stay valid, but are not renewed beyond that time.

    :returns: how many codes this concerns
    """
    is_endless = AccessCode.expires_at.is_(None) & AccessCode.revoked_at.is_(None)
    ended = change.session.scalars(
        update(AccessCode)
        .where(AccessCode.org_id == change.org.id, is_endless)
        .values(expires_at=ends_at)
        .returning(AccessCode.id),
        execution_options=_NO_SYNC,
    ).all()
    ending_sessions.shorten_sessions_of(change, ended, ends_at)
    return len(ended)


def look(
    session: Session, typed: str, *, limited_as: str, settings: Settings, now: datetime
) -> Look:
    """What is known of a code before anything is locked, in one statement.

    :param session: in the transaction of :func:`org_of`
    :param limited_as: the key of the rate limit
    """
    row = SIGN_IN.run(session, digests=digests_of(typed, settings), key=limited_as, now=now).one()
    columns = dict(row._mapping)
    refused_at = columns.pop("hits") or ()
    return Look(refused_at, Entered(**columns) if row.code_id is not None else None)


def record_use(change: Change, code: AccessCode, typed: str) -> None:
    """Record that a valid code was entered, and store its digest by the current key."""
    digest = digests(normalise(typed), change.settings)[0]
    used = {"code_id": code.id, "at": change.now, "by_current_key": digest}
    later(change.session, _USE, used)


def _of(member: Membership) -> Select[AccessCode]:
    return (
        select(AccessCode)
        .where(AccessCode.membership_id == member.id, AccessCode.org_id == member.org_id)
        .execution_options(populate_existing=True)
    )


def _known_of(code: AccessCode) -> dict[str, str | None]:
    return {"code_id": str(code.id), "expires_at": _time(code.expires_at)}


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
