"""For schemathesis, in its process: an org to try things on, and who does.

The requests may deactivate, demote or revoke whoever sends them, so every second it is somebody
new.
"""

import os
from typing import Any

import schemathesis

from models.database import Database
from settings import load
from tests.support.world import World

WORLD = World(Database(load()), load())
WORLD.clock_in(WORLD.va("Ben Cruz"), WORLD.account())
WORLD.account("Blue Heron Bakery")
WORLD.code(WORLD.admin("Noor Haddad"))


@schemathesis.auth(refresh_interval=1)
class SomebodyNew:
    """A bearer token of a new member with the role ``FUZZ_ROLE``."""

    def get(self, case: Any, context: Any) -> str:
        member = WORLD.admin() if os.environ["FUZZ_ROLE"] == "admin" else WORLD.va()
        return WORLD.token(member)

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"
