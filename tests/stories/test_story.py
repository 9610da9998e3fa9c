"""The end-to-end story: the real server, and curl as its only client."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.demo import ADMINS, VAS
from tests.support.commands import CODE
from tests.support.curl import Answer, codes, curl
from tests.support.databases import empty_postgresql
from tests.support.server import Server, copy_project, environment, running_server
from tests.support.settings import SECRET_KEY
from tests.support.stage import wait_until

TOKEN = r"eyJ[\w-]+\.eyJ"  # the beginning of a JWT


def assert_quiet_end(server: Server) -> None:
    assert server.process.returncode == 0
    for word in ("Traceback", "Exception", "ERROR", "CRITICAL", "SIGKILL"):
        assert word not in server.output


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path / "presence")


@pytest.fixture(params=["default", "postgresql"])
def started(request: pytest.FixtureRequest) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Options and settings of the server: none, or those for a PostgreSQL."""
    if request.param == "default":
        yield (), {}
        return
    with empty_postgresql(request.getfixturevalue("postgresql_server")) as url:
        yield ("--demo",), {"DATABASE_URL": url, "PRESENCE_SECRET_KEY": SECRET_KEY}


@pytest.mark.usefixtures("curl_program")
def test_a_day_with_curl(
    project: Path, tmp_path: Path, started: tuple[tuple[str, ...], dict[str, str]]
) -> None:
    options, settings = started
    with running_server(project, *options, **settings) as server:
        first_codes = codes(server)
        assert sorted(first_codes) == sorted([*ADMINS, *VAS])
        still_in = the_day(server.url, first_codes, tmp_path / "etag")
        server.press_ctrl_c()
        assert_quiet_end(server)
    with running_server(project, *options, **settings) as server:
        assert codes(server) == {}
        assert "code issue --member" in server.output
        token = sign_in(server.url, first_codes["Maya Chen"])["token"]
        assert curl(f"{server.url}/v1/presence", token=token).body["presence"] == [still_in]
    assert_quiet_end(server)


def the_day(url: str, code: dict[str, str], tag: Path) -> dict[str, Any]:
    """All that people do; returns the entry of the one who is still there."""
    acme, bakery = (account["id"] for account in sign_in(url, code["Ben Cruz"])["accounts"][:2])
    maya, ben = (sign_in(url, code[name])["token"] for name in ("Maya Chen", "Ben Cruz"))

    clocked_in = curl(
        f"{url}/v1/clock-in", data={"access_code": code["Ana Reyes"], "account_id": acme}
    )
    assert clocked_in.status == 201
    ana, presence = clocked_in.body["token"], clocked_in.body["presence"]
    assert presence["account_id"] == acme

    assert curl(f"{url}/v1/presence", "--etag-save", str(tag), token=maya).status == 200
    unchanged = curl(f"{url}/v1/presence", "--etag-compare", str(tag), token=maya)
    assert (unchanged.status, unchanged.text) == (304, "")

    refused = curl(f"{url}/v1/clock-in", token=ben, data={"account_id": acme})
    assert (refused.status, refused.body["code"]) == (409, "account_occupied")

    switched = curl(f"{url}/v1/clock-in", token=ana, data={"account_id": bakery})
    assert (switched.status, switched.body["released_account_id"]) == (201, acme)
    presence = switched.body["presence"]

    assert_only_admins_see_who(url, maya, ben, tag, presence, seen_after(switched))

    assert curl(f"{url}/v1/admin/presence/{bakery}", "-X", "DELETE", token=maya).status == 204
    lost = curl(f"{url}/v1/heartbeat", token=ana, data={"presence_id": presence["id"]})
    assert (lost.status, lost.body["reason"]) == (410, "force_cleared")

    assert curl(f"{url}/v1/clock-in", token=ana, data={"account_id": acme}).status == 201
    left = curl(f"{url}/v1/clock-out", token=ana, data={})
    assert (left.status, left.body) == (200, {"cleared": True, "account_id": acme})

    back = curl(f"{url}/v1/clock-in", token=ben, data={"account_id": acme})
    assert back.status == 201
    (entry,) = curl(f"{url}/v1/presence", *seen_after(back), token=maya).body["presence"]
    assert (entry["display_name"], entry["account_id"]) == ("Ben Cruz", acme)
    return dict(entry)


def assert_only_admins_see_who(
    url: str, maya: str, ben: str, tag: Path, presence: dict[str, str], after: list[str]
) -> None:
    admins = curl(f"{url}/v1/presence", "--etag-compare", str(tag), *after, token=maya)
    assert admins.status == 200
    (entry,) = admins.body["presence"]
    assert entry["display_name"] == "Ana Reyes"
    assert entry["clocked_in_at"] == presence["clocked_in_at"]

    vas = curl(f"{url}/v1/presence", *after, token=ben)
    assert vas.body["presence"] == [{"account_id": presence["account_id"]}]
    assert vas.body["me"] is None
    for secret in ("Ana", entry["clocked_in_at"], entry["user_id"], entry["presence_id"]):
        assert secret not in vas.headers + vas.text


def seen_after(answer: Answer) -> list[str]:
    """Options for a poll that shows the change which ``answer`` tells of, on every worker."""
    version = re.search(r"^presence-version: (\d+)", answer.headers, re.MULTILINE | re.IGNORECASE)
    assert version, answer.headers
    return ["-H", f"Presence-Min-Version: {version[1]}"]


def sign_in(url: str, code: str) -> dict[str, Any]:
    answer = curl(f"{url}/v1/sessions", data={"access_code": code})
    assert answer.status == 200
    assert answer.body["presence"] is None
    return dict(answer.body)


@pytest.mark.usefixtures("curl_program")
def test_the_printed_curl_lines_work(project: Path, tmp_path: Path) -> None:
    with running_server(project) as server:
        printed = server.output.partition("Try it")[2].partition("The board is at")[0]
        lines = [line for line in printed.splitlines() if line.startswith("  ")]
        assert len(lines) == 8
        assert not re.search(TOKEN, server.output)
        done = subprocess.run(
            ["sh", "-ec", "\n".join(lines)],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    signed_in, clocked_in, polled = re.split(r"(?<=\})\s*(?=\{)|(?=HTTP/1.1 200)", done.stdout)
    assert json.loads(signed_in)["presence"] is None
    account_id = json.loads(clocked_in)["presence"]["account_id"]
    assert account_id in [account["id"] for account in json.loads(signed_in)["accounts"]]
    first, second = polled.split("HTTP/1.1 304")
    assert '"display_name":"Ana Reyes"' in first
    assert second.endswith("\n\n")


@pytest.mark.usefixtures("curl_program")
def test_the_demos_codes_end_after_a_day_where_others_can_reach_it(project: Path) -> None:
    with running_server(project, "--host", "0.0.0.0", "--workers", "1") as server:  # noqa: S104
        code = codes(server)
        ends_at = re.search(r"They expire at (\S+ \S+) UTC", server.output)
        maya = sign_in(server.url, code["Maya Chen"])
        members = curl(f"{server.url}/v1/admin/members", token=maya["token"]).body["members"]
        for member in members:
            path = f"/v1/admin/members/{member['id']}/access-codes"
            (listed,) = curl(f"{server.url}{path}", token=maya["token"]).body["access_codes"]
            assert ends_at
            assert listed["expires_at"].replace("T", " ").startswith(ends_at[1])
            left = datetime.fromisoformat(listed["expires_at"]) - datetime.now(UTC)
            assert timedelta(hours=23) < left < timedelta(hours=24)


@pytest.mark.usefixtures("curl_program")
def test_the_printed_way_to_new_codes_works(project: Path) -> None:
    with running_server(project):
        pass
    with running_server(project, "--workers", "1") as server:
        lines = re.findall(r"^  \.venv/bin/(flask .+)$", server.output, re.MULTILINE)
        for line in lines:
            command = [sys.executable, "-m", *line.split()]
            done = subprocess.run(
                command, cwd=project, env=environment(), capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            code = CODE.search(done.stdout)
            assert code
            assert sign_in(server.url, code[0])["member"]["display_name"] == "Maya Chen"
    assert len(lines) == 2


@pytest.mark.usefixtures("curl_program")
def test_the_server_sweeps_by_itself(project: Path) -> None:
    times = {"HEARTBEAT_INTERVAL": "1", "STALE_AFTER": "2", "EXPIRE_AFTER": "3"}
    settings = {f"PRESENCE_{name}": value for name, value in times.items()}
    with running_server(project, "--workers", "1", **settings) as server:
        code = codes(server)
        account = sign_in(server.url, code["Ana Reyes"])["accounts"][0]["id"]
        body = {"access_code": code["Ana Reyes"], "account_id": account}
        assert curl(f"{server.url}/v1/clock-in", data=body).status == 201
        maya = sign_in(server.url, code["Maya Chen"])["token"]
        # A read ends nothing, so it was the sweep.
        wait_until(lambda: not curl(f"{server.url}/v1/presence", token=maya).body["presence"])


def test_the_operators_folder_for_metrics_stays(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "mine").touch()
    with running_server(project, PROMETHEUS_MULTIPROC_DIR=str(folder)):
        pass
    assert (folder / "mine").exists()
