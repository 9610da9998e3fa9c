"""Tokens of a trusted issuer: verified by its entry in the settings, and by nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, ClassVar, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import jwt

from issuers.key_sets import KeyName
from issuers.keys import IssuerKeys
from issuers.registry import TrustedIssuers
from services.errors import NotAuthenticated
from services.ids import canonical_id

TOLERANCE = timedelta(seconds=60)  # contract.md, "Tokens of a trusted issuer"
SUBJECT_LENGTH = 255
_LATEST = datetime.max.replace(tzinfo=UTC) - TOLERANCE

_CHECKED: dict[str, Any] = {"require": ["iss", "aud", "sub", "iat", "exp"]}
_NOTHING = object()
# What a payload of any form can make the code below raise.
_MALFORMED = (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError)


class TokenRefused(NotAuthenticated):
    """:ivar why: for the metrics; the answer does not tell"""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(reason)
        self.why = why


class SignedWith(NamedTuple):
    """Which key a token claims to be signed with; None for an issuer's one secret."""

    issuer: str
    key: KeyName | None


@dataclass(frozen=True, slots=True)
class IssuerClaims:
    """What a token of an issuer says, its signature and times being right.

    Its membership is found by org and user; there is no session.

    :ivar org_id: the org that it names, or None
    :ivar issued_at: tokens from before a revocation are refused
    :ivar stranger: the ``reason`` where there is no such member
    """

    user_id: UUID
    org_id: UUID | None
    issued_at: datetime
    expires_at: datetime
    signed_with: SignedWith

    stranger: ClassVar[str] = "unknown_member"
    membership_id: ClassVar[None] = None
    session_id: ClassVar[None] = None
    account_id: ClassVar[None] = None
    scopes: ClassVar[None] = None

    @property
    def known_as(self) -> dict[str, UUID]:
        """For the log."""
        return {"user": self.user_id}

    @property
    def valid_until(self) -> datetime:
        return self.expires_at + TOLERANCE


@dataclass(frozen=True, slots=True)
class IssuerToken:
    """A token of an issuer as it is sent, with its claims."""

    raw: str
    claims: IssuerClaims

    def within(self, org_id: UUID) -> "IssuerToken":
        """The same token, where it is used in this org."""
        return IssuerToken(self.raw, replace(self.claims, org_id=org_id))


def issuer_of(raw: str, issuers: TrustedIssuers) -> IssuerKeys | None:
    """The trusted issuer that a token names; its signature has not been looked at."""
    if not issuers:
        return None
    try:
        said = jwt.decode(raw, options={"verify_signature": False})
    except _MALFORMED:
        return None
    return issuers.find(said.get("iss"))


def require_known_key(raw: str, by: IssuerKeys) -> SignedWith:
    """The key that a token names. This is before any work on its signature.

    :raises TokenRefused: it names none, or one that is not known
    """
    issuer = by.issuer
    try:
        header = jwt.get_unverified_header(raw)
        algorithm, kid = header.get("alg"), header.get("kid")
    except _MALFORMED:
        raise TokenRefused("invalid", "malformed") from None
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise TokenRefused("invalid", "algorithm")
    if issuer.secret is not None:
        return SignedWith(issuer.issuer, None)
    if not isinstance(kid, str) or not kid:
        raise TokenRefused("invalid", "no_kid")
    name = KeyName(kid, algorithm)
    if name not in by.keys:
        by.want_others()
        raise TokenRefused("invalid", "unknown_kid")
    return SignedWith(issuer.issuer, name)


def verify(raw: str, by: IssuerKeys) -> IssuerToken:
    """Read a token of an issuer.

    :raises TokenRefused: ``invalid`` or ``expired``
    """
    issuer, signed_with = by.issuer, require_known_key(raw, by)
    name = signed_with.key
    key = issuer.secret if name is None else by.keys.get(name)
    if key is None:  # it has left the set this very moment
        raise TokenRefused("invalid", "unknown_kid")
    try:
        payload = jwt.decode(
            raw,
            key,
            algorithms=[name.algorithm] if name is not None else list(issuer.algorithms),
            issuer=issuer.issuer,
            audience=issuer.audience,
            leeway=TOLERANCE,
            options=_CHECKED,  # type: ignore[arg-type]  # of which the rest is the default
        )
        for claim, value in issuer.require:
            found = _at(payload, claim)
            if type(found) is not type(value) or found != value:
                raise TokenRefused("invalid", "require")
        claims = IssuerClaims(
            user_id=_user_id(issuer.issuer, payload["sub"]),
            org_id=_org_id(payload, issuer.org),
            issued_at=_moment(payload["iat"]),
            expires_at=min(_moment(payload["exp"]), _LATEST),
            signed_with=signed_with,
        )
        return IssuerToken(raw, claims)
    except jwt.ExpiredSignatureError:
        raise TokenRefused("expired", "expired") from None
    except jwt.InvalidSignatureError:
        raise TokenRefused("invalid", "signature") from None
    except jwt.InvalidAudienceError:
        raise TokenRefused("invalid", "audience") from None
    except _MALFORMED:
        raise TokenRefused("invalid", "claims") from None


def _at(payload: Mapping[str, Any], path: str) -> Any:
    """The claim of this name, or at this path of names with dots between them."""
    if path in payload:
        return payload[path]
    found: Any = payload
    for name in path.split("."):
        found = found.get(name, _NOTHING) if isinstance(found, dict) else _NOTHING
    return found


def _user_id(issuer: str, subject: str) -> UUID:
    if not 0 < len(subject) <= SUBJECT_LENGTH:
        raise ValueError("no subject")
    # Only the canonical spelling is an id: nobody is two users, or another one.
    return canonical_id(subject) or uuid5(NAMESPACE_URL, f"{issuer}#{subject}")


def _org_id(payload: Mapping[str, Any], path: str | None) -> UUID | None:
    said = _NOTHING if path is None else _at(payload, path)
    if said is None or said is _NOTHING:
        return None
    org_id = canonical_id(said)
    if org_id is None:
        raise ValueError("no org's id")
    return org_id


def _moment(seconds: Any) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not isfinite(seconds):
        raise ValueError("no time")
    return datetime.fromtimestamp(seconds, UTC)
