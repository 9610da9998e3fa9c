"""Tokens by their raw header: no signature is verified twice, no bad one over and over."""

from time import monotonic, time
from typing import Any

from live.question import Question
from services import tokens
from services.errors import NotAuthenticated
from services.tokens import Token
from settings import Settings

# Of each process; the oldest goes first. A bearer takes about 1 KB, a refusal what was sent.
BEARERS = 50_000
REFUSALS = 5_000
REFUSED_FOR_SECONDS = 5.0  # not for ever: a clock that was ahead makes good tokens expired


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
        self._refusals: dict[bytes, tuple[float, str]] = {}
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
        refused = self._refusals.get(header)
        if refused is not None and monotonic() < refused[0]:
            # Made anew: an exception that is raised again keeps every frame it ever passed.
            raise NotAuthenticated(refused[1])
        return self._verified(header)

    def _verified(self, header: bytes) -> Bearer:
        try:
            bearer = Bearer(tokens.in_header(header.decode("latin-1"), self._settings))
        except NotAuthenticated as refusal:
            _bounded(self._refusals, REFUSALS)
            reason = refusal.fields["reason"]
            self._refusals[header] = (monotonic() + REFUSED_FOR_SECONDS, reason)
            raise
        _bounded(self.bearers, BEARERS)
        self.bearers[header] = bearer
        return bearer


def _bounded(remembered: dict[bytes, Any], most: int) -> None:
    if len(remembered) >= most:
        del remembered[next(iter(remembered))]
