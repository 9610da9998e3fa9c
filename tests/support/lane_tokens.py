"""Tokens of the two connections in lane_streams.py: without signatures, by a clock that moves."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from issuers.key_sets import KeyName
from issuers.registry import TrustedIssuers
from services import issuer_tokens
from services.errors import NotAuthenticated
from services.issuer_tokens import IssuerClaims, IssuerToken, SignedWith, TokenRefused
from services.tokens import Claims, Token
from settings import Settings

ORG = UUID(int=1)
# Bearers: member, and the time when the token runs out.
BEARERS = {
    "ana": (UUID(int=2), 1000.0),
    "maya": (UUID(int=3), 1000.0),
    "soon": (UUID(int=2), 10.0),
    "bot": (UUID(int=4), 1000.0),
    "mute": (UUID(int=5), 1000.0),
}
SCOPES = {"bot": frozenset(("presence:read",)), "mute": frozenset(("history:read",))}
# Of a trusted issuer; the last one says which org it is for.
OF_ISSUER = {
    "issuer-ana": (UUID(int=2), 1000.0, None),
    "issuer-maya": (UUID(int=3), 1000.0, None),
    "issuer-soon": (UUID(int=2), 10.0, ORG),
}
USERS = {name: known[0] for name, known in BEARERS.items()}
USERS |= {name: known[0] for name, known in OF_ISSUER.items()}
ANOTHER_ORG = UUID(int=9)
ISSUER_KEY = KeyName("one", "ES256")


class Clock:
    now = 0.0


class Keys:
    """Those of the issuer."""

    are_known = True


def verify(name: str, _settings: Settings, *, now: datetime) -> Token:
    """In place of ``tokens.verify``: by the clock that the test moves, without signatures."""
    if name not in BEARERS:
        raise NotAuthenticated("invalid")
    id_, ends_at = BEARERS[name]
    if ends_at <= Clock.now:
        raise NotAuthenticated("expired")
    at = datetime.fromtimestamp(ends_at, UTC)
    return Token(name, Claims(id_, ORG, id_, id_, 0, None, at, at, SCOPES.get(name)))


def issuer_of(name: str, _issuers: TrustedIssuers) -> str | None:
    """In place of ``issuer_tokens.issuer_of``."""
    return name if name.startswith("issuer-") else None


def require_known_key(name: str, _by: str) -> None:
    """In place of ``issuer_tokens.require_known_key``."""
    if not Keys.are_known:
        raise TokenRefused("invalid", "unknown_kid")


def verify_by(name: str, _by: str) -> IssuerToken:
    """In place of ``bearer_tokens.verify_by``."""
    if name not in OF_ISSUER:
        raise TokenRefused("invalid", "signature")
    id_, ends_at, org_id = OF_ISSUER[name]
    if ends_at <= Clock.now:
        raise TokenRefused("expired", "expired")
    issued_at = datetime.fromtimestamp(0, UTC)
    expires_at = datetime.fromtimestamp(ends_at, UTC) - issuer_tokens.TOLERANCE
    key = SignedWith("issuer", ISSUER_KEY)
    return IssuerToken(name, IssuerClaims(id_, org_id, issued_at, expires_at, key))


def patch_verifying(patch: pytest.MonkeyPatch) -> None:
    """Verify by what is above."""
    patch.setattr("services.tokens.verify", verify)
    patch.setattr(issuer_tokens, "issuer_of", issuer_of)
    patch.setattr(issuer_tokens, "require_known_key", require_known_key)
    patch.setattr("services.bearer_tokens.verify_by", verify_by)
