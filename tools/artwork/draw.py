"""Draws the pictures that cannot be SVG from the SVG beside this file: `make artwork`.

Writes static/root/apple-touch-icon.png (180 px square), static/root/favicon.ico (32 px square) and
static/preview.png (1200 x 630, what other sites show beside a link to the portal). Needs a
Chromium.
"""

import shutil
import struct
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
STATIC = HERE.parent / "static"
ROOT = STATIC / "root"


def drawn(browser: Browser, svg: Path, width: int, height: int) -> bytes:
    """The drawing as a PNG of that many pixels."""
    page = browser.new_page(viewport={"width": width, "height": height})
    address = f"data:image/svg+xml,{svg.read_text().replace('#', '%23').replace(chr(10), ' ')}"
    page.set_content(
        "<style>* { margin: 0 } img { display: block; width: 100vw }</style>"
        f"<img src='{address}' alt=''>"
    )
    picture = page.screenshot(omit_background=True)
    page.close()
    return picture


def icon(png: bytes, size: int) -> bytes:
    """An .ico file with one PNG of `size` pixels in it; the header is that of Windows' ICONDIR."""
    return struct.pack("<3H4B2H2I", 0, 1, 1, size, size, 0, 0, 1, 32, len(png), 22) + png


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        touch = drawn(browser, HERE / "touch-icon.svg", 180, 180)
        (ROOT / "apple-touch-icon.png").write_bytes(touch)
        small = drawn(browser, STATIC / "favicon.svg", 32, 32)
        (ROOT / "favicon.ico").write_bytes(icon(small, 32))
        (STATIC / "preview.png").write_bytes(drawn(browser, HERE / "preview.svg", 1200, 630))
        browser.close()


if __name__ == "__main__":
    main()
