"""Bearer tokens: which are taken, which are refused and why, and how they are revoked."""

import hmac
import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from uuid import uuid4

import jwt
import pytest

from models import Membership
from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.settings import SECRET_KEY
from tests.support.world import World, ago, dump

CLAIMS = ["iss", "aud", "sub", "org", "mid", "sid", "gen", "auth_time", "iat", "exp"]

# contract.md, "Credentials", said again: another library's users make their own of it.
KEY = hmac.digest(SECRET_KEY.encode(), b"presence/token/v1", sha256)
KID = sha256(KEY).hexdigest()[:8]


def claims_of(world: World, member: Membership, **changes: Any) -> dict[str, Any]:
    """The claims of a good token, with ``changes``; ``...`` leaves a claim out."""
    claims = decoded(world.token(member)) | changes
    return {name: value for name, value in claims.items() if value is not ...}


def decoded(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, KEY, algorithms=["HS256"], audience="presence")
    return claims


def signed(
    claims: dict[str, Any], key: str | bytes = KEY, algorithm: str = "HS256", kid: Any = KID
) -> str:
    # Not jwt.encode(): it refuses to make some of what a forger makes.
    headers = {} if kid is ... else {"kid": kid}
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key, algorithm, headers)


def signed_with_header(header: Any, claims: dict[str, Any]) -> str:
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = hmac.digest(KEY, b".".join(parts), sha256)
    return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def assert_refused(client: AppClient, authorization: str | None, reason: str) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for answer in (
        client.get("/v1/presence", headers=headers),
        client.post("/v1/clock-out", headers=headers),
    ):
        assert_problem(answer, 401, "not_authenticated", reason=reason)


def test_a_token_says_who_and_nothing_else(world: World) -> None:
    ana, acme = world.va(), world.account()
    claims = claims_of(world, ana)
    assert list(claims) == CLAIMS
    assert (claims["iss"], claims["aud"]) == ("presence", "presence")
    assert (claims["sub"], claims["mid"]) == (str(ana.user_id), str(ana.id))
    assert claims["org"] == str(world.id)
    assert claims["exp"] - claims["iat"] == 12 * 3600
    assert decoded(world.token(ana, account=acme))["acct"] == str(acme.id)
    header = jwt.get_unverified_header(world.token(ana))
    assert header == {"alg": "HS256", "typ": "JWT", "kid": KID}


@pytest.mark.parametrize("environment", [{"PRESENCE_TOKEN_TTL": "600"}])
def test_the_operator_sets_how_long_a_token_lasts(world: World) -> None:
    claims = claims_of(world, world.va())
    assert claims["exp"] - claims["iat"] == 600


def test_a_request_without_a_bearer_is_refused(client: AppClient) -> None:
    for header in (None, "", "Basic eDp5", "Token x"):
        assert_refused(client, header, "missing")


def test_the_scheme_is_taken_in_any_case(world: World, client: AppClient) -> None:
    token = world.token(world.va())
    for scheme in ("Bearer", "bearer", "BEARER "):
        assert (
            client.get("/v1/me", headers={"Authorization": f"{scheme} {token}"}).status_code == 200
        )


# PyJWT finds the key short for HS384.
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_forged_tokens_are_invalid(world: World, client: AppClient) -> None:
    maya = world.admin()
    good, claims = world.token(maya), claims_of(world, maya)
    head, body, signature = good.split(".")
    other_body = signed({**claims, "gen": 1}).split(".")[1]
    before = dump(world.database)
    for forged in (
        "",
        "nonsense",
        "é",
        "a.b.c",
        "...",
        f"{head}.{body}.",
        f"{head}.{other_body}.{signature}",
        signed(claims, key="another key of thirty-two bytes or more"),
        signed(claims, key=SECRET_KEY),
        signed(claims, key=SECRET_KEY, kid=...),
        signed(claims, kid=...),
        signed(claims, kid="00000000"),
        signed(claims, kid=KID.upper()),
        signed(claims, kid=""),
        signed_with_header({"alg": "HS256", "kid": [KID]}, claims),
        signed_with_header({"alg": "HS256", "kid": None}, claims),
        signed_with_header([], claims),
        signed(claims, algorithm="HS384"),
        signed(claims, key="x" * 64, algorithm="HS512"),
        jwt.encode(claims, "", algorithm="none", headers={"kid": KID}),
        jwt.encode(claims, "", algorithm="none", headers={"kid": KID}) + signature,
        signed({**claims, "iss": "elsewhere"}),
        signed({**claims, "aud": "elsewhere"}),
        signed({**claims, "aud": ["presence"]}),
        good + "x",
    ):
        assert_refused(client, f"Bearer {forged}", "invalid")
    assert dump(world.database) == before


def test_a_token_from_a_server_whose_clock_is_ahead_is_taken(
    world: World, client: AppClient
) -> None:
    claims = claims_of(world, world.admin())
    ahead = {**claims, "iat": claims["iat"] + 60, "auth_time": claims["auth_time"] + 60}
    answer = client.get("/v1/me", headers={"Authorization": f"Bearer {signed(ahead)}"})
    assert answer.status_code == 200


def wrong_values(claim: str) -> list[Any]:
    """What the claim can't be; ``...`` is none at all."""
    wrong: list[Any] = [..., None, [], {}, "x", "\x00"]
    if claim in ("iss", "aud", "sub", "org", "mid", "sid"):
        return [*wrong, 0, True, str(uuid4())[:-1]]
    wrong += [1e300, float("inf"), float("nan")]
    if claim == "gen":
        return [*wrong, "0", "1", 0.5]  # a whole number would be another generation: revoked
    wrong.append(10**30)
    return [*wrong, -1e300] if claim == "auth_time" else wrong


def test_a_claim_that_is_missing_or_of_another_type_is_invalid(
    world: World, client: AppClient
) -> None:
    ana = world.va()
    for claim in CLAIMS:
        for value in wrong_values(claim):
            token = signed(claims_of(world, ana, **{claim: value}))
            assert_refused(client, f"Bearer {token}", "invalid")


def test_a_bound_account_of_another_type_is_invalid(world: World, client: AppClient) -> None:
    wrong: tuple[object, ...] = (5, [], {}, "x", True)
    for value in wrong:
        token = signed(claims_of(world, world.va(), acct=value))
        assert_refused(client, f"Bearer {token}", "invalid")


def test_a_token_whose_time_is_over_is_expired(world: World, client: AppClient) -> None:
    ana = world.va()
    now = int(utc_now().timestamp())
    assert_refused(client, f"Bearer {signed(claims_of(world, ana, exp=now - 1))}", "expired")
    assert_refused(client, f"Bearer {world.token(ana, ttl_seconds=0)}", "expired")


def test_a_token_of_another_generation_is_revoked(world: World, client: AppClient) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    old, of_ben = world.bearer(ana), world.bearer(ben)
    world.revoke_tokens(ana)
    assert_refused(client, old["Authorization"], "revoked")
    for generation in (2, -1, 10**30):
        token = signed(claims_of(world, ana, gen=generation))
        assert_refused(client, f"Bearer {token}", "revoked")
    for headers in (world.bearer(ana), of_ben):
        assert client.get("/v1/me", headers=headers).status_code == 200


def test_a_token_names_one_membership_of_one_org(world: World, client: AppClient) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    other = World(world.database, world.settings, "Another org")
    for changes in (
        {"org": str(other.id)},
        {"org": str(uuid4())},
        {"mid": str(ben.id)},
        {"sub": str(ben.user_id)},
        {"mid": str(other.admin().id)},
        {"sid": str(uuid4())},
        {"sid": claims_of(world, ben)["sid"]},
    ):
        token = signed(claims_of(world, ana, **changes))
        assert_refused(client, f"Bearer {token}", "revoked")


def test_an_erased_members_token_is_revoked(world: World, client: AppClient) -> None:
    ana = world.va()
    headers = world.bearer(ana)
    world.clock_in(ana, world.account())
    world.erase(ana)
    assert_refused(client, headers["Authorization"], "revoked")


def test_a_deactivated_member_is_shut_out_at_once(world: World, client: AppClient) -> None:
    ana = world.va()
    headers, held = world.bearer(ana), world.clock_in(ana, world.account())
    world.deactivate(ana)
    assert_refused(client, headers["Authorization"], "deactivated")
    beat = client.post("/v1/heartbeat", json={"presence_id": held.presence_id}, headers=headers)
    assert_problem(beat, 401, "not_authenticated", reason="deactivated")
    renewed = client.post("/v1/sessions/renew", json={}, headers=headers)
    assert_problem(renewed, 401, "not_authenticated", reason="deactivated")


def test_a_revoked_token_gets_no_304(world: World, client: AppClient) -> None:
    ana = world.va()
    headers = world.bearer(ana)
    headers["If-None-Match"] = client.get("/v1/presence", headers=headers).headers["ETag"]
    assert client.get("/v1/presence", headers=headers).status_code == 304
    world.revoke_tokens(ana)
    assert_problem(client.get("/v1/presence", headers=headers), 401, "not_authenticated")


def test_a_changed_role_takes_effect_with_the_same_token(world: World, client: AppClient) -> None:
    ana = world.va()
    headers = world.bearer(ana)
    tag = client.get("/v1/presence", headers=headers).headers["ETag"]
    world.change_role(ana, "admin")
    answer = client.get("/v1/presence", headers={**headers, "If-None-Match": tag})
    assert (answer.status_code, answer.json["view"]) == (200, "admin")


def test_a_token_issued_in_the_past_lasts_its_time_from_then(
    world: World, client: AppClient
) -> None:
    ana = world.va()
    issued = int(ago(12 * 3600 - 60).timestamp())
    good = claims_of(world, ana, iat=issued, auth_time=issued, exp=issued + 12 * 3600)
    headers = {"Authorization": f"Bearer {signed(good)}"}
    assert client.get("/v1/me", headers=headers).status_code == 200
    late = {**good, "exp": good["exp"] - 120}
    assert_refused(client, f"Bearer {signed(late)}", "expired")
