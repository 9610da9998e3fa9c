"""Bearer tokens of our own: JWTs that name one membership."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import index
from typing import Any, ClassVar
from uuid import UUID

import jwt

from models import MemberSession, Membership
from services import keys
from services.errors import NotAuthenticated
from settings import Settings
from trusted_issuers import OURS as ISSUER

# Signed with our key, but a claim has another type or is out of range; or nested without end.
_MALFORMED = (
    jwt.InvalidTokenError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)
_REQUIRED = ["iss", "aud", "sub", "org", "mid", "sid", "gen", "auth_time", "iat", "exp"]


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a token of our own whose signature and times are right.

    :ivar account_id: the only account it is for, or None
    :ivar auth_time: when the access code was entered
    :ivar scopes: what the service that has the token may do; None for a person's
    """

    user_id: UUID
    org_id: UUID
    membership_id: UUID
    session_id: UUID
    generation: int
    account_id: UUID | None
    auth_time: datetime
    expires_at: datetime
    scopes: frozenset[str] | None = None

    # The signature is right, so there was such a member: they have been erased.
    stranger: ClassVar[str] = "revoked"

    @property
    def known_as(self) -> dict[str, UUID]:
        """For the log."""
        return {"member": self.membership_id}

    @property
    def valid_until(self) -> datetime:
        return self.expires_at


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is sent, with its claims."""

    raw: str
    claims: Claims


def issue(
    member: Membership,
    session: MemberSession,
    *,
    expires_at: datetime,
    settings: Settings,
    now: datetime,
    scope: str | None = None,
) -> Token:
    """Make a token of a session of ``member``.

    :param scope: a service's scopes, separated by spaces
    """
    payload: dict[str, Any] = {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": str(member.user_id),
        "org": str(member.org_id),
        "mid": str(member.id),
        "sid": str(session.id),
        "gen": member.token_generation,
        "auth_time": int(session.created_at.timestamp()),
        "iat": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    if session.account_id is not None:
        payload["acct"] = str(session.account_id)
    if scope is not None:
        payload["scope"] = scope
    kid, key = keys.signing_key(settings)
    raw = jwt.encode(payload, key, algorithm="HS256", headers={"kid": kid})
    return Token(raw, _claims(payload))


def verify(raw: str, settings: Settings, *, now: datetime) -> Token:
    """Read a token of our own.

    :raises NotAuthenticated: ``invalid`` or ``expired``
    """
    token = _signed_by(settings.secret_keys, raw)
    if token.claims.expires_at <= now:
        raise NotAuthenticated("expired")
    return token


# A client sends the same token with every request, and reading it takes a tenth of a clock-in. Only
# what we have signed ourselves is kept, some 2 KB each.
@lru_cache(maxsize=10_000)
def _signed_by(secret_keys: tuple[bytes, ...], raw: str) -> Token:
    """A token, which may have expired.

    It is decoded once: to read its ``kid`` first would be to decode it all twice.

    :raises NotAuthenticated: ``invalid``: none of the keys has signed it, or it names another
    """
    for kid, key in keys.verifying_keys(secret_keys).items():
        try:
            decoded = jwt.decode_complete(
                raw,
                key,
                algorithms=["HS256"],
                issuer=ISSUER,
                audience=ISSUER,
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,  # each time: verify()
                    # A server whose clock is behind must accept what another has just issued.
                    "verify_iat": False,
                    "strict_aud": True,
                },
            )
            datetime.fromtimestamp(decoded["payload"]["iat"], UTC)  # raises if it is no time
            if decoded["header"].get("kid") == kid:
                return Token(raw, _claims(decoded["payload"]))
        except jwt.InvalidSignatureError:
            continue  # a former key's, from before a rotation
        except _MALFORMED:
            break
    raise NotAuthenticated("invalid")


def _claims(payload: dict[str, Any]) -> Claims:
    return Claims(
        user_id=UUID(payload["sub"]),
        org_id=UUID(payload["org"]),
        membership_id=UUID(payload["mid"]),
        session_id=UUID(payload["sid"]),
        generation=index(payload["gen"]),
        account_id=UUID(payload["acct"]) if payload.get("acct") is not None else None,
        auth_time=datetime.fromtimestamp(payload["auth_time"], UTC),
        expires_at=datetime.fromtimestamp(payload["exp"], UTC),
        scopes=frozenset(payload["scope"].split()) if "scope" in payload else None,
    )
