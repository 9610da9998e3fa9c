"""A token of a trusted issuer is verified by its entry alone."""

import hmac
import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models import Membership
from tests.support.app_client import AppClient
from tests.support.issuer import Issuer, SigningKey, enrol, key, serving, signed
from tests.support.problems import assert_problem
from tests.support.world import World

ME = "/v1/me"


@pytest.fixture
def ana(world: World) -> Membership:
    return world.va()


@pytest.fixture(scope="module")
def another_issuer() -> Iterator[Issuer]:
    with serving() as issuer:
        issuer.keys = [key("another")]
        yield issuer


@pytest.fixture
def environment(issuer: Issuer, another_issuer: Issuer) -> dict[str, str]:
    issuer.keys = [key("one"), key("rsa", "RS256")]
    entries = [issuer.entry, another_issuer.entry]
    return {"PRESENCE_TRUSTED_ISSUERS": json.dumps(entries)}


def reason(client: AppClient, token: str) -> str:
    """Why a token is refused."""
    answer = client.get(ME, headers={"Authorization": f"Bearer {token}"})
    problem = assert_problem(answer, 401, "not_authenticated")
    return str(problem["reason"])


def test_a_member_is_known_by_their_user_id(
    client: AppClient, issuer: Issuer, ana: Membership
) -> None:
    for by in issuer.keys:
        answer = client.get(ME, headers=issuer.bearer(ana.user_id, by=by))
        assert answer.status_code == 200, answer.data
        assert answer.json["member"]["id"] == str(ana.id)
        assert answer.json["org"]["id"] == str(ana.org_id)


def test_an_algorithm_can_t_be_confused(client: AppClient, issuer: Issuer, ana: Membership) -> None:
    """A public key is public: as an HMAC's secret it would let anyone sign."""
    claims, signing = issuer.claims(ana.user_id), issuer.keys[0]
    pem = signing.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = signing.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, der, json.dumps(signing.public).encode()):
        sign = partial(_hmac, secret)
        assert reason(client, _signed_as("HS256", claims, sign)) == "invalid"
    assert reason(client, _signed_as("none", claims, lambda _: b"")) == "invalid"
    assert reason(client, _signed_as("NONE", claims, lambda _: b"")) == "invalid"


def _hmac(secret: bytes, data: bytes) -> bytes:
    return hmac.digest(secret, data, "sha256")


def _signed_as(algorithm: str, claims: dict[str, Any], sign: Any) -> str:
    parts = [{"alg": algorithm, "typ": "JWT", "kid": "one"}, claims]
    coded = [jwt.utils.base64url_encode(json.dumps(part).encode()) for part in parts]
    data = b".".join(coded)
    return (data + b"." + jwt.utils.base64url_encode(sign(data))).decode()


def test_a_key_is_for_its_own_algorithm(client: AppClient, issuer: Issuer, ana: Membership) -> None:
    """Its kid is known, but not with this algorithm."""
    rsa = SigningKey("one", "RS256", key("rsa", "RS256").private)
    assert reason(client, issuer.token(ana.user_id, by=rsa)) == "invalid"
    ps = SigningKey("rsa", "PS256", key("rsa", "RS256").private)
    assert reason(client, issuer.token(ana.user_id, by=ps)) == "invalid"


def test_a_key_verifies_its_own_issuer_s_tokens_alone(
    client: AppClient, issuer: Issuer, another_issuer: Issuer, ana: Membership
) -> None:
    assert reason(client, issuer.token(ana.user_id, by=another_issuer.keys[0])) == "invalid"
    forged = another_issuer.claims(ana.user_id) | {"iss": issuer.url}
    assert reason(client, signed(forged, another_issuer.keys[0])) == "invalid"
    same_kid = SigningKey("one", "ES256", another_issuer.keys[0].private)
    assert reason(client, issuer.token(ana.user_id, by=same_kid)) == "invalid"
    assert client.get(ME, headers=another_issuer.bearer(ana.user_id)).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"role": "anon"},
        {"role": "service_role"},
        {"role": ["authenticated"]},
        {"role": None},
        {"is_anonymous": True},
        {"is_anonymous": 0},
        {"is_anonymous": "false"},
        {"aud": "somebody else"},
        {"aud": []},
        {"aud": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": 7},
        {"sub": "\ud800"},
        {"iat": True},
        {"iat": "0"},
        {"iat": 4e9},
        {"nbf": 4e9},
        {"nbf": "soon"},
        {"exp": "4000000000"},
        {"exp": 1e300},
        {"exp": True},
        {"app_metadata": {"org_id": "acme"}},
        {"app_metadata": {"org_id": 7}},
    ],
    ids=str,
)
def test_what_the_entry_does_not_allow_is_invalid(
    client: AppClient, issuer: Issuer, ana: Membership, claims: dict[str, Any]
) -> None:
    assert reason(client, issuer.token(ana.user_id, **claims)) in ("invalid", "expired")


@pytest.mark.parametrize("name", ["aud", "exp", "iat", "sub", "role", "is_anonymous"])
def test_a_claim_that_is_missing_is_not_equal(
    client: AppClient, issuer: Issuer, ana: Membership, name: str
) -> None:
    claims = issuer.claims(ana.user_id)
    del claims[name]
    assert reason(client, signed(claims, issuer.keys[0])) == "invalid"


def test_times_have_a_tolerance_of_a_minute(
    client: AppClient, issuer: Issuer, ana: Membership
) -> None:
    now = int(issuer.claims("")["iat"])
    tolerated: list[dict[str, Any]] = [{"exp": now - 50}, {"iat": now + 50}, {"nbf": now + 50}]
    for claims in tolerated:
        assert client.get(ME, headers=issuer.bearer(ana.user_id, **claims)).status_code == 200
    assert reason(client, issuer.token(ana.user_id, exp=now - 70)) == "expired"
    assert reason(client, issuer.token(ana.user_id, iat=now + 70)) == "invalid"
    assert reason(client, issuer.token(ana.user_id, nbf=now + 70)) == "invalid"


@pytest.mark.parametrize("kid", [None, "", "two", 1, ["one"], "one\n", "ONE"], ids=repr)
def test_a_token_names_a_key_that_is_known(
    client: AppClient, issuer: Issuer, ana: Membership, kid: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is but one key; and no work is done on the signature before."""

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("the signature was looked at")

    monkeypatch.setattr("jwt.api_jws.PyJWS._verify_signature", fail)
    claims = issuer.claims(ana.user_id)
    header = {} if kid is None else {"kid": kid}
    parts = [{"alg": "ES256", **header}, claims]
    coded = [jwt.utils.base64url_encode(json.dumps(part).encode()) for part in parts]
    assert reason(client, b".".join([*coded, b"c2ln"]).decode()) == "invalid"


def test_a_token_of_any_form_is_refused(client: AppClient, issuer: Issuer) -> None:
    whole = issuer.token(uuid4())
    header, payload, signature = whole.split(".")
    deep = jwt.utils.base64url_encode(b"[" * 3000).decode()
    many = jwt.utils.base64url_encode(b'{"iss": ' + b"9" * 5000 + b"}").decode()
    for raw in (
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}..{signature}",
        f".{payload}.{signature}",
        f"{deep}.{payload}.{signature}",
        f"{header}.{deep}.{signature}",
        f"{header}.{many}.{signature}",
        f"{whole}.{signature}",
        whole[:-2],
        "x" * 10_000,
    ):
        assert reason(client, raw) == "invalid"


def test_a_subject_that_is_no_id_has_one_made_of_it(
    client: AppClient, issuer: Issuer, world: World, ana: Membership
) -> None:
    user_id = uuid5(NAMESPACE_URL, f"{issuer.url}#auth0|ana")
    known = enrol(world, user_id)
    answer = client.get(ME, headers=issuer.bearer("auth0|ana"))
    assert answer.json["member"]["id"] == str(known.id)
    for spelling in (str(ana.user_id).upper(), ana.user_id.hex, f"{{{ana.user_id}}}"):
        assert reason(client, issuer.token(spelling)) == "unknown_member"


def test_an_audience_may_be_one_of_several(
    client: AppClient, issuer: Issuer, ana: Membership
) -> None:
    asked = issuer.bearer(ana.user_id, aud=["else", "authenticated"])
    assert client.get(ME, headers=asked).status_code == 200


def test_own_tokens_go_on(client: AppClient, world: World, ana: Membership) -> None:
    asked = world.bearer(ana) | {"Presence-Org": "no id at all"}
    assert client.get(ME, headers=asked).status_code == 200
