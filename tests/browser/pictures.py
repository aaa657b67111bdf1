"""The pictures of all pages in docs/pages, and their index."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import FloatRect, Page

from tests.browser.pages import LANGUAGES, Listed
from tests.worlds.markdown import wrapped

FOLDER = Path(__file__).parents[2] / "docs" / "pages"
WIDTHS = {"es": (360, 1280), "en": (360,)}
"""pixels of the pictures in each language"""
TALLEST = {("es", 360): 1600, ("es", 1280): 1000, ("en", 360): 800}
"""pixels of a picture by language and width: the beginning of a longer page"""
QUALITY = 0.3
_WEBP = """async ([png, quality]) => {
  const picture = new Image();
  picture.src = 'data:image/png;base64,' + png;
  await picture.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext('2d').drawImage(picture, 0, 0);
  return canvas.toDataURL('image/webp', quality).split(',')[1];
}"""
HEAD = """# Pictures of all pages

Made by the tests (`UPDATE_PAGES=1 make test PYTEST=tests/browser/test_pages.py`) in Chromium, over a
running installation: on a telephone 360 pixels wide, and on a screen of 1280 pixels. The same run
tries each page at 320 pixels, by keyboard, without JavaScript, in both languages, light and dark,
with axe-core at WCAG 2.2 A and AA. Long pages are cut.
"""
PARTS = {
    "portal": "The subscriber's portal",
    "public": "The public pages",
    "test": "Does it work here?",
    "review": "The form without account",
    "desk": "The support desk",
    "duty": "The duty desk",
    "regulator": "The regulator's desk",
    "block": "The block page",
}


def file_of(listed: Listed, language: str, width: int) -> Path:
    """The file of a picture."""
    return FOLDER / f"{listed.name}-{language}-{width}.webp"


def take(page: Page, listed: Listed, language: str, width: int) -> None:
    """Make the picture of a page."""
    FOLDER.mkdir(exist_ok=True)
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), TALLEST[language, width])
    page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
    clip: FloatRect = {"x": 0.0, "y": 0.0, "width": float(width), "height": float(height)}
    png = page.screenshot(full_page=True, clip=clip)
    file_of(listed, language, width).write_bytes(_webp(page, png))


def _webp(page: Page, png: bytes) -> bytes:
    """The picture as WebP, a third of the size: the browser packs it."""
    browser = page.context.browser
    assert browser is not None
    packing = browser.new_page()
    try:
        return b64decode(packing.evaluate(_WEBP, [b64encode(png).decode(), QUALITY]))
    finally:
        packing.close()


def index(pages: Sequence[Listed]) -> str:
    """The text of docs/pages/README.md."""
    rows = [HEAD]
    for part, title in PARTS.items():
        rows += [f"## {title}", ""]
        for listed in pages:
            if listed.name.partition("-")[0] == part:
                links = [
                    f"[{language} {width}]({file_of(listed, language, width).name})"
                    for language in LANGUAGES
                    for width in WIDTHS[language]
                ]
                rows.append(f"- {listed.name}: {' · '.join(links)}")
        rows.append("")
    return wrapped("\n".join(rows))


def write_index(pages: Sequence[Listed]) -> None:
    """Write it."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "README.md").write_text(index(pages))
