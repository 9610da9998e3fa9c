"""What one process knows of an issuer's keys, by a clock that a test moves."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from issuers.keys import IssuerKeys
from models.database import Database
from trusted_issuers import parse

START = datetime(2026, 11, 27, tzinfo=UTC)
Heard = list[tuple[str, frozenset[Any]]]


class Process:
    """What one process knows of the issuer."""

    def __init__(self, database: Database, entry: dict[str, Any]) -> None:
        (issuer,) = parse(json.dumps([entry]), [])
        self.heard: Heard = []
        self.known = IssuerKeys(issuer, database, lambda *told: self.heard.append(told))

    def step(self, seconds: float) -> set[str]:
        """What is known so long after the start."""
        self.known.step(START + timedelta(seconds=seconds))
        return {name.kid for name in self.known.keys}


Start = Callable[..., Process]
