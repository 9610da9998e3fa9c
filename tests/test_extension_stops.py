"""The service worker stopped at every step of a clock-in and a clock-out."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from playwright.sync_api import Playwright, expect

from extension import Extension, Install, Popup
from models import Account
from stage import Stage, staged, wait_until
from world import World

# All that the worker does to the world outside of it. Before a call, and after it, is a step.
STOP_AT = """step => {
  const calls = [
    [chrome.alarms, 'create'],
    [chrome.storage.local, 'set'],
    [chrome.action, 'setTitle'],
    [globalThis, 'fetch'],
  ];
  let steps = 0;
  globalThis.stoppedAt = null;
  const stop = (where) => new Promise(() => { globalThis.stoppedAt = where; });
  for (const [owner, name] of calls) {
    const act = owner[name].bind(owner);
    owner[name] = async (...all) => {
      if (steps++ === step) await stop(`before ${name}`);
      const answer = await act(...all);
      if (steps++ === step) await stop(`after ${name}`);
      return answer;
    };
  }
}"""


@pytest.fixture(scope="module")
def stage(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("extension")) as stage:
        yield stage


def stopped_at(extension: Extension, step: int, click: Callable[[], None], done: str) -> str | None:
    """Stop the worker at this step of what a click begins; None where it has fewer steps."""
    extension.worker.evaluate(STOP_AT, step)
    click()
    reached: list[str | None] = []

    def has_come() -> bool:
        reached[:] = [extension.worker.evaluate("stoppedAt")]
        return reached[0] is not None or (is_settled(extension) and extension.toolbar()[1] == done)

    wait_until(has_come)
    return reached[0]


def is_settled(extension: Extension) -> bool:
    return extension.record()["queue"] == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize("popup_stays", [True, False], ids=["popup open", "popup closed"])
def test_each_event_happens_exactly_once_wherever_the_worker_is_stopped(
    stage: Stage, install: Install, popup_stays: bool
) -> None:
    world = World(stage.world.database, stage.world.settings)
    acme, ana = world.account(), world.va()
    extension = install(stage.server.url)
    popup = extension.popup()
    popup.sign_in(stage.server.url, world, ana)
    places: dict[str, list[str]] = {"clock_in": [], "clock_out": []}
    for step in count():
        stops = []
        for kind in places:
            at, popup = stop_once(extension, popup, world, acme, kind, step, popup_stays)
            stops.append(at)
            places[kind] += [at] if at else []
        if stops == [None, None]:
            break
    print(places)
    for kind in places:
        for place in ("before fetch", "after fetch", "before set", "after set"):
            assert place in places[kind]
    times = len(world.kinds()) // 2
    assert world.kinds() == ["clock_in", "clock_out"] * times
    assert times == step + 1


def stop_once(
    extension: Extension,
    popup: Popup,
    world: World,
    account: Account,
    kind: str,
    step: int,
    popup_stays: bool,
) -> tuple[str | None, Popup]:
    """One event with one stop in it, after which popup, badge and server must be right."""
    is_in = kind == "clock_in"
    shown, title = (
        ("0 min, since", f"Presence: on {account.name}")
        if is_in
        else ("Off the clock", "Presence: off the clock")
    )
    click = (lambda: popup.act(account, "Clock in")) if is_in else popup.clock_out
    wait_until(lambda: is_settled(extension))
    before = len(world.kinds())
    at = stopped_at(extension, step, click, title)
    is_stored = at is None or len(extension.record()["queue"]) > 0 or len(world.kinds()) > before
    if not popup_stays:
        popup.page.close()
    extension.stop_worker()
    if not popup_stays:
        popup = extension.popup()
        if not is_stored:
            # The click was lost with the popup that could have repeated it, and nothing is claimed.
            expect(popup.place).to_contain_text("Off the clock" if is_in else "0 min, since")
            assert len(world.kinds()) == before
            click = (lambda: popup.act(account, "Clock in")) if is_in else popup.clock_out
            click()
    expect(popup.place).to_contain_text(shown)
    wait_until(lambda: is_settled(extension) and extension.toolbar()[1] == title)
    assert world.kinds()[before:] == [kind]
    return at, popup
