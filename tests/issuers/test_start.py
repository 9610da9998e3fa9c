"""Keys over TLS, at the start of a server process, and behind another WSGI server."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask

from issuers.keys import IssuerKeys
from live.application import Application
from models.database import Database
from tests.support.app_client import AppClient
from tests.support.asgi_client import Answered, ask
from tests.support.issuer import Issuer, enrol, key, serving
from tests.support.issuer_process import Process
from tests.support.live_apps import run
from tests.support.world import World


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For 127.0.0.1, signed by itself, with its key."""
    private, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, SHA256())
    )
    path = tmp_path / "certificate.pem"
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + pem)
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Issuer]:
    with serving(certificate=str(certificate)) as issuer:
        yield issuer


def test_keys_come_only_from_who_has_a_good_certificate(
    secure: Issuer, certificate: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Process(database, secure.entry).step(0) == set()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert Process(database, secure.entry).step(10) == {"one"}


def test_a_server_process_has_keys_before_its_first_request(
    app: Flask, issuer: Issuer, world: World
) -> None:
    ana = enrol(world, uuid4())

    async def tell(application: Application) -> None:
        assert (await ask(application, issuer.bearer(ana.user_id))).status == 200

    run(app, tell)
    assert issuer.fetches == 1


def test_after_a_restart_the_last_keys_serve_while_the_issuer_is_away(
    app: Flask, issuer: Issuer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, answers = enrol(world, uuid4()), list[Answered]()

    async def tell(application: Application) -> None:
        answers.append(await ask(application, issuer.bearer(ana.user_id)))

    run(app, tell)
    issuer.is_away = True
    app.extensions["presence"].__post_init__()  # another process
    run(app, tell)
    assert [answer.status for answer in answers] == [200, 200]


def test_behind_another_server_the_first_request_begins_to_read(
    app: Flask, issuer: Issuer, world: World
) -> None:
    ana, client = enrol(world, uuid4()), AppClient(app)
    assert issuer.fetches == 0
    client.get("/healthz")
    issuers = app.extensions["presence"].issuers
    issuers.wait(10)
    try:
        assert client.get("/v1/me", headers=issuer.bearer(ana.user_id)).status_code == 200
        assert client.get("/readyz").json["checks"]["issuers"] == "ok"
    finally:
        issuers.stop()


def test_readyz_says_which_issuer_has_no_keys(
    app: Flask, issuer: Issuer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An issuer that has been away for a while takes nothing down."""
    issuer.is_away = True
    client, issuers = AppClient(app), app.extensions["presence"].issuers
    issuers.start()
    issuers.wait(10)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["issuers"] == f"{issuer.url}: no keys"
    known: IssuerKeys = issuers.find(issuer.url)
    issuers.stop()
    issuer.is_away = False
    hour_ago: Callable[[], datetime] = lambda: datetime.now(UTC) - timedelta(hours=1)  # noqa: E731
    known.step(hour_ago())
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["checks"]["issuers"] == f"{issuer.url}: keys of 60 minutes ago"


def test_without_the_last_keys_nobody_is_let_in(app: Flask, issuer: Issuer, world: World) -> None:
    ana = enrol(world, uuid4())
    issuer.is_away = True

    async def tell(application: Application) -> None:
        answer = await ask(application, issuer.bearer(ana.user_id, by=key("one")))
        assert (answer.status, answer.json["reason"]) == (401, "invalid")

    run(app, tell)
