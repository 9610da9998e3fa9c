"""The extension loads in Chromium as it lies in a checkout, and as a store gets it."""

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from tests.support.extension import FOLDER, installed

pack = runpy.run_path(str(FOLDER / "pack.py"))["pack"]


def as_it_lies(_folder: Path) -> Path:
    """The folder itself, whose link to presence-client leads out of it."""
    return FOLDER


def unzipped(folder: Path) -> Path:
    shutil.unpack_archive(pack(FOLDER, folder), folder / "unzipped")
    return folder / "unzipped"


@pytest.mark.parametrize("place", [as_it_lies, unzipped])
def test_it_loads(place: Callable[[Path], Path], playwright: Playwright, tmp_path: Path) -> None:
    with installed(playwright, place(tmp_path), tmp_path / "profile") as extension:
        page = extension.popup().page
        page.get_by_role("button", name="Continue").wait_for()
        page.goto(f"chrome-extension://{extension.id}/options.html")
        page.get_by_text("Version").wait_for()
        assert extension.complaints == []
