"""Bearer tokens of our own: JWTs that name one membership."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from operator import index
from typing import Any, ClassVar
from uuid import UUID

import jwt

from models import MemberSession, Membership
from services import keys
from services.errors import NotAuthenticated
from settings import Settings
from trusted_issuers import OURS as ISSUER

ALGORITHM = "HS256"

# What a payload of any form can make the code below raise.
_MALFORMED = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    OSError,
    RecursionError,
)


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
    raw = jwt.encode(payload, key, algorithm=ALGORITHM, headers={"kid": kid})
    return Token(raw, _claims(payload))


def verify(raw: str, settings: Settings, *, now: datetime) -> Token:
    """Read a token of our own.

    :raises NotAuthenticated: ``invalid`` or ``expired``
    """
    try:
        payload = _signed_payload(raw, keys.verifying_keys(settings))
        # A server whose clock is behind must accept a token that another has just issued, so `iat`
        # may lie ahead; but it is a time.
        datetime.fromtimestamp(payload["iat"], UTC)
        is_ours = payload["iss"] == payload["aud"] == ISSUER
        token = Token(raw, _claims(payload))
    # Signed with our key, but a claim is missing, has another type or is out of range.
    except _MALFORMED:
        raise NotAuthenticated("invalid") from None
    if not is_ours:
        raise NotAuthenticated("invalid")
    if token.claims.expires_at <= now:
        raise NotAuthenticated("expired")
    return token


def _signed_payload(raw: str, by_kid: Mapping[str, bytes]) -> dict[str, Any]:
    """What a JWS (RFC 7515) says that one of our keys has signed.

    By hand, since PyJWT takes five times as long, and every request has one. Nothing is believed
    before the signature but the name of the key; the algorithm is ours to know, not the token's.

    :raises NotAuthenticated: ``invalid``
    """
    signed, _, signature = raw.rpartition(".")
    head, _, body = signed.partition(".")
    header = json.loads(_decoded(head))
    key = by_kid.get(header["kid"])
    if key is None or header["alg"] != ALGORITHM or "crit" in header:
        raise NotAuthenticated("invalid")
    expected = urlsafe_b64encode(hmac.digest(key, signed.encode(), sha256)).rstrip(b"=")
    if not hmac.compare_digest(expected, signature.encode()):
        raise NotAuthenticated("invalid")
    payload: dict[str, Any] = json.loads(_decoded(body))
    return payload


def _decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "==")


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
