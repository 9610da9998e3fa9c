"""What an operator can set: one frozen object, read once from the environment."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

import private
import trusted_issuers
from trusted_issuers import BadIssuers, TrustedIssuer

INSTANCE = Path(__file__).parent / "instance"
SECRET_KEY_BYTES = 32  # contract.md, "Settings": at least 32 bytes
PORTS = {"http": ":80", "https": ":443"}  # which browsers leave out of an origin
_POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg2")
SECONDS_MAX = 10 * 365 * 86400  # far above any sensible time, far below what a date can't hold


class SettingsError(ValueError):
    """A setting that the service can't start with; the message is one line and names it."""


@dataclass(frozen=True)
class Settings:
    """The settings of contract.md, checked. All times are whole seconds."""

    database_url: URL
    secret_key: bytes = field(repr=False)
    db_schema: str = "presence"
    db_role: str | None = None
    db_connections: int = 20
    secret_key_fallbacks: tuple[bytes, ...] = field(default=(), repr=False)
    poll_interval: int = 2
    heartbeat_interval: int = 45
    stale_after: int = 120
    expire_after: int = 3600
    token_ttl: int = 43200
    cors_origins: frozenset[str] = frozenset()
    trusted_proxies: int = 0
    listen_url: URL | None = None
    directory_schema: str | None = None
    metrics_token: str | None = field(default=None, repr=False)
    trusted_issuers: tuple[TrustedIssuer, ...] = ()

    @property
    def secret_keys(self) -> tuple[bytes, ...]:
        """The key that makes new tokens and codes, then those that still verify old ones."""
        return (self.secret_key, *self.secret_key_fallbacks)

    @property
    def heartbeat_write_interval(self) -> float:
        """Seconds that a presence's heartbeats are at least apart in the database (contract.md)."""
        return min(15, self.stale_after / 8)

    @property
    def listen_dsn(self) -> str:
        """Where to LISTEN, as libpq takes it: PostgreSQL itself, not a pooler."""
        url = self.listen_url or self.database_url
        return url.set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def is_default_database(self) -> bool:
        return self.database_url == default_database_url()


def default_database_url() -> URL:
    return URL.create("sqlite", database=str(INSTANCE / "presence.db"))


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings, or end the program with one line that names the bad one."""
    try:
        return from_environment(environment)
    except SettingsError as error:
        raise SystemExit(f"presence: {error}") from None
    except OSError as error:
        # Of instance/: all else is only read from the environment.
        raise SystemExit(f"presence: {error.filename}: {error.strerror}") from None


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read and check the settings; an empty variable is like one that is not set.

    :raises SettingsError: a value can't be used
    """
    given = {name: value for name, value in environment.items() if value}
    database_url = _database_url(given)
    if database_url.database and Path(database_url.database).absolute().parent == INSTANCE:
        private.keep_folder(INSTANCE)
    secret_key, fallbacks = _secret_key(given, database_url), _secret_key_fallbacks(given)
    settings = Settings(
        database_url=database_url,
        secret_key=secret_key,
        secret_key_fallbacks=fallbacks,
        db_schema=_db_schema(given),
        db_role=_db_role(given),
        db_connections=_db_connections(given),
        poll_interval=_seconds(given, "PRESENCE_POLL_INTERVAL", Settings.poll_interval),
        heartbeat_interval=_seconds(
            given, "PRESENCE_HEARTBEAT_INTERVAL", Settings.heartbeat_interval
        ),
        stale_after=_seconds(given, "PRESENCE_STALE_AFTER", Settings.stale_after),
        expire_after=_seconds(given, "PRESENCE_EXPIRE_AFTER", Settings.expire_after),
        token_ttl=_seconds(given, "PRESENCE_TOKEN_TTL", Settings.token_ttl),
        cors_origins=_origins(given),
        trusted_proxies=_trusted_proxies(given),
        listen_url=_listen_url(given),
        directory_schema=_directory_schema(given, database_url),
        metrics_token=given.get("PRESENCE_METRICS_TOKEN"),
        trusted_issuers=_trusted_issuers(given, (secret_key, *fallbacks)),
    )
    if 2 * settings.heartbeat_interval > settings.stale_after:
        raise SettingsError(
            "PRESENCE_STALE_AFTER must be at least twice PRESENCE_HEARTBEAT_INTERVAL "
            f"({settings.heartbeat_interval}), so that one lost heartbeat makes nobody stale"
        )
    if settings.stale_after >= settings.expire_after:
        raise SettingsError(
            f"PRESENCE_EXPIRE_AFTER must be more than PRESENCE_STALE_AFTER ({settings.stale_after})"
        )
    return settings


def _seconds(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:12]) <= SECONDS_MAX):
        raise SettingsError(f"{name} must be a whole number of seconds, 1 or more, not {text!r}")
    return int(text)


def _trusted_proxies(given: Mapping[str, str]) -> int:
    text = given.get("PRESENCE_TRUSTED_PROXIES", str(Settings.trusted_proxies))
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        raise SettingsError(
            "PRESENCE_TRUSTED_PROXIES must be the number of proxies in front of the service, "
            f"from 0 to 99, not {text!r}"
        )
    return int(text)


def _database_url(given: Mapping[str, str]) -> URL:
    url = _url(given, "DATABASE_URL", default_database_url())
    if url.drivername in _POSTGRESQL:
        # SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3.
        return url.set(drivername="postgresql+psycopg2")
    is_file = url.database not in (None, "", ":memory:")
    if url.drivername in ("sqlite", "sqlite+pysqlite") and is_file:
        return url.set(drivername="sqlite")
    raise SettingsError("DATABASE_URL must be postgresql://… or sqlite:///file")


def _db_schema(given: Mapping[str, str]) -> str:
    name = given.get("PRESENCE_DB_SCHEMA", Settings.db_schema)
    is_plain = re.fullmatch("[a-z_][a-z0-9_]{0,62}", name)
    if not is_plain or name.startswith("pg_") or name in ("public", "information_schema"):
        raise SettingsError(
            "PRESENCE_DB_SCHEMA must be a schema of Presence's own: 1 to 63 characters of a-z, 0-9 "
            f"and _, not beginning with a digit or pg_, and not public, not {name!r}"
        )
    return name


def _directory_schema(given: Mapping[str, str], database_url: URL) -> str | None:
    name = given.get("PRESENCE_DIRECTORY_SCHEMA")
    if name is None:
        return None
    if database_url.get_backend_name() != "postgresql":
        raise SettingsError(
            "PRESENCE_DIRECTORY_SCHEMA works only where DATABASE_URL is postgresql://…: the views "
            "are in the same database"
        )
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]{0,62}", name) or name == _db_schema(given):
        raise SettingsError(
            "PRESENCE_DIRECTORY_SCHEMA must name the schema with your two views: 1 to 63 letters, "
            f"digits and _, not beginning with a digit, and not Presence's own, not {name!r}"
        )
    return name


def _db_role(given: Mapping[str, str]) -> str | None:
    name = given.get("PRESENCE_DB_ROLE")
    # Of a role "none" SET ROLE makes the owner.
    if name is not None and not re.fullmatch("(?!none$)[A-Za-z0-9_-]{1,63}", name):
        raise SettingsError(
            "PRESENCE_DB_ROLE must be the name of a role: 1 to 63 characters of a-z, A-Z, 0-9, _ "
            f"and -, and not none, not {name!r}"
        )
    return name


def _db_connections(given: Mapping[str, str]) -> int:
    text = given.get("PRESENCE_DB_CONNECTIONS", str(Settings.db_connections))
    if not (text.isascii() and text.isdigit() and 4 <= int(text[:5]) <= 1000):
        raise SettingsError(
            "PRESENCE_DB_CONNECTIONS must be how many connections a process may hold, "
            f"from 4 to 1000, not {text!r}"
        )
    return int(text)


def _listen_url(given: Mapping[str, str]) -> URL | None:
    if "PRESENCE_LISTEN_URL" not in given:
        return None
    url = _url(given, "PRESENCE_LISTEN_URL", "")
    if url.drivername not in _POSTGRESQL:
        raise SettingsError("PRESENCE_LISTEN_URL must be postgresql://…")
    return url


def _url(given: Mapping[str, str], name: str, default: str | URL) -> URL:
    try:
        return make_url(given.get(name, default))
    except (ArgumentError, ValueError):
        # Not quoted: it may hold a password.
        raise SettingsError(f"{name} is not a URL such as postgresql://user@host/name") from None


def _secret_key(given: Mapping[str, str], database_url: URL) -> bytes:
    key = given.get("PRESENCE_SECRET_KEY", "").encode("utf-8", "surrogateescape")
    if not key and database_url == default_database_url():
        key = _key_of_this_instance()
    if not key:
        raise SettingsError(
            "PRESENCE_SECRET_KEY is required with this DATABASE_URL: set it to a random text, "
            "for example from: openssl rand -base64 48"
        )
    if len(key) < SECRET_KEY_BYTES:
        raise SettingsError(f"PRESENCE_SECRET_KEY must be at least {SECRET_KEY_BYTES} bytes long")
    return key


def _secret_key_fallbacks(given: Mapping[str, str]) -> tuple[bytes, ...]:
    keys = given.get("PRESENCE_SECRET_KEY_FALLBACKS", "").split(",")
    fallbacks = tuple(key.strip().encode("utf-8", "surrogateescape") for key in keys if key.strip())
    if any(len(key) < SECRET_KEY_BYTES for key in fallbacks):
        raise SettingsError(
            "PRESENCE_SECRET_KEY_FALLBACKS must be keys of at least "
            f"{SECRET_KEY_BYTES} bytes each, separated by commas"
        )
    return fallbacks


def _trusted_issuers(
    given: Mapping[str, str], secret_keys: tuple[bytes, ...]
) -> tuple[TrustedIssuer, ...]:
    name = "PRESENCE_TRUSTED_ISSUERS"
    try:
        return trusted_issuers.parse(given.get(name, "[]"), secret_keys)
    except BadIssuers as error:
        raise SettingsError(f"{name}{error}") from None


def _key_of_this_instance() -> bytes:
    """The key beside the default database, made by the first process that asks."""
    path = INSTANCE / "secret_key"
    if not path.exists():
        private.make_file(path, secrets.token_urlsafe(48).encode())
    return path.read_bytes()


def _origins(given: Mapping[str, str]) -> frozenset[str]:
    origins = given.get("PRESENCE_CORS_ORIGINS", "").replace(",", " ").split()
    for origin in origins:
        scheme, _, rest = origin.partition("://")
        is_origin = scheme and rest and "/" not in rest and "*" not in rest
        if not is_origin or origin != origin.lower() or rest.endswith(PORTS.get(scheme, "/")):
            raise SettingsError(
                "PRESENCE_CORS_ORIGINS must be origins as browsers send them, separated by "
                "commas: like https://app.example.com, in lower case and without :443 or :80, "
                f"not {origin!r}"
            )
    return frozenset(origins)
