"""Draws the images that cannot be SVG from the SVG beside this file: `make artwork`.

Writes static/root/apple-touch-icon.png (180 px square), static/root/favicon.ico (32 px square) and
static/preview.png (1200 x 630, what other sites show beside a link to the portal). Needs a
Chromium.
"""

import shutil
import struct
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "static"


def render_png(browser: Browser, svg: Path, width: int, height: int) -> bytes:
    """Return the drawing as a PNG of that many pixels."""
    page = browser.new_page(viewport={"width": width, "height": height})
    url = f"data:image/svg+xml,{svg.read_text().replace('#', '%23').replace(chr(10), ' ')}"
    page.set_content(
        "<style>* { margin: 0 } img { display: block; width: 100vw }</style>"
        f"<img src='{url}' alt=''>"
    )
    png = page.screenshot(omit_background=True)
    page.close()
    return png


def wrap_as_icon(png: bytes, size: int) -> bytes:
    """Return an .ico file with one PNG of `size` pixels: Windows' ICONDIR, one entry, the PNG."""
    return struct.pack("<3H4B2H2I", 0, 1, 1, size, size, 0, 0, 1, 32, len(png), 22) + png


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        touch_icon = render_png(browser, HERE / "touch-icon.svg", 180, 180)
        (STATIC / "root" / "apple-touch-icon.png").write_bytes(touch_icon)
        favicon = wrap_as_icon(render_png(browser, STATIC / "favicon.svg", 32, 32), 32)
        (STATIC / "root" / "favicon.ico").write_bytes(favicon)
        preview = render_png(browser, HERE / "preview.svg", 1200, 630)
        (STATIC / "preview.png").write_bytes(preview)
        browser.close()


if __name__ == "__main__":
    main()
