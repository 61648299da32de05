"""Draws the images that cannot be SVG: `make artwork`.

The icons come from the SVG beside this file and from static/favicon.svg, the preview from
preview.html beside it, with the colors, fonts and drawings of the portal's pages.

Writes static/root/apple-touch-icon.png (180 px square), static/icon-512.png (512 px square, for the
web manifest), static/root/favicon.ico (32 px square) and static/preview.png (1200 x 630, what other
sites show beside a link to the portal). Needs a Chromium.
"""

import base64
import re
import shutil
import struct
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "static"
ART = HERE.parents[1] / "templates" / "art"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")


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


def render_preview(browser: Browser) -> bytes:
    """Return what other sites show beside a link to the portal, as a PNG."""
    sheets = (STATIC / "portal" / name for name in ("tokens.css", "drawings.css"))
    styles = "".join(sheet.read_text() for sheet in sheets)
    styles = re.sub(r"\.\./fonts/([\w-]+\.woff2)", _font_as_data, styles)
    html = (HERE / "preview.html").read_text().replace("STYLES", styles)
    for word, drawing in (("MARK", "mark.svg"), ("HERO", "hero.svg")):
        html = html.replace(word, (ART / drawing).read_text())
    page = browser.new_page(viewport={"width": 1200, "height": 630})
    page.set_content(html)
    page.evaluate("document.fonts.ready")
    png = page.screenshot()
    page.close()
    return png


def _font_as_data(match: re.Match[str]) -> str:
    font = (STATIC / "fonts" / match[1]).read_bytes()
    return f"data:font/woff2;base64,{base64.b64encode(font).decode()}"


def wrap_as_icon(png: bytes, size: int) -> bytes:
    """Return an .ico file with one PNG of `size` pixels: Windows' ICONDIR, one entry, the PNG."""
    return struct.pack("<3H4B2H2I", 0, 1, 1, size, size, 0, 0, 1, 32, len(png), 22) + png


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        touch_icon = render_png(browser, HERE / "touch-icon.svg", 180, 180)
        (STATIC / "root" / "apple-touch-icon.png").write_bytes(touch_icon)
        app_icon = render_png(browser, HERE / "touch-icon.svg", 512, 512)
        (STATIC / "icon-512.png").write_bytes(app_icon)
        favicon = wrap_as_icon(render_png(browser, STATIC / "favicon.svg", 32, 32), 32)
        (STATIC / "root" / "favicon.ico").write_bytes(favicon)
        (STATIC / "preview.png").write_bytes(render_preview(browser))
        browser.close()


if __name__ == "__main__":
    main()
