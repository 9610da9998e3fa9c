"""An org whose admins have the scripts, and whose VAs have curl."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.times import rfc3339
from tests.support.programs import program
from tests.support.scripts import Admin, fields, table
from tests.support.server import environment, running_server
from tests.support.settings import SECRET_KEY
from tests.support.stage import wait_until


@dataclass
class Va:
    """Somebody with a code, and once clocked in with a token."""

    org: "WorkingOrg"
    code: str
    token: str = ""

    def clock_in(self, account: str, hours_ago: float | None = None) -> int:
        """With the code the first time, then with the token; how the service answers."""
        body = {"account_id": self.org.account_ids[account]}
        if not self.token:
            body["access_code"] = self.code
        status, answer = self.call("clock-in", body, hours_ago)
        self.token = answer.get("token", self.token)
        return status

    def clock_out(self, hours_ago: float) -> int:
        return self.call("clock-out", {}, hours_ago)[0]

    def me(self) -> tuple[int, dict[str, Any]]:
        return self.org.curl("me", self.token)

    def call(
        self, path: str, body: dict[str, str], hours_ago: float | None
    ) -> tuple[int, dict[str, Any]]:
        if hours_ago is not None:
            body["occurred_at"] = rfc3339(self.org.begin - timedelta(hours=hours_ago))
        return self.org.curl(path, self.token, "--json", json.dumps(body))


@dataclass
class WorkingOrg:
    """:ivar begin: when the test began, the time from which hours are counted back"""

    project: Path
    database_url: str
    begin: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    account_ids: dict[str, str] = field(default_factory=dict)
    vas: dict[str, Va] = field(default_factory=dict)

    @contextmanager
    def served(self, **times: str) -> Iterator[None]:
        settings = {f"PRESENCE_{name}": value for name, value in times.items()}
        settings |= {"DATABASE_URL": self.database_url, "PRESENCE_SECRET_KEY": SECRET_KEY}
        with running_server(self.project, **settings) as server:
            self.url = server.url
            yield

    def run(self, admin: str, *arguments: str) -> str:
        return Admin(self.url, self.tokens[admin]).run(*arguments).out

    def curl(self, path: str, token: str, *options: str) -> tuple[int, dict[str, Any]]:
        quietly = ["--silent", "--show-error", "--write-out", r"\n%{http_code}"]
        command = [program("curl"), *quietly, *options]
        bearer = ["--header", f"Authorization: Bearer {token}"] if token else []
        done = subprocess.run(
            [*command, *bearer, f"{self.url}/v1/{path}"],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(body)

    def issue_code(self, admin: str, member: str) -> Va:
        return Va(self, fields(self.run(admin, "issue-code", member))["access_code"])

    def expect_board(self, expected: dict[str, str]) -> None:
        """Within moments both admins see who is on which account, by their names."""
        for admin in ("Maya", "Noor"):
            wait_until(lambda admin=admin: on_board(self.run(admin, "who", "--csv")) == expected)


def on_board(snapshot: str) -> dict[str, str]:
    """Who is on which account, of the snapshot's CSV."""
    return {
        row["account_name"].removeprefix("'"): row["display_name"]
        for row in table(snapshot)
        if row["row"] == "presence"
    }
