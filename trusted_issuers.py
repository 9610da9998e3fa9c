"""``PRESENCE_TRUSTED_ISSUERS``: whose tokens are taken, and by which rules each is verified.

Everything that could make an entry weaker than its author believes stops the start: contract.md,
"Tokens of a trusted issuer".
"""

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

Scalar = str | int | bool

OURS = "presence"  # the issuer of our own tokens
SECRET_BYTES = 32  # as of PRESENCE_SECRET_KEY
FILE_BYTES = 64 * 1024
TEXT_LENGTH = 255
MOST_ISSUERS = 16  # each has a thread that reads its keys: issuers/keys.py
WITH_SECRET = "HS256"  # noqa: S105 - the name of an algorithm
ALGORITHMS = (
    *("ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"),
    WITH_SECRET,
)
WRITTEN_BY_USERS = "user_metadata"
_NAMES = {"issuer", "jwks", "secret_file", "algorithms", "audience", "require", "org"}


class BadIssuers(ValueError):
    """The setting can't be used; the message goes on after its name, in one line."""


@dataclass(frozen=True)
class TrustedIssuer:
    """One entry.

    :ivar issuer: the ``iss`` of its tokens
    :ivar jwks: where its keys are: a URL or a file's path; None for what its discovery says
    :ivar secret: of a legacy HS256 issuer, which has no keys
    :ivar require: further claims, which must have exactly these values
    :ivar org: the path of the claim that names the org
    """

    issuer: str
    algorithms: tuple[str, ...]
    audience: str
    jwks: str | None = None
    secret: bytes | None = field(default=None, repr=False)
    require: tuple[tuple[str, Scalar], ...] = ()
    org: str | None = None


def parse(text: str, secret_keys: Sequence[bytes]) -> tuple[TrustedIssuer, ...]:
    """Read and check the setting.

    :param text: JSON, or ``@`` and the path of a file with it
    :param secret_keys: our own, which no issuer may have
    :raises BadIssuers: it can't be used
    """
    if text.startswith("@"):
        text = _content(text[1:], "").decode("utf-8", "replace")
    try:
        entries = json.loads(text, object_pairs_hook=_without_repetition)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadIssuers(f" is not JSON ({getattr(error, 'msg', 'too deep')}): {_SHAPE}") from None
    if not isinstance(entries, list) or len(entries) > MOST_ISSUERS:
        raise BadIssuers(f" must be a list of at most {MOST_ISSUERS} issuers: {_SHAPE}")
    issuers: list[TrustedIssuer] = []
    for number, entry in enumerate(entries, 1):
        issuer = _Entry(number, entry).checked(secret_keys)
        if issuer.issuer in [other.issuer for other in issuers]:
            raise BadIssuers(
                f", entry {number}: there is another entry for {issuer.issuer}: remove one of them"
            )
        issuers.append(issuer)
    return tuple(issuers)


_SHAPE = 'write [{"issuer": "https://…", "algorithms": ["ES256"], "audience": "…"}], or @file'


class _Entry:
    """An entry while it is checked."""

    def __init__(self, number: int, entry: object) -> None:
        self._where = f", entry {number}"
        if not isinstance(entry, dict):
            self._fail(f"must be an object: {_SHAPE}")
        self._given: dict[str, Any] = entry
        unknown = sorted(set(entry) - _NAMES)
        if unknown:
            self._fail(f"does not know {_quoted(unknown[0])}: use {', '.join(sorted(_NAMES))}")

    def checked(self, secret_keys: Sequence[bytes]) -> TrustedIssuer:
        issuer = self._issuer()
        algorithms = self._algorithms()
        if "secret_file" in self._given:
            if "jwks" in self._given:
                self._fail('has "jwks" and "secret_file": remove one of them')
            if algorithms != (WITH_SECRET,):
                self._fail('with "secret_file" needs "algorithms": ["HS256"]')
            secret = self._secret(secret_keys)
        elif WITH_SECRET in algorithms:
            self._fail('with HS256 needs "secret_file", and "algorithms": ["HS256"] alone')
        else:
            secret = None
        return TrustedIssuer(
            issuer=issuer,
            algorithms=algorithms,
            audience=self._text("audience"),
            jwks=None if secret is not None else self._jwks(issuer),
            secret=secret,
            require=self._require(),
            org=self._org(),
        )

    def _issuer(self) -> str:
        issuer = self._text("issuer")
        self._where += f" ({issuer})"
        if issuer == OURS:
            self._fail('is for our own tokens: "issuer" must be the iss of somebody else\'s')
        if "://" in issuer:
            self._require_https("issuer", issuer)
        return issuer

    def _algorithms(self) -> tuple[str, ...]:
        given = self._given.get("algorithms")
        if not isinstance(given, list) or not given:
            self._fail('needs "algorithms": a list such as ["ES256"]')
        for name in given:
            if name not in ALGORITHMS:
                self._fail(f"can't use the algorithm {_quoted(name)}: use {', '.join(ALGORITHMS)}")
        if WITH_SECRET in given and set(given) != {WITH_SECRET}:
            self._fail("mixes HS256 with algorithms of public keys: use two issuers, or one kind")
        return tuple(dict.fromkeys(given))

    def _secret(self, secret_keys: Sequence[bytes]) -> bytes:
        secret = _content(self._text("secret_file"), self._where).strip()
        if len(secret) < SECRET_BYTES:
            self._fail(f"needs a secret of at least {SECRET_BYTES} bytes in its secret_file")
        if secret in [key.strip() for key in secret_keys]:
            self._fail(
                "has the same secret as PRESENCE_SECRET_KEY or a fallback: give Presence another"
            )
        return secret

    def _jwks(self, issuer: str) -> str | None:
        if "jwks" not in self._given:
            if "://" not in issuer:
                self._fail('needs "jwks": its "issuer" is no https URL with a discovery document')
            return None
        jwks = self._text("jwks")
        if "://" in jwks:
            self._require_https("jwks", jwks)
        else:
            _content(jwks, self._where)
        return jwks

    def _require(self) -> tuple[tuple[str, Scalar], ...]:
        given = self._given.get("require", {})
        if not isinstance(given, dict):
            self._fail('needs an object as "require", such as {"role": "authenticated"}')
        for name, value in given.items():
            self._require_not_written_by_users("require", name)
            if not isinstance(value, Scalar):
                self._fail(f'must "require" a text, a whole number, true or false of {name}')
        return tuple(given.items())

    def _org(self) -> str | None:
        if "org" not in self._given:
            return None
        path = self._text("org")
        if not all(path.split(".")):
            self._fail('needs the path of a claim as "org", such as app_metadata.org_id')
        self._require_not_written_by_users("org", path)
        return path

    def _require_not_written_by_users(self, name: str, path: str) -> None:
        if path.split(".")[0] == WRITTEN_BY_USERS:
            self._fail(
                f'must not take "{name}" from {WRITTEN_BY_USERS}, which users write themselves: '
                "use a claim such as app_metadata.org_id"
            )

    def _require_https(self, name: str, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if host is None or parts.query or parts.fragment or "@" in parts.netloc:
            self._fail(f'needs a plain URL as "{name}", such as https://example.com/auth/v1')
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
            self._fail(f'needs https in "{name}": plain http is for loopback alone')

    def _text(self, name: str) -> str:
        value = self._given.get(name)
        if not isinstance(value, str) or not value or len(value) > TEXT_LENGTH:
            self._fail(f'needs "{name}": a text of 1 to {TEXT_LENGTH} characters')
        if not value.isprintable() or value != value.strip():
            self._fail(f'has white space or control characters in "{name}": remove them')
        return value

    def _fail(self, what: str) -> NoReturn:
        raise BadIssuers(f"{self._where} {what}")


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _content(path: str, where: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadIssuers(f"{where}: {_quoted(path)} can't be read: {reason}") from None
    if len(content) > FILE_BYTES:
        raise BadIssuers(f"{where}: {_quoted(path)} has more than {FILE_BYTES} bytes")
    return content


def _quoted(given: object) -> str:
    """What somebody wrote, on one line and not at length."""
    return repr(given)[:100]


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise BadIssuers(f" says {_quoted(repeated)} twice in one object: remove one")
    return found
