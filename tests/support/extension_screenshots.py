"""Makes the extension's pictures in docs/images: python -m tests.support.extension_screenshots"""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.support import ROOT
from tests.support.extension import Install
from tests.support.extension_screens import SCREENS, Desk
from tests.support.stage import staged

# As high as the popup then is: Chrome fits it to its content.
FIT = "document.documentElement.scrollHeight"


def main() -> None:
    images = ROOT / "docs/images"
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        staged(Path(folder)) as stage,
        Install.into(playwright, Path(folder)) as install,
    ):
        for name, show in SCREENS.items():
            page = show(Desk(stage, install, name))
            width = 720 if name == "settings" else 360
            page.set_viewport_size({"width": width, "height": 100})
            page.set_viewport_size({"width": width, "height": page.evaluate(FIT)})
            page.mouse.move(0, 0)
            page.screenshot(path=images / f"extension-{name}.png")


if __name__ == "__main__":
    main()
