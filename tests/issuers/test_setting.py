"""PRESENCE_TRUSTED_ISSUERS: what would make an entry weaker than it looks stops the start."""

import json
from pathlib import Path
from typing import Any

import pytest

from settings import Settings, SettingsError
from tests.support.settings import SECRET_KEY, settings_for

NAME = "PRESENCE_TRUSTED_ISSUERS"
URL = "https://abc.supabase.co/auth/v1"
ENTRY: dict[str, Any] = {
    "issuer": URL,
    "jwks": f"{URL}/.well-known/jwks.json",
    "algorithms": ["ES256", "RS256"],
    "audience": "authenticated",
    "require": {"role": "authenticated", "is_anonymous": False},
    "org": "app_metadata.org_id",
}
LEGACY = {"issuer": URL, "algorithms": ["HS256"], "audience": "authenticated"}


def load(*entries: object, text: str | None = None) -> Settings:
    return settings_for("sqlite:///x", **{NAME: text or json.dumps(entries)})


def refused(*entries: object, text: str | None = None) -> str:
    """Why the setting stops the start: one line that names it."""
    with pytest.raises(SettingsError) as stopped:
        load(*entries, text=text)
    line = str(stopped.value)
    assert line.startswith(NAME)
    assert "\n" not in line
    return line


def but(**changes: object) -> dict[str, Any]:
    """The entry with changes; None leaves something out."""
    changed = ENTRY | changes
    return {name: value for name, value in changed.items() if value is not None}


def test_the_contract_s_example_is_read() -> None:
    (issuer,) = load(ENTRY).trusted_issuers
    assert (issuer.issuer, issuer.audience, issuer.org) == (
        URL,
        "authenticated",
        "app_metadata.org_id",
    )
    assert issuer.require == (("role", "authenticated"), ("is_anonymous", False))
    assert load().trusted_issuers == ()


def test_the_setting_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "issuers.json"
    file.write_text(json.dumps([ENTRY]))
    assert load(text=f"@{file}").trusted_issuers == load(ENTRY).trusted_issuers
    assert "no such" in refused(text=f"@{tmp_path}/nothing").lower()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("text", "must be an object"),
        (but(isuer=URL), "does not know 'isuer'"),
        (but(issuer=None), 'needs "issuer"'),
        (but(issuer=""), 'needs "issuer"'),
        (but(issuer="x" * 256), 'needs "issuer"'),
        (but(issuer="a\nb"), "control characters"),
        (but(issuer="presence"), "our own tokens"),
        (but(issuer="http://abc.supabase.co/auth/v1"), "https"),
        (but(issuer="https://user@abc.supabase.co"), "plain URL"),
        (but(issuer="https://"), "plain URL"),
        (but(issuer="acme", jwks=None), 'needs "jwks"'),
        (but(jwks="http://abc.supabase.co/jwks"), "https"),
        (but(jwks="https://abc.supabase.co:99999/jwks"), "plain URL"),
        (but(jwks="/no/such/file"), "can't be read"),
        (but(audience=None), 'needs "audience"'),
        (but(audience=["a"]), 'needs "audience"'),
        (but(algorithms=None), 'needs "algorithms"'),
        (but(algorithms=[]), 'needs "algorithms"'),
        (but(algorithms=["none"]), "can't use the algorithm 'none'"),
        (but(algorithms=["HS512"]), "can't use"),
        (but(algorithms=["HS256", "RS256"]), "mixes HS256"),
        (but(algorithms=["HS256"]), "secret_file"),
        (but(secret_file="x"), 'has "jwks" and "secret_file"'),
        (but(jwks=None, secret_file="x"), '"algorithms": ["HS256"]'),
        (but(require=["role"]), "needs an object"),
        (but(require={"role": None}), "text, a whole number"),
        (but(require={"role": 1.5}), "text, a whole number"),
        (but(require={"user_metadata.role": "x"}), "which users write themselves"),
        (but(org="user_metadata.org_id"), "which users write themselves"),
        (but(org="user_metadata"), "which users write themselves"),
        (but(org="app_metadata..org"), "path of a claim"),
        (but(org=7), 'needs "org"'),
    ],
    ids=str,
)
def test_a_bad_entry_is_named_with_what_to_do(entry: Any, said: str) -> None:
    line = refused(ENTRY | {"issuer": "https://first.example"}, entry)
    assert "entry 2" in line
    assert said in line


@pytest.mark.parametrize("text", ["{}", "7", "null", "[", "nonsense", "[" * 5000])
def test_what_is_no_list_is_said_to_be_none(text: str) -> None:
    assert '[{"issuer": "https://…"' in refused(text=text)


def test_one_issuer_has_one_entry() -> None:
    assert f"another entry for {URL}" in refused(ENTRY, but(audience="else"))


def test_nothing_is_said_twice() -> None:
    assert "twice" in refused(text='[{"issuer": "a", "issuer": "b"}]')


def test_http_is_for_loopback() -> None:
    for host in ("127.0.0.1:54321", "localhost:54321", "[::1]:54321"):
        assert load(but(issuer=f"http://{host}/auth/v1", jwks=None)).trusted_issuers


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("short", "at least 32 bytes"),
        (SECRET_KEY, "same secret as PRESENCE_SECRET_KEY"),
        (SECRET_KEY + "\n", "same secret as PRESENCE_SECRET_KEY"),
        ("a fallback of thirty-two bytes or more", "same secret"),
    ],
)
def test_a_legacy_secret_is_long_and_not_ours(tmp_path: Path, secret: str, said: str) -> None:
    file = tmp_path / "secret"
    file.write_text(secret)
    text = json.dumps([LEGACY | {"secret_file": str(file)}])
    fallbacks = "a fallback of thirty-two bytes or more"
    with pytest.raises(SettingsError, match=said):
        settings_for(
            "sqlite:///x", PRESENCE_SECRET_KEY_FALLBACKS=fallbacks, PRESENCE_TRUSTED_ISSUERS=text
        )


def test_a_legacy_secret_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("x" * 40)
    settings = load(LEGACY | {"secret_file": str(file)})
    assert settings.trusted_issuers[0].secret == b"x" * 40
    assert "x" * 40 not in repr(settings)
