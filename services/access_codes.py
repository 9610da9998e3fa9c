"""Access codes: made here, shown once, kept as a keyed digest."""

import hmac
import re
import secrets
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from models import AccessCode, Account, Membership
from services.errors import AccessCodeRejected
from settings import Settings

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
LENGTH = 12  # 60 random bits, contract.md, "Credentials"

_WELL_FORMED = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_SPACES_AND_DASHES = re.compile(r"[\s\u2010-\u2015\u2212-]")  # also those that pasting brings
_LOOKALIKES = str.maketrans("ILO", "110")


def normalise(typed: str) -> str:
    """The code as it was made, from what a person typed.

    :raises AccessCodeRejected: it can't be a code
    """
    code = _SPACES_AND_DASHES.sub("", typed)
    code = code.upper().translate(_LOOKALIKES) if code.isascii() else ""
    if not _WELL_FORMED.fullmatch(code):
        raise AccessCodeRejected
    return code


def digest(code: str, settings: Settings) -> bytes:
    """What is kept of a normalised code: useless without the secret key."""
    key = hmac.digest(settings.secret_key, b"presence access codes", sha256)
    return hmac.digest(key, code.encode(), sha256)


def issue(
    session: Session,
    member: Membership,
    *,
    settings: Settings,
    now: datetime,
    account: Account | None = None,
    expires_at: datetime | None = None,
) -> tuple[AccessCode, str]:
    """Make a code for ``member``.

    :param account: the only account that the code is for
    :returns: the row, and the code as people type it, which can't be had again
    """
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    row = AccessCode(
        org_id=member.org_id,
        membership_id=member.id,
        account_id=account.id if account else None,
        digest=digest(code, settings),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return row, "-".join(code[start : start + 4] for start in range(0, LENGTH, 4))


def valid(typed: str, *, settings: Settings, now: datetime) -> Select[UUID, UUID, UUID | None]:
    """A query for the org, the membership and the bound account of a code that lets in now.

    All that can be wrong with a code is asked at once, so that no answer takes longer.

    :raises AccessCodeRejected: it can't be a code
    """
    return (
        select(AccessCode.org_id, AccessCode.membership_id, AccessCode.account_id)
        .join(Membership, Membership.id == AccessCode.membership_id)
        .where(
            AccessCode.digest == digest(normalise(typed), settings),
            AccessCode.revoked_at.is_(None),
            or_(AccessCode.expires_at.is_(None), AccessCode.expires_at > now),
            Membership.active,
        )
    )
