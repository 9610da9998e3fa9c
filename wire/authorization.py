"""The ``Authorization`` header (RFC 6750)."""

from services import tokens
from services.errors import NotAuthenticated
from services.tokens import Token
from settings import Settings


def bearer_in(header: str | None) -> str:
    """The bearer token, as it was sent.

    :raises NotAuthenticated: ``missing``
    """
    scheme, _, raw = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated("missing")
    return raw.strip()


def token_in(header: str | None, settings: Settings) -> Token:
    """The verified bearer token.

    :raises NotAuthenticated: ``missing``, ``invalid`` or ``expired``
    """
    return tokens.verify(bearer_in(header), settings)
