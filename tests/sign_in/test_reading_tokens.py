"""How our own tokens are read: PyJWT is the judge, which has no part in it."""

import json
from base64 import urlsafe_b64encode
from string import ascii_letters, digits

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services import keys, tokens
from services.errors import NotAuthenticated
from services.times import utc_now
from tests.support.world import World

ALPHABET = ascii_letters + digits + "-_.=+/ é\n"


def taken(raw: str, world: World) -> bool:
    try:
        tokens.verify(raw, world.settings, now=utc_now())
    except NotAuthenticated:
        return False
    return True


def is_right(raw: str, world: World) -> bool:
    """Whether PyJWT finds it signed with our key."""
    try:
        jwt.decode(raw, keys.signing_key(world.settings).key, ["HS256"], audience="presence")
    except (jwt.PyJWTError, ValueError):
        return False
    return True


def test_a_changed_token_is_taken_only_where_pyjwt_takes_it(world: World) -> None:
    raw = world.token(world.va())
    assert taken(raw, world)

    @settings(max_examples=300, deadline=None)
    @given(
        at=st.integers(0, len(raw)),
        cut=st.integers(0, 2),
        put=st.text(ALPHABET, max_size=2),
    )
    def change(at: int, cut: int, put: str) -> None:
        changed = raw[:at] + put + raw[at + cut :]
        assert not taken(changed, world) or is_right(changed, world)

    change()


@pytest.mark.parametrize("ending", ["=", "==", ".", "é"])
def test_a_token_has_one_spelling(world: World, ending: str) -> None:
    raw = world.token(world.va())
    assert not taken(raw + ending, world)
    spelled_otherwise = raw[:-1] + chr(ord(raw[-1]) + 1)  # the last character has bits to spare
    assert not taken(spelled_otherwise, world)


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
