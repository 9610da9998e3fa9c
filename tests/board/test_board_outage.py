"""The board while its server is away."""

from pathlib import Path
from time import monotonic

from playwright.sync_api import Browser, expect

from dev_postgres import free_port
from tests.support.browser import context_of, sign_in
from tests.support.server import copy_project, running_server_at
from tests.support.settings import SECRET_KEY
from tests.support.world import World

AWAY_SECONDS = 10
# Chromium notes each request that came to nothing, whatever the page makes of it.
NOTED = "Failed to load resource: net::ERR_"


def test_the_board_outlives_the_server_without_a_reload(
    chromium: Browser, database_url: str, world: World, tmp_path: Path
) -> None:
    account, ben, maya = world.account(), world.va("Ben Cruz"), world.admin()
    project, port = copy_project(tmp_path / "presence"), free_port()
    settings = {"DATABASE_URL": database_url, "PRESENCE_SECRET_KEY": SECRET_KEY}
    with context_of(chromium) as context:
        with running_server_at(port, project, "--workers", "1", **settings) as server:
            viewer = sign_in(context, server.url, world, maya)
            viewer.page.evaluate("window.isTheSame = true")
        stopped = monotonic()
        viewer.wait_for("#connection", "Reconnecting… as of")
        said_after = monotonic() - stopped
        viewer.page.wait_for_timeout(max(0, AWAY_SECONDS - said_after) * 1000)
        with running_server_at(port, project, "--workers", "1", **settings):
            started = monotonic()
            viewer.wait_until_live()
            live_after = monotonic() - started
            world.clock_in(ben, account)
            expect(viewer.badge(account)).to_contain_text("Ben Cruz")
        print(f"said so after {said_after:.1f} s, live {live_after:.1f} s after the start")
        assert viewer.page.evaluate("window.isTheSame")
        assert [line for line in viewer.complaints if not line.startswith(NOTED)] == []
