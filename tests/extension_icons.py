"""Makes the icons of the extension from icons/icon.svg: python tests/extension_icons.py"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from browser import running_browser  # noqa: E402 - found only now

SIZES = (16, 32, 48, 128)


def main() -> None:
    icons = ROOT / "extension/icons"
    with running_browser() as chromium:
        for size in SIZES:
            page = chromium.new_page(viewport={"width": size, "height": size})
            page.set_content(f"<body style='margin:0'>{(icons / 'icon.svg').read_text()}")
            page.screenshot(path=icons / f"{size}.png", omit_background=True)
            page.close()


if __name__ == "__main__":
    main()
