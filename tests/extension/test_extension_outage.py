"""The extension while its server is away."""

from datetime import timedelta
from pathlib import Path

from playwright.sync_api import expect

from dev_postgres import free_port
from services.times import utc_now
from tests.support.extension import Install
from tests.support.server import copy_project, running_server_at
from tests.support.settings import SECRET_KEY
from tests.support.stage import PATIENCE_SECONDS, wait_until
from tests.support.world import World

SLACK = timedelta(seconds=2)


def test_a_clock_out_without_a_server_outlives_the_browser_and_arrives_once_with_its_time(
    install: Install, database_url: str, world: World, tmp_path: Path
) -> None:
    acme, ana = world.account(), world.va()
    project, port = copy_project(tmp_path / "presence"), free_port()
    settings = {"DATABASE_URL": database_url, "PRESENCE_SECRET_KEY": SECRET_KEY}
    with running_server_at(port, project, "--workers", "1", **settings) as server:
        extension = install(server.url)
        popup = extension.popup()
        popup.sign_in(server.url, world, ana, keep=True)
        popup.act(acme, "Clock in")
        expect(popup.place).to_contain_text("0 min, since")
    expect(popup.page.locator("#connection")).to_have_text("Reconnecting…")
    clicking = utc_now()
    popup.clock_out()
    clicked = utc_now()
    expect(popup.place).to_contain_text("not sent yet")
    expect(popup.page.locator("#waiting")).to_contain_text("1 event")
    extension.wait_for_toolbar("!", "not connected")
    extension.context.close()

    extension = install(server.url)
    popup = extension.popup()
    expect(popup.page.locator("#waiting")).to_contain_text("1 event")
    assert world.kinds() == ["clock_in"]
    with running_server_at(port, project, "--workers", "1", **settings):
        # It asks every 15 s at least whether the server is back.
        wait_until(lambda: extension.record()["queue"] == [], seconds=15 + PATIENCE_SECONDS)
        expect(popup.page.locator("#waiting")).to_be_hidden()
        expect(popup.page.locator("#connection")).to_have_text("Live")
        assert world.kinds() == ["clock_in", "clock_out"]
        delay = world.events()[-1].received_at - clicked
        assert clicking - SLACK < world.events()[-1].occurred_at < clicked + SLACK
        print(f"sent {delay.total_seconds():.1f} s after the click")
        extension.tick()
        assert extension.record()["queue"] == []
        assert world.kinds() == ["clock_in", "clock_out"]
