"""Key sets (RFC 7517): which keys of a document may verify tokens, and with which algorithms."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from issuers.fetching import Unreadable

MOST_KEYS = 32  # in one document; issuers have two or three
KEY_ID_LENGTH = 255
RSA_BITS = range(2048, 8193)  # below, it can be broken; above, verifying stops everyone
RSA_EXPONENT_BITS = 32

# What makes a key, and which algorithms it can be for: a key verifies nothing else.
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_KINDS: dict[tuple[str, str | None], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("RSA", None): (("n", "e"), _RSA),
    ("EC", "P-256"): (("crv", "x", "y"), ("ES256",)),
    ("EC", "P-384"): (("crv", "x", "y"), ("ES384",)),
    ("EC", "P-521"): (("crv", "x", "y"), ("ES512",)),
    ("OKP", "Ed25519"): (("crv", "x"), ("EdDSA",)),
}
_PRIVATE = ("d", "k", "p", "q", "dp", "dq", "qi", "oth")

PublicKey = dict[str, str]  # the members that make it, all of them public


class KeyName(NamedTuple):
    """How a token's header names a key and its use."""

    kid: str
    algorithm: str


KeySet = Mapping[KeyName, PyJWK]


def public_keys(document: object) -> list[PublicKey]:
    """The public keys of a key set's document that are for signatures, rid of everything else.

    A private or symmetric key is left out: whoever published it lets everybody sign.

    :raises Unreadable: it is no key set
    """
    found = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise Unreadable("no key set")
    if len(found) > MOST_KEYS:
        raise Unreadable(f"more than {MOST_KEYS} keys")
    checked = (_public(each) for each in found)
    return [each for each in checked if each is not None and any(_usable(each, _algorithms(each)))]


def key_set(keys: Iterable[PublicKey], algorithms: Iterable[str]) -> KeySet:
    """The keys by name, for these algorithms alone; of two with one name, the first."""
    allowed, found = set(algorithms), dict[KeyName, PyJWK]()
    for each in keys:
        for name, key in _usable(each, allowed.intersection(_algorithms(each))):
            found.setdefault(name, key)
    return found


def _public(given: Any) -> PublicKey | None:
    if not isinstance(given, dict) or any(name in given for name in _PRIVATE):
        return None
    kind = _KINDS.get(_kind(given))
    if kind is None or given.get("use", "sig") != "sig":
        return None
    operations = given.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    kid, made_of = given.get("kid"), [given.get(name) for name in kind[0]]
    if not isinstance(kid, str) or not 0 < len(kid) <= KEY_ID_LENGTH:
        return None
    if not all(isinstance(value, str) for value in made_of):
        return None
    public = {"kid": kid, "kty": given["kty"], **dict(zip(kind[0], made_of, strict=True))}
    algorithm = given.get("alg")
    if algorithm is not None:
        if algorithm not in kind[1]:
            return None
        public["alg"] = algorithm
    return public


def _kind(given: Mapping[str, Any]) -> tuple[str, str | None]:
    kty, crv = given.get("kty"), given.get("crv")
    return (str(kty), None if kty == "RSA" else str(crv))


def _algorithms(key: PublicKey) -> tuple[str, ...]:
    return (key["alg"],) if "alg" in key else _KINDS[_kind(key)][1]


def _usable(key: PublicKey, algorithms: Iterable[str]) -> Iterable[tuple[KeyName, PyJWK]]:
    """The key for each of the algorithms; none where nobody should use it."""
    for algorithm in algorithms:
        try:
            made = PyJWK.from_dict(key, algorithm)
        except (PyJWTError, ValueError, OverflowError):
            return
        if not isinstance(made.key, RSAPublicKey) or _is_sound(made.key):
            yield KeyName(key["kid"], algorithm), made


def _is_sound(key: RSAPublicKey) -> bool:
    exponent = key.public_numbers().e
    return key.key_size in RSA_BITS and exponent.bit_length() <= RSA_EXPONENT_BITS
