"""The token cache: no signature is verified twice, and no bad one over and over.

Its keys are tokens, not headers: one token can be spelled in a million headers.
"""

from collections.abc import Callable, Collection
from time import monotonic, time
from typing import Generic, TypeVar

from issuers.key_sets import KeyName
from issuers.registry import TrustedIssuers
from live.cached_poll import CachedPoll
from metrics import REFUSED_TOKENS
from services import bearer_tokens, issuer_tokens, tokens
from services.bearer_tokens import AnyToken
from services.errors import NotAuthenticated
from services.issuer_tokens import IssuerClaims, SignedWith, TokenRefused
from services.times import utc_now
from settings import Settings
from wire.authorization import bearer_in

# design.md, "Memory": of each process, in bytes; the oldest goes first.
BEARERS_BYTES = 128 * 1024 * 1024
REFUSALS_BYTES = 2 * 1024 * 1024
BEARER_BYTES = 5120  # the most that one takes beside its token: claims, and a cached poll
REFUSAL_BYTES = 300
SHORT_BYTES = 1024  # a longer one is not cached where refusing it took no signature
REFUSED_FOR_SECONDS = 5.0  # not for ever: a clock that ran ahead has refused good tokens as expired

Value = TypeVar("Value")


class NotVerified(Exception):
    """The token of a trusted issuer has to be verified first, which takes a while."""

    def __init__(self, raw: str) -> None:
        super().__init__()
        self.raw = raw


class Bearer:
    """A verified token.

    :ivar cached: its next poll, if nothing changes
    """

    __slots__ = ("cached", "token")

    def __init__(self, token: AnyToken) -> None:
        self.token = token
        self.cached: CachedPoll | None = None

    def has_expired(self) -> bool:
        return self.token.claims.valid_until.timestamp() <= time()

    def is_signed_with_one_of(self, keys: Collection[SignedWith]) -> bool:
        claims = self.token.claims
        return isinstance(claims, IssuerClaims) and claims.signed_with in keys


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
        """Keep ``value``. The oldest values make room for it."""
        self.forget(raw)
        self._values[raw] = value
        self._bytes += self._size(raw)
        while self._bytes > self._most_bytes:
            self.forget(next(iter(self._values)))

    def forget_if(self, is_meant: Callable[[Value], bool]) -> None:
        for raw in [raw for raw, value in self._values.items() if is_meant(value)]:
            self.forget(raw)

    def forget(self, raw: str) -> None:
        if self._values.pop(raw, None) is not None:
            self._bytes -= self._size(raw)

    def _size(self, raw: str) -> int:
        return 2 * len(raw) + self._bytes_of_one  # a cached poll has it too


class TokenCache:
    """The verified tokens of this process, and those that are certainly bad."""

    def __init__(self, settings: Settings, issuers: TrustedIssuers) -> None:
        self._bearers = BoundedCache[Bearer](most_bytes=BEARERS_BYTES, bytes_of_one=BEARER_BYTES)
        self._refusals = BoundedCache[tuple[float, str]](
            most_bytes=REFUSALS_BYTES, bytes_of_one=REFUSAL_BYTES
        )
        self._settings = settings
        self._issuers = issuers

    def known(self, header: bytes | None) -> Bearer | None:
        """The bearer with this ``Authorization`` header, where its token is cached."""
        try:
            bearer = self._bearers.get(_raw(header))
        except NotAuthenticated:
            return None
        return None if bearer is None or bearer.has_expired() else bearer

    def at_once(self, header: bytes | None) -> Bearer | None:
        """The bearer, where finding out takes no signature of an issuer."""
        known = self.known(header)
        if known is not None:
            return known
        try:
            is_ours = issuer_tokens.issuer_of(_raw(header), self._issuers) is None
            return self.bearer(header) if is_ours else None
        except NotAuthenticated:
            return None

    def bearer(self, header: bytes | None) -> Bearer:
        """The bearer with this ``Authorization`` header.

        :raises NotAuthenticated: ``missing``, ``invalid`` or ``expired``
        :raises NotVerified: it is an issuer's, and new
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
        try:
            self._require_quick(raw)
            return self._keep(tokens.verify(raw, self._settings, now=utc_now()))
        except NotAuthenticated as refusal:
            if len(raw) <= SHORT_BYTES:
                self._refuse(raw, refusal)
            raise

    def verify(self, raw: str) -> None:
        """Verify an issuer's token. What comes of it is remembered."""
        by = issuer_tokens.issuer_of(raw, self._issuers)
        if by is None:
            return
        try:
            self._keep(bearer_tokens.verify_by(raw, by))
        except NotAuthenticated as refusal:
            self._refuse(raw, refusal)

    def forget_keys(self, issuer: str, gone: Collection[KeyName]) -> None:
        """An issuer's keys have changed."""
        no_more = {SignedWith(issuer, name) for name in gone}
        self._bearers.forget_if(lambda bearer: bearer.is_signed_with_one_of(no_more))
        self._refusals.forget_if(lambda _: True)  # perhaps of a key that is known now

    def _require_quick(self, raw: str) -> None:
        """Leave an issuer's token that may be right to :meth:`verify`.

        :raises NotVerified: it is one
        :raises TokenRefused: it is one, but names no key that is known
        """
        by = issuer_tokens.issuer_of(raw, self._issuers)
        if by is None:
            return
        try:
            issuer_tokens.require_known_key(raw, by)
        except TokenRefused as refusal:
            REFUSED_TOKENS.labels(refusal.why).inc()
            raise
        raise NotVerified(raw)

    def _keep(self, token: AnyToken) -> Bearer:
        bearer = Bearer(token)
        self._bearers.put(token.raw, bearer)
        return bearer

    def _refuse(self, raw: str, refusal: NotAuthenticated) -> None:
        self._refusals.put(raw, (monotonic() + REFUSED_FOR_SECONDS, refusal.fields["reason"]))


def _raw(header: bytes | None) -> str:
    return bearer_in(None if header is None else header.decode("latin-1"))
