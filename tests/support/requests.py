"""Requests of members, through the app's test client."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any

from models import Membership
from services.times import rfc3339
from tests.support.app_client import AppAnswer, AppClient


class Requests(ABC):
    @abstractmethod
    def bearer(self, member: Membership) -> dict[str, str]:
        """The header with a token of the member's."""

    def get(
        self, client: AppClient, member: Membership, path: str = "presence", **headers: str
    ) -> AppAnswer:
        """GET ``/v1/<path>`` as ``member``; ``if_none_match=…`` is the header If-None-Match."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get(f"/v1/{path}", headers=self.bearer(member) | named)

    def post(
        self,
        client: AppClient,
        member: Membership,
        path: str,
        *,
        key: str | None = None,
        **body: Any,
    ) -> AppAnswer:
        """POST to ``/v1/<path>`` as ``member``, with ``key`` as the Idempotency-Key."""
        headers = self.bearer(member) | ({} if key is None else {"Idempotency-Key": key})
        return client.post(f"/v1/{path}", json=wire(body), headers=headers)

    def put(
        self,
        client: AppClient,
        member: Membership,
        path: str,
        query: dict[str, Any] | None = None,
        **body: Any,
    ) -> AppAnswer:
        """PUT ``/v1/<path>`` as ``member``."""
        headers = self.bearer(member)
        return client.put(f"/v1/{path}", json=wire(body), query_string=query, headers=headers)

    def patch(self, client: AppClient, member: Membership, path: str, **body: Any) -> AppAnswer:
        """PATCH ``/v1/<path>`` as ``member``."""
        return client.patch(f"/v1/{path}", json=wire(body), headers=self.bearer(member))

    def delete(self, client: AppClient, member: Membership, path: str, **query: Any) -> AppAnswer:
        """DELETE ``/v1/<path>`` as ``member``."""
        return client.delete(f"/v1/{path}", query_string=query, headers=self.bearer(member))


def wire(body: dict[str, Any]) -> dict[str, Any]:
    """``body`` as JSON has it."""
    return {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in body.items()
    }
