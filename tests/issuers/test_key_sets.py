"""Which keys of a key set may verify tokens."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from models import StoredKeys
from models.database import Database
from models.reach import NO_ORG
from tests.support.issuer import JWKS, Issuer, SigningKey, key
from tests.support.issuer_process import Start


@pytest.mark.parametrize(
    "document",
    [
        {"keys": {}},
        [],
        "keys",
        None,
        {"keys": [None, 7, "x", [], {}]},
    ],
    ids=str,
)
def test_no_key_is_made_of_nonsense(start: Start, issuer: Issuer, document: Any) -> None:
    issuer.answers[JWKS] = lambda: document
    assert start().step(0) == set()


def test_too_many_keys_are_none(start: Start, issuer: Issuer) -> None:
    issuer.answers[JWKS] = lambda: {"keys": [key("one").public] * 33}
    assert start().step(0) == set()


@pytest.mark.parametrize(
    "change",
    [
        {"kid": None},
        {"kid": ""},
        {"kid": 7},
        {"kid": "x" * 256},
        {"kty": "oct", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IQ"},
        {"d": "AQAB"},
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"alg": "HS256"},
        {"alg": "ES384"},
        {"alg": ["ES256"]},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"x": "AAAA"},
        {"x": 7},
        {"kty": ["EC"]},
    ],
    ids=str,
)
def test_a_key_that_nobody_should_use_is_left_out(
    start: Start, issuer: Issuer, change: dict[str, Any]
) -> None:
    issuer.answers[JWKS] = lambda: {"keys": [key("one").public | change, key("two").public]}
    assert start().step(0) == {"two"}


def test_an_rsa_key_is_neither_weak_nor_slow(start: Start, issuer: Issuer) -> None:
    sound = key("rsa", "RS256")
    weak = SigningKey("weak", "RS256", rsa.generate_private_key(65537, 1024)).public  # noqa: S505
    slow = sound.public | {"kid": "slow", "e": sound.public["n"]}
    issuer.answers[JWKS] = lambda: {"keys": [weak, slow, sound.public]}
    assert start().step(0) == {"rsa"}


def test_the_database_has_public_keys_alone(
    start: Start, issuer: Issuer, database: Database
) -> None:
    more = {"x5c": ["MII…"], "private_note": "secret"}
    issuer.answers[JWKS] = lambda: {"keys": [key("one").public | more], "note": "secret"}
    start().step(0)
    with database.read(NO_ORG) as session:
        (kept,) = session.query(StoredKeys).all()
        assert [set(each) for each in kept.keys] == [{"kid", "kty", "crv", "x", "y", "alg"}]


def test_a_key_verifies_nothing_but_what_the_entry_allows(start: Start, issuer: Issuer) -> None:
    issuer.keys = [key("one"), key("rsa", "RS256")]
    assert start(algorithms=["RS256"]).step(0) == {"rsa"}
