"""What the board asks of the server, and what it does when there is no answer."""

import os
import re
from collections.abc import Iterator
from statistics import median
from time import monotonic

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.support.browser import context_of, sign_in
from tests.support.stage import Stage, wait_until
from tests.support.world import World

QUIET_SECONDS = int(os.environ.get("PRESENCE_QUIET", "20"))
POLL_SECONDS = 2
HIDDEN_SECONDS = 10
TABS = 5

# How many ms the page let pass between an answer and its next poll, each time.
RESTS = """() => performance.getEntriesByType("resource")
  .filter(({name}) => name.endsWith("/v1/presence"))
  .map(({startTime}, index, polls) => startTime - polls[index - 1]?.responseEnd)
  .slice(1)"""


@pytest.fixture
def world(stage: Stage) -> World:
    return World(stage.world.database, stage.world.settings)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with context_of(chromium) as context:
        yield context


def polls_at(stage: Stage) -> dict[str, float]:
    """How many polls the server has answered, by the answer."""
    polls: dict[str, float] = {}
    line = r'^presence_polls_total\{by="\w+",outcome="(\w+)"\} (\S+)'
    for outcome, count in re.findall(line, stage.get("/metrics")[1], re.MULTILINE):
        polls[outcome] = polls.get(outcome, 0) + float(count)
    return polls


def between(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: n - before.get(name, 0) for name, n in after.items() if n > before.get(name, 0)}


def test_a_quiet_board_only_polls_and_touches_nothing(
    stage: Stage, world: World, context: BrowserContext
) -> None:
    world.clock_in(world.va("Ben Cruz"), world.account())
    viewer = sign_in(context, stage.server.url, world, world.admin())
    expect(viewer.page.locator(".badge:visible")).to_have_count(1)
    viewer.page.evaluate("""() => {
      window.touched = [];
      const all = {subtree: true, childList: true, attributes: true, characterData: true};
      new MutationObserver((found) => touched.push(...found.map(({type}) => type)))
        .observe(document, all);
    }""")
    # The metrics are brought up to date once a second: until what came before is in them.
    start = polls_at(stage)
    viewer.page.wait_for_timeout(2 * POLL_SECONDS * 1000)
    wait_until(lambda: between(start, polls_at(stage)).get("304"))
    viewer.page.evaluate("performance.clearResourceTimings()")
    before, answered, begun = polls_at(stage), len(viewer.answers), monotonic()
    viewer.page.wait_for_timeout(QUIET_SECONDS * 1000)
    found = between(before, polls_at(stage))
    took = monotonic() - begun
    print(f"in {QUIET_SECONDS} s: {found}")
    assert set(found) == {"304"}
    assert found["304"] <= took / POLL_SECONDS + 1
    # By its rests: on a busy machine an answer takes its time, and there are fewer of them.
    assert median(viewer.page.evaluate(RESTS)) < 1.5 * POLL_SECONDS * 1000
    assert {answer.status for answer in viewer.answers[answered:]} == {304}
    assert viewer.page.evaluate("touched") == []


def test_a_hidden_tab_asks_nothing_and_is_current_when_shown(
    stage: Stage, world: World, context: BrowserContext
) -> None:
    account = world.account()
    viewer = sign_in(context, stage.server.url, world, world.admin())
    viewer.turn("hidden")
    asked = len(viewer.answers)
    viewer.page.wait_for_timeout(HIDDEN_SECONDS * 1000 / 2)
    world.clock_in(world.va("Ben Cruz"), account)
    viewer.page.wait_for_timeout(HIDDEN_SECONDS * 1000 / 2)
    assert len(viewer.answers) == asked
    viewer.hold_timers()
    begun = monotonic()
    viewer.turn("visible")
    expect(viewer.badge(account)).to_contain_text("Ben Cruz")
    print(f"current after {monotonic() - begun:.2f} s")


def test_five_tabs_make_one_stream_of_polls(
    stage: Stage, world: World, context: BrowserContext
) -> None:
    account, maya = world.account(), world.admin()
    viewers = [sign_in(context, stage.server.url, world, maya) for _ in range(TABS)]
    asked = [len(viewer.polls()) for viewer in viewers]
    begun = monotonic()
    viewers[0].page.wait_for_timeout(5 * POLL_SECONDS * 1000)
    polls = [len(viewer.polls()) - n for viewer, n in zip(viewers, asked, strict=True)]
    print(f"polls of each tab in {monotonic() - begun:.0f} s: {polls}")
    assert sum(n > 0 for n in polls) == 1
    assert sum(polls) <= (monotonic() - begun) / POLL_SECONDS + 1
    leader = viewers[next(number for number, n in enumerate(polls) if n)]
    world.clock_in(world.va("Ben Cruz"), account)
    for viewer in viewers:
        expect(viewer.badge(account)).to_contain_text("Ben Cruz")
    leader.page.close()
    viewers.remove(leader)
    world.clock_in(world.va("Carla Santos"), world.account("Blue Heron Bakery"))
    for viewer in viewers:
        expect(viewer.page.locator(".badge:visible")).to_have_count(2)
