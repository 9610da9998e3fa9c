"""Somebody who sends what is wrong."""

from typing import Any

from tests.support.app_client import AppAnswer, AppClient
from tests.support.world import World, ago

Json = dict[str, Any]
WITH_BODY = ["sessions", "sessions/renew", "clock-in", "clock-out", "heartbeat"]


class Sender:
    """A client whose requests must all be refused and change nothing."""

    def __init__(self, world: World, client: AppClient) -> None:
        self.world, self.client = world, client
        self.ana = world.va()
        self.held = world.clock_in(self.ana, world.account(), ago(600))
        self.code = world.code(self.ana)
        self.bearer = world.bearer(self.ana)

    def good(self, path: str) -> Json:
        """A body that would be taken."""
        account = {"account_id": str(self.held.account_id)}
        presence = {"presence_id": str(self.held.presence_id)}
        bodies = {
            "sessions": {"access_code": self.code},
            "clock-in": account,
            "clock-out": presence,
            "heartbeat": presence,
        }
        return bodies.get(path, {})

    def send(self, path: str, data: bytes | str, **headers: str) -> AppAnswer:
        return self.client.post(
            f"/v1/{path}",
            data=data,
            content_type=headers.pop("content_type", "application/json"),
            headers={**self.bearer, **headers},
        )
