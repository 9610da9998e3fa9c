"""Makes the pictures of the extension in docs/images: python tests/extension_screenshots.py"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402 - found only now

from extension import Install  # noqa: E402
from extension_screens import SCREENS, Desk  # noqa: E402
from stage import staged  # noqa: E402

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
