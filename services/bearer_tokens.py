"""Any bearer token: one of our own, or of the trusted issuer that it names."""

from datetime import datetime

from issuers.keys import IssuerKeys
from issuers.registry import TrustedIssuers
from metrics import REFUSED_TOKENS
from services import issuer_tokens, tokens
from services.issuer_tokens import IssuerClaims, IssuerToken, TokenRefused
from services.tokens import Claims, Token
from settings import Settings

AnyToken = Token | IssuerToken
AnyClaims = Claims | IssuerClaims


def verify(raw: str, settings: Settings, issuers: TrustedIssuers, *, now: datetime) -> AnyToken:
    """Read a token.

    :raises NotAuthenticated: ``invalid`` or ``expired``
    """
    by = issuer_tokens.issuer_of(raw, issuers)
    return tokens.verify(raw, settings, now=now) if by is None else verify_by(raw, by)


def verify_by(raw: str, by: IssuerKeys) -> IssuerToken:
    """Read a token of an issuer.

    :raises TokenRefused: ``invalid`` or ``expired``
    """
    try:
        return issuer_tokens.verify(raw, by)
    except TokenRefused as refusal:
        REFUSED_TOKENS.labels(refusal.why).inc()
        raise
