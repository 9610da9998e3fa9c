"""What the board costs: bytes, requests, and a large org's main thread."""

from time import monotonic

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from services import accounts, members
from tests.support.browser import context_of, sign_in
from tests.support.stage import Stage
from tests.support.world import World

BYTES_MOST = 60_000
REQUESTS_MOST = 10
LOADS = 4
ACCOUNTS = 2_000
OCCUPIED = 100
CHANGES = 10
CHANGE_MS_MOST = 16

BEFORE_CONTENT = """async () => {
  const paint = await new Promise((found) => {
    const find = (list) => list.getEntriesByName("first-contentful-paint").forEach(found);
    new PerformanceObserver(find).observe({type: "paint", buffered: true});
  });
  const resources = performance.getEntriesByType("resource");
  return 1 + resources.filter(({startTime}) => startTime < paint.startTime).length;
}"""


@pytest.fixture
def world(stage: Stage) -> World:
    return World(stage.world.database, stage.world.settings)


def test_the_board_is_light(stage: Stage, world: World, chromium: Browser) -> None:
    with context_of(chromium) as context:
        viewer = sign_in(context, stage.server.url, world, world.admin())
        asked = [viewer.page.evaluate(BEFORE_CONTENT)]
        files = {
            answer.url: len(answer.body()) for answer in viewer.answers if "/v1/" not in answer.url
        }
        for _ in range(LOADS):
            viewer.page.reload()
            viewer.wait_until_live()
            asked.append(viewer.page.evaluate(BEFORE_CONTENT))
    print(f"{sum(files.values())} bytes in {len(files)} files; before the first content {asked}")
    assert len(files) > 10
    assert not [url for url in files if not url.startswith(stage.server.url)]
    assert sum(files.values()) < BYTES_MOST
    # A busy machine paints late and asks for more meanwhile; that no more is needed, one shows.
    assert min(asked) < REQUESTS_MOST


def test_a_change_among_2000_accounts_costs_under_16_ms(
    stage: Stage, world: World, chromium: Browser
) -> None:
    with world.changing() as change:
        found = [
            accounts.add(change, f"Client {number:04}", actor=None) for number in range(ACCOUNTS)
        ]
        vas = [
            members.add(change, display_name=f"VA {number}", role="va", actor=None)
            for number in range(OCCUPIED)
        ]
    for number, va in enumerate(vas):
        world.clock_in(va, found[7 * number % ACCOUNTS])
    ben = world.va("Ben Cruz")
    with context_of(chromium) as context:
        viewer = sign_in(context, stage.server.url, world, world.admin())
        expect(viewer.page.locator(".row")).to_have_count(ACCOUNTS)
        viewer.page.wait_for_timeout(2000)
        tracing = context.new_cdp_session(viewer.page)
        # The thread's own time: on a busy machine it also waits.
        tracing.send("Performance.enable", {"timeDomain": "threadTicks"})
        quiet = busy_ms(tracing)
        viewer.page.wait_for_timeout(CHANGES * 1000)
        quiet = busy_ms(tracing) - quiet
        before, begun = busy_ms(tracing), monotonic()
        for number in range(CHANGES):
            world.clock_in(ben, found[1 + 7 * number])
            viewer.page.wait_for_timeout(max(0, begun + number + 1 - monotonic()) * 1000)
        spent = (busy_ms(tracing) - before) / CHANGES
        # By its text: to look for it by its role takes a browser many seconds among so many.
        last = viewer.page.locator(".row", has_text=found[1 + 7 * number].name)
        expect(last.locator(".badge")).to_contain_text("Ben Cruz")
    print(f"main thread: {spent:.1f} ms a change, {quiet / CHANGES:.1f} ms a second without any")
    assert spent < CHANGE_MS_MOST


def busy_ms(tracing: CDPSession) -> float:
    """How long the page's main thread has worked so far."""
    metrics = tracing.send("Performance.getMetrics")["metrics"]
    return 1000 * next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")
