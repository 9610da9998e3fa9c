"""Idempotency keys: a repeated request gets the first answer (contract.md)."""

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from models import IdempotencyKey
from models.across_orgs import DELETE_OLD_KEYS
from models.few_trips import later
from services.callers import Caller
from services.change import Change
from services.errors import IdempotencyKeyReused

KEPT_FOR = timedelta(days=7)  # contract.md, "Idempotency and time"

_REMEMBER = insert(IdempotencyKey).inline()


def digest(endpoint: str, body: dict[str, Any]) -> bytes:
    """A digest of the endpoint and the request, which must not change under one key."""
    return sha256(json.dumps([endpoint, body], sort_keys=True, default=str).encode()).digest()


def recall(caller: Caller, digest: bytes) -> dict[str, Any] | None:
    """The first answer to the caller's key, or None.

    :raises IdempotencyKeyReused: the key was used for another request
    """
    remembered = caller.remembered
    if remembered is None:
        return None
    if remembered.digest != digest:
        raise IdempotencyKeyReused
    return remembered.answer


def remember(
    change: Change, caller: Caller, key: str | None, digest: bytes, answer: dict[str, Any]
) -> None:
    """Store ``answer`` under ``key``, if the request had a key."""
    if key is not None:
        later(
            change.session,
            _REMEMBER,
            {
                "membership_id": caller.member.id,
                "org_id": caller.member.org_id,
                "key": key,
                "digest": digest,
                "answer": answer,
                "created_at": change.now,
            },
        )


def delete_old(session: Session, *, now: datetime, most: int) -> int:
    """Delete at most ``most`` keys that are older than :data:`KEPT_FOR`, of all orgs.

    :returns: how many
    """
    return len(DELETE_OLD_KEYS.run(session, before=now - KEPT_FOR, most=most).all())
