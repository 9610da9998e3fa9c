"""An identity provider on loopback: a real HTTP server, which counts how often it is asked."""

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from sqlalchemy import select

from models import Membership
from services import directory
from services.listed_members import ListedMember
from tests.support.world import World

AUDIENCE = "authenticated"
JWKS = "/.well-known/jwks.json"
DISCOVERY = "/.well-known/openid-configuration"
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class SigningKey:
    """A key pair, and how a token's header names it."""

    kid: str
    algorithm: str
    private: Any

    @property
    def public(self) -> dict[str, Any]:
        kind = ECAlgorithm if self.algorithm.startswith("ES") else RSAAlgorithm
        made: dict[str, Any] = kind.to_jwk(self.private.public_key(), as_dict=True)
        return {**made, "kid": self.kid, "alg": self.algorithm, "use": "sig"}


@cache
def key(kid: str, algorithm: str = "ES256") -> SigningKey:
    """A key with this name; the same each time."""
    if algorithm == "ES256":
        return SigningKey(kid, algorithm, ec.generate_private_key(ec.SECP256R1()))
    return SigningKey(kid, algorithm, rsa.generate_private_key(65537, 2048))


@dataclass
class Issuer:
    """
    :ivar asked: how often each path was asked for
    :ivar answers: what is answered, by path; a function may do anything
    """

    url: str
    keys: list[SigningKey]
    asked: Counter[str] = field(default_factory=Counter)
    answers: dict[str, Any] = field(default_factory=dict)
    is_away: bool = False

    @property
    def entry(self) -> dict[str, Any]:
        """The entry of the setting, as an adopter of Supabase would write it."""
        return {
            "issuer": self.url,
            "jwks": self.url + JWKS,
            "algorithms": ["ES256", "RS256"],
            "audience": AUDIENCE,
            "require": {"role": "authenticated", "is_anonymous": False},
            "org": "app_metadata.org_id",
        }

    @property
    def fetches(self) -> int:
        """How often the keys were asked for."""
        return self.asked[JWKS]

    def claims(
        self, user_id: UUID | str, org_id: UUID | None = None, **more: Any
    ) -> dict[str, Any]:
        """The claims of a token that Supabase Auth would issue now."""
        now = int(time.time())
        return {
            "iss": self.url,
            "sub": str(user_id),
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 3600,
            "email": "ana@example.com",
            "app_metadata": {"provider": "email"} | ({"org_id": str(org_id)} if org_id else {}),
            "user_metadata": {},
            "role": "authenticated",
            "aal": "aal1",
            "session_id": "0b0c5e5a-9d5b-4a0f-9c39-6d3f6f7f6f7f",
            "is_anonymous": False,
        } | more

    def token(
        self,
        user_id: UUID | str,
        org_id: UUID | None = None,
        *,
        by: SigningKey | None = None,
        **more: Any,
    ) -> str:
        return signed(self.claims(user_id, org_id, **more), by or self.keys[0])

    def bearer(
        self, user_id: UUID | str, org_id: UUID | None = None, **more: Any
    ) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(user_id, org_id, **more)}"}

    def reset(self) -> None:
        """Answer as an issuer should, and forget who asked."""
        self.asked.clear()
        self.is_away = False
        self.answers = {JWKS: self.key_set, DISCOVERY: self.discovery}

    def key_set(self) -> dict[str, Any]:
        return {"keys": [each.public for each in self.keys]}

    def discovery(self) -> dict[str, Any]:
        return {"issuer": self.url, "jwks_uri": self.url + JWKS}


def enrol(world: World, user_id: UUID, role: str = "va", *, active: bool = True) -> Membership:
    """A member whose user another application knows too, and who has no session here."""
    with world.changing() as change:
        listed = [ListedMember(user_id, "Ana Reyes", role, active)]
        directory.sync(change, members=listed, actor=None)
        of_user = (Membership.user_id == user_id, Membership.org_id == world.id)
        return change.session.scalars(select(Membership).where(*of_user)).one()


def signed(claims: dict[str, Any], by: SigningKey, **header: Any) -> str:
    return jwt.encode(claims, by.private, by.algorithm, headers={"kid": by.kid, **header})


@contextmanager
def serving(*, certificate: str | None = None) -> Iterator[Issuer]:
    """An issuer that can be asked.

    :param certificate: the path of one with its key, to be asked over TLS
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    issuer = Issuer(f"{scheme}://127.0.0.1:{server.server_port}/auth/v1", [key("one")])
    issuer.reset()
    server.issuer = issuer  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        issuer: Issuer = self.server.issuer  # type: ignore[attr-defined]
        path = self.path.removeprefix("/auth/v1")
        issuer.asked[path] += 1
        answer = issuer.answers.get(path)
        if issuer.is_away or answer is None:
            self.send_error(503)
            return
        try:
            found = answer()
        except TypeError:
            answer(self)
        else:
            send(self, json.dumps(found).encode())

    def log_message(self, *_: Any) -> None:
        pass


def send(handler: BaseHTTPRequestHandler, body: bytes, **headers: str) -> None:
    """Answer 200 with ``body``."""
    handler.send_response(200)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
