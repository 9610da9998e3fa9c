"""The token cache: no signature is verified twice, and no bad one over and over.

Its keys are tokens, not headers: one token can be spelled in a million headers.
"""

from time import monotonic, time
from typing import Generic, TypeVar

from live.cached_poll import CachedPoll
from services import tokens
from services.errors import NotAuthenticated
from services.tokens import Token
from settings import Settings
from wire.authorization import bearer_in

# design.md, "Memory": of each process, in bytes; the oldest goes first.
TOKEN_BYTES = 1024  # a longer one is not cached
BEARERS_BYTES = 128 * 1024 * 1024
REFUSALS_BYTES = 2 * 1024 * 1024
BEARER_BYTES = 4096  # the most that one takes beside its token: claims, and a cached poll
REFUSAL_BYTES = 300
REFUSED_FOR_SECONDS = 5.0  # not for ever: a clock that ran ahead has refused good tokens as expired

Value = TypeVar("Value")


class Bearer:
    """A verified token.

    :ivar cached: its next poll, if nothing changes
    """

    __slots__ = ("cached", "token")

    def __init__(self, token: Token) -> None:
        self.token = token
        self.cached: CachedPoll | None = None

    def has_expired(self) -> bool:
        return self.token.claims.expires_at.timestamp() <= time()


class BoundedCache(Generic[Value]):
    """Values by token, bounded in bytes."""

    def __init__(self, *, most_bytes: int, bytes_of_one: int) -> None:
        self._values: dict[str, Value] = {}
        self._most_bytes = most_bytes
        self._bytes_of_one = bytes_of_one
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, raw: str) -> Value | None:
        return self._values.get(raw)

    def put(self, raw: str, value: Value) -> None:
        """Keep ``value``, unless its token is too long. The oldest values make room for it."""
        if len(raw) > TOKEN_BYTES:
            return
        self.forget(raw)
        self._values[raw] = value
        self._bytes += len(raw) + self._bytes_of_one
        while self._bytes > self._most_bytes:
            self.forget(next(iter(self._values)))

    def forget(self, raw: str) -> None:
        if self._values.pop(raw, None) is not None:
            self._bytes -= len(raw) + self._bytes_of_one


class TokenCache:
    """The verified tokens of this process, and those that are certainly bad."""

    def __init__(self, settings: Settings) -> None:
        self._bearers = BoundedCache[Bearer](most_bytes=BEARERS_BYTES, bytes_of_one=BEARER_BYTES)
        self._refusals = BoundedCache[tuple[float, str]](
            most_bytes=REFUSALS_BYTES, bytes_of_one=REFUSAL_BYTES
        )
        self._settings = settings

    def known(self, header: bytes | None) -> Bearer | None:
        """The bearer with this ``Authorization`` header, where its token is cached."""
        try:
            bearer = self._bearers.get(_raw(header))
        except NotAuthenticated:
            return None
        return None if bearer is None or bearer.has_expired() else bearer

    def bearer(self, header: bytes | None) -> Bearer:
        """The bearer with this ``Authorization`` header.

        :raises NotAuthenticated: ``missing``, ``invalid`` or ``expired``
        """
        raw = _raw(header)
        bearer = self._bearers.get(raw)
        if bearer is not None:
            if not bearer.has_expired():
                return bearer
            self._bearers.forget(raw)
        refused = self._refusals.get(raw)
        if refused is not None and monotonic() < refused[0]:
            # A new one: an exception that is raised again keeps every frame that it has passed.
            raise NotAuthenticated(refused[1])
        return self._verified(raw)

    def _verified(self, raw: str) -> Bearer:
        try:
            bearer = Bearer(tokens.verify(raw, self._settings))
        except NotAuthenticated as refusal:
            self._refusals.put(raw, (monotonic() + REFUSED_FOR_SECONDS, refusal.fields["reason"]))
            raise
        self._bearers.put(raw, bearer)
        return bearer


def _raw(header: bytes | None) -> str:
    return bearer_in(None if header is None else header.decode("latin-1"))
