"""Tokens by their raw header: no signature is verified twice, no bad one over and over."""

from time import time
from typing import Any

from live.question import Question
from services import tokens
from services.errors import NotAuthenticated
from services.tokens import Token
from settings import Settings

# Of each process; the oldest goes first. A bearer takes about 1 KB, a refusal what was sent.
BEARERS = 50_000
REFUSALS = 5_000


class Bearer:
    """A verified token, and what its next poll will be if nothing changes.

    :ivar question: that poll
    """

    __slots__ = ("question", "token")

    def __init__(self, token: Token) -> None:
        self.token = token
        self.question: Question | None = None

    def has_expired(self) -> bool:
        return self.token.claims.expires_at.timestamp() <= time()


class Tokens:
    """The bearers and the certain refusals of this process."""

    def __init__(self, settings: Settings) -> None:
        self.bearers: dict[bytes, Bearer] = {}
        self._refusals: dict[bytes, str] = {}
        self._settings = settings

    def bearer(self, header: bytes | None) -> Bearer:
        """The bearer with this ``Authorization`` header.

        :raises NotAuthenticated: ``missing``, ``invalid`` or ``expired``
        """
        if header is None:
            raise NotAuthenticated("missing")
        bearer = self.bearers.get(header)
        if bearer is not None:
            if not bearer.has_expired():
                return bearer
            del self.bearers[header]
        reason = self._refusals.get(header)
        if reason is not None:
            # Made anew: an exception that is raised again keeps every frame it ever passed.
            raise NotAuthenticated(reason)
        return self._verified(header)

    def _verified(self, header: bytes) -> Bearer:
        try:
            bearer = Bearer(tokens.in_header(header.decode("latin-1"), self._settings))
        except NotAuthenticated as refusal:
            _bounded(self._refusals, REFUSALS)
            self._refusals[header] = refusal.fields["reason"]
            raise
        _bounded(self.bearers, BEARERS)
        self.bearers[header] = bearer
        return bearer


def _bounded(remembered: dict[bytes, Any], most: int) -> None:
    if len(remembered) >= most:
        del remembered[next(iter(remembered))]
