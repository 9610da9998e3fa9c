"""Who asks, in a request's headers: ``Authorization`` (RFC 6750), and ``Presence-Org``."""

from uuid import UUID

from issuers.registry import TrustedIssuers
from services import bearer_tokens
from services.bearer_tokens import AnyToken
from services.errors import NotAuthenticated, ValidationFailed
from services.ids import canonical_id
from services.issuer_tokens import IssuerClaims
from services.times import utc_now
from settings import Settings

ORG_HEADER = "Presence-Org"
# An issuer's has 1 to 2 KB. What is longer is not looked at: it might be verified anew each time.
TOKEN_BYTES = 8 * 1024


def bearer_in(header: str | None) -> str:
    """The bearer token, as it was sent.

    :raises NotAuthenticated: ``missing``, or ``invalid`` where it is too long to be one
    """
    scheme, _, raw = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated("missing")
    raw = raw.strip()
    if len(raw) > TOKEN_BYTES:
        raise NotAuthenticated("invalid")
    return raw


def named_org(claims: IssuerClaims, header: str | None) -> UUID | None:
    """The org that a request names: by ``Presence-Org``, else by its token; None for neither.

    :raises ValidationFailed: the header is no id
    """
    if header is None:
        return claims.org_id
    org_id = canonical_id(header.strip().lower())
    if org_id is None:
        raise ValidationFailed({ORG_HEADER: ["Not a valid UUID."]})
    return org_id


def token_in(header: str | None, settings: Settings, issuers: TrustedIssuers) -> AnyToken:
    """The verified bearer token.

    :raises NotAuthenticated: ``missing``, ``invalid`` or ``expired``
    """
    return bearer_tokens.verify(bearer_in(header), settings, issuers, now=utc_now())
