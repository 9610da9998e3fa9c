"""How our own tokens are read, and how long what was read is believed."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace

import jwt
import pytest

from services import keys, tokens
from services.errors import NotAuthenticated
from services.times import utc_now
from tests.support.world import World


def taken(raw: str, world: World) -> bool:
    try:
        tokens.verify(raw, world.settings, now=utc_now())
    except NotAuthenticated:
        return False
    return True


def test_a_header_that_demands_more_than_we_know_is_refused(world: World) -> None:
    raw, key = world.token(world.va()), keys.signing_key(world.settings)
    claims = jwt.decode(raw, options={"verify_signature": False})
    for more, is_taken in (({}, True), ({"crit": ["b64"], "b64": True}, False), ({"x": 1}, True)):
        made = jwt.PyJWS().encode(
            json.dumps(claims).encode(), key.key, "HS256", {"kid": key.kid, **more}
        )
        assert taken(made, world) is is_taken


@pytest.mark.parametrize("header", ["[" * 4000, "{}", "null", '"kid"', '{"kid":{}}', "\x00"])
def test_a_malformed_header_is_invalid(world: World, header: str) -> None:
    _, body, signature = world.token(world.va()).split(".")
    head = urlsafe_b64encode(header.encode()).decode().rstrip("=")
    with pytest.raises(NotAuthenticated):
        tokens.verify(f"{head}.{body}.{signature}", world.settings, now=utc_now())


def test_a_token_that_was_right_expires(world: World) -> None:
    raw = world.token(world.va())
    expires_at = tokens.verify(raw, world.settings, now=utc_now()).claims.expires_at
    with pytest.raises(NotAuthenticated) as refused:
        tokens.verify(raw, world.settings, now=expires_at)
    assert refused.value.fields["reason"] == "expired"


def test_a_token_that_was_right_is_not_after_its_key_is_gone(world: World) -> None:
    raw = world.token(world.va())
    tokens.verify(raw, world.settings, now=utc_now())
    with pytest.raises(NotAuthenticated):
        tokens.verify(
            raw,
            replace(world.settings, secret_key=b"another key, of 32 bytes or more"),
            now=utc_now(),
        )
