"""The keys of one issuer, as its last good reading found them."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from issuers import stored
from issuers.fetching import SECONDS, Unreadable, read_json
from issuers.key_sets import KeyName, KeySet, PublicKey, key_set, public_keys
from issuers.stored import Turns
from metrics import KEY_READINGS
from models.database import Database
from models.reach import NO_ORG
from trusted_issuers import TrustedIssuer, is_loopback

KEPT = timedelta(hours=24)  # contract.md, "Tokens of a trusted issuer"
LATE = 2 * stored.EVERY  # then /readyz says how old they are
DISCOVERY = "/.well-known/openid-configuration"
URL_LENGTH = 2048

Listener = Callable[[str, frozenset[KeyName]], None]

log = logging.getLogger("presence.issuers")


class IssuerKeys:
    """One thread calls :meth:`step`; any other may read :attr:`keys`, which is replaced whole.

    :ivar keys: those that verify now; empty for an issuer with a secret
    :ivar read_at: when they were read; None before
    :ivar has_failed: the last reading of this process did
    """

    def __init__(self, issuer: TrustedIssuer, database: Database, listener: Listener) -> None:
        """:param listener: told, in the reading thread, of new keys and which names are gone"""
        self.issuer = issuer
        self.keys: KeySet = {}
        self.read_at: datetime | None = None
        self._database = database
        self._listener = listener
        self._public: Sequence[PublicKey] = ()  # what `keys` was made of
        self._turns = Turns()
        self._has_begun = False
        self._is_wanted = False
        self.has_failed = False

    def want_others(self) -> None:
        """A token names a key that is not among them: perhaps there are new ones."""
        self._is_wanted = True

    @property
    def has_keys(self) -> bool:
        return self.issuer.secret is not None or bool(self.keys)

    def state(self, now: datetime) -> str:
        """``ok``, or what is wrong."""
        if not self.has_keys:
            return "no keys"
        age = now - (self.read_at or now)
        return "ok" if age <= LATE else f"keys of {age // timedelta(minutes=1)} minutes ago"

    def step(self, now: datetime) -> None:
        """Take what another process has read, and read where it is this one's turn."""
        is_wanted, self._is_wanted = self._is_wanted, False
        self.take_stored(now)
        if self.read_at is not None and now - self.read_at > KEPT:
            self._publish((), self.read_at)
        is_start, self._has_begun = not self._has_begun, True
        is_due = self._turns.is_due(now, is_start=is_start, is_wanted=is_wanted)
        if is_due and self._has_turn(self._turns.taken(now, is_wanted=is_wanted)):
            self._read(now)

    def take_stored(self, now: datetime) -> None:
        """Take what was read last, by another process or by an earlier one."""
        try:
            with self._database.read(NO_ORG) as session:
                found = stored.find(session, self.issuer.issuer)
        except (SQLAlchemyError, ValueError):  # ValueError: not even JSON
            return
        if found is None:
            return
        self._turns = Turns(found.read_at, found.tried_at, found.wanted_at)
        try:
            keys = public_keys({"keys": found.keys})
        except Unreadable:
            return  # of another release's form: they are read anew
        if found.read_at is None or now - found.read_at > KEPT:
            return
        if self.read_at is None or found.read_at > self.read_at:
            self._publish(keys, found.read_at)

    def _has_turn(self, after: Turns) -> bool:
        before, self._turns = self._turns, after
        try:
            with self._database.write(NO_ORG) as session:
                return stored.take_turn(session, self.issuer.issuer, before, after)
        except SQLAlchemyError:
            return True  # nobody to agree with

    def _read(self, now: datetime) -> None:
        try:
            keys = public_keys(read_json(*self._where()))
        except Unreadable as error:
            KEY_READINGS.labels("failed").inc()
            if not self.has_failed:
                log.warning("The keys of %s can't be read: %s", self.issuer.issuer, error)
            self.has_failed = True
            return
        KEY_READINGS.labels("ok").inc()
        if self.has_failed:
            log.info("The keys of %s can be read again.", self.issuer.issuer)
        self.has_failed = False
        self._publish(keys, now)
        self._turns = self._turns._replace(read_at=now)
        try:
            with self._database.write(NO_ORG) as session:
                stored.save(session, self.issuer.issuer, keys, now)
        except SQLAlchemyError as error:
            log.warning("An issuer's keys can't be kept: %s", type(error).__name__)

    def _where(self) -> tuple[str, float]:
        until = monotonic() + SECONDS
        issuer = self.issuer.issuer
        if self.issuer.jwks is not None:
            return self.issuer.jwks, until
        document = read_json(issuer.rstrip("/") + DISCOVERY, until)
        found = document if isinstance(document, dict) else {}
        if found.get("issuer") != issuer:
            raise Unreadable("its discovery document is another issuer's")
        jwks = found.get("jwks_uri")
        if not isinstance(jwks, str) or len(jwks) > URL_LENGTH or not _is_safe(jwks, issuer):
            raise Unreadable("its discovery document has no https jwks_uri")
        return jwks, until

    def _publish(self, public: Sequence[PublicKey], read_at: datetime) -> None:
        self.read_at = read_at
        if public == self._public:
            return
        before, keys = self.keys, key_set(public, self.issuer.algorithms)
        gone = frozenset(n for n in before if n not in keys or before[n].key != keys[n].key)
        self._public, self.keys = public, keys
        self._listener(self.issuer.issuer, gone)


def _is_safe(url: str, issuer: str) -> bool:
    """Whether keys may be fetched there. Only an issuer on this machine may name this machine."""
    try:
        to, by = urlsplit(url), urlsplit(issuer)
        hosts = to.hostname or "", by.hostname or ""
        is_plain = to.scheme == "http" and all(map(is_loopback, hosts))
        return bool(to.hostname) and (to.scheme == "https" or is_plain) and to.port != 0
    except ValueError:
        return False
