"""Makes the pictures of the board in docs/images: python -m tests.support.screenshots"""

import tempfile
from pathlib import Path

from tests.support import ROOT
from tests.support.browser import running_browser
from tests.support.scenes import SCREENS, screen
from tests.support.stage import staged


def main() -> None:
    images = ROOT / "docs/images"
    images.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_browser() as chromium,
        staged(Path(folder)) as stage,
    ):
        for name in SCREENS:
            with screen(name, stage, chromium) as viewer:
                viewer.page.screenshot(path=images / f"board-{name}.png")


if __name__ == "__main__":
    main()
