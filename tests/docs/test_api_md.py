"""docs/api.md and README.md: their commands run, and the server answers as they show."""

from pathlib import Path

import pytest

from models import Membership
from tests.support import ROOT, examples
from tests.support.server import Server
from tests.support.world import World

API = (ROOT / "docs/api.md").read_text()
README = (ROOT / "README.md").read_text()


@pytest.fixture
def org(org: World) -> World:
    org.account("Acme Dental")
    org.account("Blue Heron Bakery")
    return org


def test_api_md_does_what_it_says(
    served: tuple[Server, str], org: World, maya: Membership, tmp_path: Path
) -> None:
    page = API.replace("http://127.0.0.1:8000", served[0].url).replace("Demo Bookkeeping", org.name)
    codes = {"M3RD-4VZA-8KWE": org.code(maya)}
    codes |= {"K7QF-9TWM-2XHP": org.code(org.va("Ana Reyes"))}
    codes |= {"4HNB-7YQC-1FGE": org.code(org.va("Ben Cruz"))}
    for shown, code in codes.items():
        page = page.replace(shown, code)
        page = page.replace(shown.lower().replace("-", " "), code.lower().replace("-", " "))
    examples.run(examples.examples(page), tmp_path)


def test_readme_does_what_it_says(
    served: tuple[Server, str], org: World, maya: Membership, tmp_path: Path
) -> None:
    page = README.replace("localhost:8000", served[0].url).replace("K7QF-9TWM-2XHP", org.code(maya))
    polls = [each for each in examples.examples(page) if "curl " in each.commands]
    assert [each.shown[:12] for each in polls] == ["", "HTTP/1.1 200", "HTTP/1.1 304"]
    examples.run(polls, tmp_path)
