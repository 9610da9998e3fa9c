"""The scripts where something between them and the service answers, or changes answers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scripts import SCRIPTS, Admin
from tests.support.server import Server
from tests.support.stage import wait_until
from tests.support.tampering import Answer, Proxy, page, tampering
from tests.support.world import World

PLAIN = [("Content-Type", "application/json")]
BLIPS = [
    page(401),
    page(403),
    page(200),
    page(302, ("Location", "https://sso.example/")),
    Answer(401, PLAIN, b'{"code": "not_authenticated", "detail": "Sign on."}'),
    Answer(403, [("Content-Type", "application/problem+json")], b'{"detail": "Sign on."}'),
    Answer(200, PLAIN, b"{}"),
]


@pytest.fixture
def proxy(served: tuple[Server, str]) -> Iterator[Proxy]:
    with tampering(served[0].url) as proxy:
        yield proxy


@pytest.fixture
def through(admin: Admin, proxy: Proxy) -> Admin:
    return Admin(proxy.url, admin.token)


@pytest.mark.parametrize("blip", BLIPS, ids=lambda blip: f"{blip.status} {blip.headers[0][1]}")
def test_the_word_of_another_is_neither_a_refusal_nor_an_answer(
    through: Admin, proxy: Proxy, tmp_path: Path, blip: Answer
) -> None:
    proxy.guard = lambda _: blip
    for arguments in (
        ["who"],
        ["who", "--csv"],
        ["add-account", "Acme Dental"],
        ["clear", "Acme Dental"],
        ["watch"],
        ["export", str(tmp_path / "saved")],
    ):
        done = through.try_(*arguments)
        assert (done.status, done.out) == (3, ""), arguments
        said = f"{through.url} can't be reached: something in between answers {blip.status}"
        assert done.err == f"{arguments[0]}: {said}\n"
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize("interval", ["1, 1", "-1"])
def test_watch_outlives_what_is_in_between(
    through: Admin, proxy: Proxy, org: World, interval: str
) -> None:
    proxy.tamper = lambda asked, answer: answer.without("X-Poll-Interval").with_(
        "X-Poll-Interval", interval
    )
    acme, ana = org.account(), org.va()
    with subprocess.Popen(
        [SCRIPTS / "watch"],
        env=through.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watch:
        assert watch.stdout
        assert watch.stderr
        wait_until(lambda: proxy.count("/v1/presence") >= 1)
        before = proxy.count("/v1/presence")
        proxy.guard = lambda _: page(401)
        assert "can't be reached; trying again" in watch.stderr.readline()
        org.clock_in(ana, acme)
        proxy.guard = lambda _: None
        assert "Acme Dental: Ana Reyes" in watch.stdout.readline()
        assert watch.poll() is None
        assert proxy.count("/v1/presence") - before < 20
        watch.terminate()
