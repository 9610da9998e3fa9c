"""Keys derived from the secret keys, one for each use (contract.md, "Credentials")."""

import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from settings import Settings


class SigningKey(NamedTuple):
    """:ivar kid: its id in a token's header"""

    kid: str
    key: bytes


def signing_key(settings: Settings) -> SigningKey:
    """The key that signs tokens."""
    return _derived(settings.secret_keys)[0].token


def verifying_keys(secret_keys: tuple[bytes, ...]) -> Mapping[str, bytes]:
    """The keys that verify tokens, by ``kid``: the signing key, and former ones."""
    return dict(each.token for each in _derived(secret_keys))


def code_keys(settings: Settings) -> Sequence[bytes]:
    """The keys for digests of access codes. The first one makes new digests."""
    return [each.code for each in _derived(settings.secret_keys)]


class _Derived(NamedTuple):
    token: SigningKey
    code: bytes


@lru_cache(maxsize=8)
def _derived(secret_keys: tuple[bytes, ...]) -> list[_Derived]:
    return [
        _Derived(_signing_key(each), hmac.digest(each, b"presence access codes", sha256))
        for each in secret_keys
    ]


def _signing_key(secret_key: bytes) -> SigningKey:
    key = hmac.digest(secret_key, b"presence/token/v1", sha256)
    return SigningKey(sha256(key).hexdigest()[:8], key)
