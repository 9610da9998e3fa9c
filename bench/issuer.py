"""A trusted issuer of one ES256 key, whose key set is a file."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "https://bench.example/auth/v1"
KID = "5f1b8d0e-6a0c-4b62-9d35-0f3b8a2c7d11"


@dataclass
class Issuer:
    """:ivar environment: the setting that trusts it"""

    private: ec.EllipticCurvePrivateKey
    environment: dict[str, str]

    def token(self, user_id: UUID, org_id: UUID) -> str:
        """A token with the claims that Supabase Auth puts into it."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": str(user_id),
            "aud": "authenticated",
            "iat": now,
            "exp": now + 12 * 3600,
            "email": "somebody@example.com",
            "phone": "",
            "app_metadata": {"provider": "email", "providers": ["email"], "org_id": str(org_id)},
            "user_metadata": {"email_verified": True, "full_name": "Somebody Like Others"},
            "role": "authenticated",
            "aal": "aal1",
            "amr": [{"method": "password", "timestamp": now}],
            "session_id": str(org_id),
            "is_anonymous": False,
        }
        return jwt.encode(claims, self.private, "ES256", headers={"kid": KID})


@contextmanager
def issuing() -> Iterator[Issuer]:
    private = ec.generate_private_key(ec.SECP256R1())
    public: dict[str, Any] = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    with TemporaryDirectory(prefix="presence-bench-") as folder:
        file = Path(folder) / "jwks.json"
        file.write_text(json.dumps({"keys": [{**public, "kid": KID, "alg": "ES256"}]}))
        entry = {
            "issuer": ISSUER,
            "jwks": str(file),
            "algorithms": ["ES256"],
            "audience": "authenticated",
            "require": {"role": "authenticated", "is_anonymous": False},
            "org": "app_metadata.org_id",
        }
        yield Issuer(private, {"PRESENCE_TRUSTED_ISSUERS": json.dumps([entry])})
