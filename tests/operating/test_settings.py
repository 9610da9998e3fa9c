"""The environment: defaults, what is refused and how, and the key of the default database."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import settings as settings_module
from settings import Settings, SettingsError, from_environment, load

KEY = "k" * 32
ROOT = Path(settings_module.__file__).parent
GIVEN = {"DATABASE_URL": "sqlite:////tmp/any.db", "PRESENCE_SECRET_KEY": KEY}


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "instance"
    monkeypatch.setattr(settings_module, "INSTANCE", path)
    return path


def test_the_defaults_are_those_of_the_contract() -> None:
    made = from_environment(GIVEN)
    assert (made.poll_interval, made.heartbeat_interval) == (2, 45)
    assert (made.stale_after, made.expire_after) == (120, 3600)
    assert made.token_ttl == 43200
    assert made.cors_origins == frozenset()
    assert made.trusted_proxies == 0
    assert made.db_schema == "presence"
    assert made.heartbeat_write_interval == 15


def test_every_time_can_be_set() -> None:
    times = {
        "poll_interval": 5,
        "heartbeat_interval": 30,
        "stale_after": 60,
        "expire_after": 61,
        "token_ttl": 1,
    }
    made = from_environment(
        GIVEN | {f"PRESENCE_{name.upper()}": str(value) for name, value in times.items()}
    )
    assert {name: getattr(made, name) for name in times} == times
    assert made.heartbeat_write_interval == 7.5


def test_fallbacks_are_keys_separated_by_commas() -> None:
    assert from_environment(GIVEN).secret_keys == (KEY.encode(),)
    given = {"PRESENCE_SECRET_KEY_FALLBACKS": f" {'a' * 32}, {'é' * 16},"}
    made = from_environment(GIVEN | given)
    assert made.secret_keys == (KEY.encode(), b"a" * 32, ("é" * 16).encode())
    assert "aaa" not in repr(made)


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert from_environment(GIVEN | {"PRESENCE_STALE_AFTER": ""}).stale_after == 120


NOT_SECONDS = ["0", "-1", "1.5", "x", " 5", "1e3", "٣", "99999999999999999999", "5\n"]
TIMES = [
    "PRESENCE_POLL_INTERVAL",
    "PRESENCE_HEARTBEAT_INTERVAL",
    "PRESENCE_STALE_AFTER",
    "PRESENCE_EXPIRE_AFTER",
    "PRESENCE_TOKEN_TTL",
]
BAD = [
    *((name, {name: value}) for name in TIMES for value in NOT_SECONDS),
    ("PRESENCE_STALE_AFTER", {"PRESENCE_HEARTBEAT_INTERVAL": "61"}),
    ("PRESENCE_STALE_AFTER", {"PRESENCE_STALE_AFTER": "89"}),
    ("PRESENCE_EXPIRE_AFTER", {"PRESENCE_EXPIRE_AFTER": "120"}),
    ("PRESENCE_EXPIRE_AFTER", {"PRESENCE_STALE_AFTER": "3600"}),
    ("DATABASE_URL", {"DATABASE_URL": "nonsense"}),
    ("DATABASE_URL", {"DATABASE_URL": "mysql://user:hunter2@host/name"}),
    ("DATABASE_URL", {"DATABASE_URL": "postgresql+asyncpg://user:hunter2@host/name"}),
    ("DATABASE_URL", {"DATABASE_URL": "postgresql://user:hunter2@host:port/name"}),
    ("DATABASE_URL", {"DATABASE_URL": "sqlite://"}),
    ("DATABASE_URL", {"DATABASE_URL": "sqlite:///:memory:"}),
    ("PRESENCE_SECRET_KEY", {"PRESENCE_SECRET_KEY": ""}),
    ("PRESENCE_SECRET_KEY", {"PRESENCE_SECRET_KEY": "hunter2" + "k" * 24}),
    *(
        ("PRESENCE_SECRET_KEY_FALLBACKS", {"PRESENCE_SECRET_KEY_FALLBACKS": value})
        for value in ("hunter2", f"{KEY},hunter2", f"{KEY};hunter2,{'h' * 31}", "é" * 15)
    ),
    *(
        ("PRESENCE_TRUSTED_PROXIES", {"PRESENCE_TRUSTED_PROXIES": value})
        for value in ("-1", "1.5", "x", " 1", "100", "٣", "127.0.0.1")
    ),
    *(
        ("PRESENCE_DB_SCHEMA", {"PRESENCE_DB_SCHEMA": value})
        for value in ("Ours", "pg_ours", "1st", "a-b", "a b", 'a"b', "é", "a" * 64, "ours\n")
    ),
    *(
        ("PRESENCE_DB_SCHEMA", {"PRESENCE_DB_SCHEMA": value})
        for value in ("public", "information_schema", "pg_catalog")
    ),
    *(
        (
            "PRESENCE_DIRECTORY_SCHEMA",
            {"DATABASE_URL": "postgresql://x/y", "PRESENCE_DIRECTORY_SCHEMA": value},
        )
        for value in ("presence", "1st", "a-b", 'a"b', "é", "a" * 64, "ours\n")
    ),
    ("PRESENCE_DIRECTORY_SCHEMA", {"PRESENCE_DIRECTORY_SCHEMA": "theirs"}),  # on SQLite
    *(
        ("PRESENCE_DB_ROLE", {"PRESENCE_DB_ROLE": value})
        for value in ("a b", 'a"b', "a;b", "é", "%s", "a" * 64, "app\n")
    ),
    *(
        ("PRESENCE_DB_CONNECTIONS", {"PRESENCE_DB_CONNECTIONS": value})
        for value in ("3", "0", "-1", "1001", "x", "4.5", "٣٣")
    ),
    ("PRESENCE_CORS_ORIGINS", {"PRESENCE_CORS_ORIGINS": "*"}),
    ("PRESENCE_CORS_ORIGINS", {"PRESENCE_CORS_ORIGINS": "app.example.com"}),
    ("PRESENCE_CORS_ORIGINS", {"PRESENCE_CORS_ORIGINS": "https://*.example.com"}),
    ("PRESENCE_CORS_ORIGINS", {"PRESENCE_CORS_ORIGINS": "https://App.example.com"}),
    ("PRESENCE_CORS_ORIGINS", {"PRESENCE_CORS_ORIGINS": "https://app.example.com:443"}),
    ("PRESENCE_CORS_ORIGINS", {"PRESENCE_CORS_ORIGINS": "https://a.example, https://b.example/"}),
]


@pytest.mark.parametrize(("name", "bad"), BAD)
def test_a_bad_setting_is_refused_in_one_line_that_names_it(name: str, bad: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        from_environment(GIVEN | bad)
    line = str(refused.value)
    assert name in line
    assert len(line.splitlines()) == 1
    assert "hunter2" not in line
    with pytest.raises(SystemExit) as stopped:
        load(GIVEN | bad)
    assert str(stopped.value).endswith(line)


def test_a_bad_setting_stops_the_start_with_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "asgi:application"],
        cwd=ROOT,
        env={**os.environ, **GIVEN, "PRESENCE_STALE_AFTER": "soon"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stderr.splitlines() == [
        "presence: PRESENCE_STALE_AFTER must be a whole number of seconds, 1 or more, not 'soon'"
    ]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_postgres_urls_mean_psycopg2(scheme: str) -> None:
    url = from_environment(
        GIVEN | {"DATABASE_URL": f"{scheme}://user:p%40ss@host:6543/name?sslmode=require"}
    ).database_url
    assert (
        url.render_as_string(hide_password=False)
        == "postgresql+psycopg2://user:p%40ss@host:6543/name?sslmode=require"
    )


def test_origins_are_separated_by_commas() -> None:
    listed = "https://app.example.com,http://localhost:5173 , https://b.example"
    made = from_environment(GIVEN | {"PRESENCE_CORS_ORIGINS": listed})
    assert made.cors_origins == {
        "https://app.example.com",
        "http://localhost:5173",
        "https://b.example",
    }


def test_proxies_are_counted() -> None:
    assert from_environment(GIVEN | {"PRESENCE_TRUSTED_PROXIES": "2"}).trusted_proxies == 2


def test_the_key_is_not_in_the_repr() -> None:
    assert KEY not in repr(from_environment(GIVEN))


def test_the_key_may_be_any_utf8_of_32_bytes() -> None:
    made = from_environment(GIVEN | {"PRESENCE_SECRET_KEY": "é" * 16})
    assert made.secret_key == ("é" * 16).encode()


def test_the_default_database_gets_a_key_once_that_nobody_else_reads(instance: Path) -> None:
    made = from_environment({})
    assert made.database_url.database == str(instance / "presence.db")
    assert made.is_default_database
    (path,) = instance.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == made.secret_key
    assert len(made.secret_key) >= 32
    assert from_environment({}).secret_key == made.secret_key


def test_a_key_that_is_given_is_taken_for_the_default_database(instance: Path) -> None:
    assert from_environment({"PRESENCE_SECRET_KEY": KEY}).secret_key == KEY.encode()
    assert [*instance.iterdir()] == []


def test_no_key_is_made_for_another_database(instance: Path, tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/other.db", "postgresql://user@host/name"):
        with pytest.raises(SettingsError, match="PRESENCE_SECRET_KEY"):
            from_environment({"DATABASE_URL": url})
    assert not instance.exists()


def test_settings_do_not_change() -> None:
    made: Settings = from_environment(GIVEN)
    with pytest.raises(AttributeError):
        made.stale_after = 1  # type: ignore[misc]
