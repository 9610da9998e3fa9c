"""The service worker stopped at every step of a clock-in and a clock-out."""

from dataclasses import dataclass
from itertools import zip_longest

import pytest
from playwright.sync_api import expect

from models import Account
from tests.support.extension import Extension, Install, Popup
from tests.support.stage import Stage, wait_until
from tests.support.world import World

# All that the worker does to the world outside of it. Before a call, and after it, is a place.
# Of its requests only those count that a click makes: the popup's opening begins a heartbeat, which
# may also make a place or two that the next run does not come by.
STOP_AT = """place => {
  const calls = {
    create: chrome.alarms,
    set: chrome.storage.local,
    setTitle: chrome.action,
    fetch: globalThis,
  };
  globalThis.places = [];
  globalThis.isStopped = false;
  globalThis.underWay = 0;
  const pass = async (here) => {
    places.push(here);
    if (here !== place) return;
    isStopped = true;
    await new Promise(() => {});
  };
  for (const [name, owner] of Object.entries(calls)) {
    const act = owner[name].bind(owner);
    let number = 0;
    owner[name] = async (...all) => {
      if (name === 'fetch' && !all[0].includes('/v1/clock-')) return act(...all);
      const call = `${name} ${number++}`;
      underWay++;
      await pass(`before ${call}`);
      const answer = await act(...all);
      await pass(`after ${call}`);
      underWay--;
      return answer;
    };
  }
}"""


@dataclass
class Desk:
    """Ana at her browser."""

    world: World
    account: Account
    extension: Extension
    popup: Popup

    def is_settled(self) -> bool:
        return not self.extension.record()["queue"]

    def press(self, kind: str) -> None:
        if kind == "clock_in":
            self.popup.act(self.account, "Clock in")
        else:
            self.popup.clock_out()

    def happen(self, kind: str, place: str | None, *, popup_stays: bool) -> list[str]:
        """One event, with the worker stopped at ``place``: popup, badge and server must be right.

        :return: the places that were passed
        """
        before = len(self.world.kinds())
        passed = self._press_and_stop(kind, place)
        is_stored = not self.is_settled() or len(self.world.kinds()) > before
        if not popup_stays:
            self.popup.page.close()
        self.extension.stop_worker()
        if not popup_stays:
            self.popup = self.extension.popup()
            if not is_stored:
                # The click was lost with the popup that could have repeated it: nothing is claimed.
                other = next(other for other in SHOWN if other != kind)
                expect(self.popup.place).to_contain_text(SHOWN[other])
                assert len(self.world.kinds()) == before
                self.press(kind)
        expect(self.popup.place).to_contain_text(SHOWN[kind])
        wait_until(lambda: self._has_happened(kind))
        assert self.world.kinds()[before:] == [kind]
        return passed

    def _press_and_stop(self, kind: str, place: str | None) -> list[str]:
        self.extension.wake_worker()
        worker = self.extension.worker
        worker.evaluate(STOP_AT, place)
        self.press(kind)
        # Where there is no such place, the event happens undisturbed. What is seen of a call from
        # here, the worker may not have passed yet.
        wait_until(
            lambda: (
                worker.evaluate("isStopped")
                or (self._has_happened(kind) and worker.evaluate("underWay === 0"))
            )
        )
        passed: list[str] = worker.evaluate("places")
        return passed

    def _has_happened(self, kind: str) -> bool:
        on = f"on {self.account.name}" if kind == "clock_in" else "off the clock"
        # In this order: the event is stored before the title says it, and sent after that.
        return self.extension.toolbar()[1] == f"Presence: {on}" and self.is_settled()


SHOWN = {"clock_in": "0 min, since", "clock_out": "Off the clock"}


@pytest.mark.parametrize("popup_stays", [True, False], ids=["popup open", "popup closed"])
def test_each_event_happens_exactly_once_wherever_the_worker_is_stopped(
    stage: Stage, install: Install, popup_stays: bool
) -> None:
    world = World(stage.world.database, stage.world.settings)
    account, ana = world.account(), world.va()
    extension = install(stage.server.url)
    desk = Desk(world, account, extension, extension.popup())
    desk.popup.sign_in(stage.server.url, world, ana)
    places = {kind: desk.happen(kind, None, popup_stays=popup_stays) for kind in SHOWN}
    stops: dict[str, list[str]] = {kind: [] for kind in SHOWN}
    for pair in zip_longest(*places.values()):
        for kind, place in zip(SHOWN, pair, strict=True):
            passed = desk.happen(kind, place, popup_stays=popup_stays)
            stops[kind] += {place} & set(passed)
    print(stops)
    for kind in SHOWN:
        for call in ("fetch 0", "set 0", "set 1"):
            assert {f"before {call}", f"after {call}"} <= set(stops[kind])
    times = 1 + max(map(len, places.values()))
    assert world.kinds() == [*SHOWN] * times
