"""Makes the pictures of the board in docs/images: python tests/screenshots.py"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from browser import running_browser  # noqa: E402 - found only now
from scenes import SCREENS, screen  # noqa: E402
from stage import staged  # noqa: E402


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
