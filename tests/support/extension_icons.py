"""Makes the icons of the extension from icons/icon.svg: python -m tests.support.extension_icons"""

from tests.support import ROOT
from tests.support.browser import running_browser

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
