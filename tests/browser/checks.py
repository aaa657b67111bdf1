"""The checks that every page passes, as people with other screens, tools or languages do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

NARROW = 320
"""the narrowest screen, in CSS pixels (WCAG 2.2, 1.4.10)"""
MOST_BYTES = 150_000
"""of a page with all that it takes"""
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
MOST_TABS = 400
KEY = re.compile(
    r"\b(?:house|portal|public|desk|duty|regulator|accounts|report|block|review|funciona)"
    r"(?:\.[a-z0-9_]+)+\b(?!\.[a-z])|%\(\w+\)s"
)
"""a text that is missing shows as its key, and a value as its place"""
NAMES = re.compile(r"Línea de la Vida|Internet cafés|«[^»]*»|“[^”]*”")
"""of help lines and of settings, and words of English: they are the same in both languages"""
ACCENTS = re.compile(r"[áéíóúñ¿¡ÁÉÍÓÚÑ]")

# The controls in the order in which Tab is to reach them. Of radio buttons of one name Tab stops at one.
_CONTROLS = """() => {
  const groups = new Map(), found = [];
  const closed = e => { const own = e.tagName === 'SUMMARY' ? e.parentElement : e;
    return (own === e ? e : own.parentElement).closest('details:not([open])'); };
  const name = e => e.type === 'radio' ? 'radio ' + e.name
    : e.tagName.toLowerCase() + ' ' + (e.name || e.textContent.trim().slice(0, 40));
  for (const e of document.querySelectorAll('a[href], button, input, select, textarea, summary')) {
    if (e.disabled || e.type === 'hidden' || closed(e) || !e.getClientRects().length) continue;
    const group = e.type === 'radio' ? [...document.forms].indexOf(e.form) + '/' + e.name : e;
    if (!groups.has(group)) { groups.set(group, found.length); found.push(name(e)); }
    e.dataset.number = groups.get(group);
  }
  return found;
}"""
_FOCUSED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const style = getComputedStyle(e), box = e.getBoundingClientRect();
  return {
    number: e.dataset.number === undefined ? null : Number(e.dataset.number),
    name: e.type === 'radio' ? 'radio ' + e.name
      : e.tagName.toLowerCase() + ' ' + (e.name || e.textContent.trim().slice(0, 40)),
    outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight
      && box.left < innerWidth,
  };
}"""
# The widths of what does not fit. A table in .scroll may be wider than the screen: it scrolls by itself.
_TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.body.querySelectorAll('*')]
    .filter(e => e.getBoundingClientRect().right > width + 0.5 && !e.closest('.scroll'))
    .map(e => e.outerHTML.slice(0, 120)).concat(['page ' + document.documentElement.scrollWidth]);
}"""


@contextmanager
def device(
    browser: Browser, width: int = 360, *, language: str = "es", state: Any = None, **more: Any
) -> Iterator[Page]:
    """A page on a device of its own. ``state``: its cookies; ``more``: as of a Playwright context."""
    locale = {"es": "es-MX", "en": "en-US"}[language]
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 800},
        locale=locale,
        storage_state=state,
        reduced_motion="reduce",  # the page scrolls at once to what has the focus
        **more,
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def fits(page: Page) -> list[str]:
    """The elements that make the page scroll sideways; empty: none does."""
    found: list[str] = page.evaluate(_TOO_WIDE)
    return found


def keyboard(page: Page) -> list[str]:
    """The faults of going through the page by Tab: a control not reached, out of order, focus not seen.

    Within one control Tab may stop several times: a date has three fields. A part that scrolls may be
    reached too."""
    wanted: list[str] = page.evaluate(_CONTROLS)
    faults: list[str] = []
    reached: list[int] = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused is None or (reached and focused["number"] == 0):
            break
        faults += [
            f"the focus is not {what}: {focused['name']}" for what in ("outline", "seen") if not focused[what]
        ]
        if focused["number"] is not None and reached[-1:] != [focused["number"]]:
            reached.append(focused["number"])
        if len(reached) == len(wanted):
            break
    if reached != [*range(len(wanted))]:
        faults.append(f"Tab reaches {[wanted[each] for each in reached]}, not {wanted}")
    return faults


def skips(page: Page) -> bool:
    """The first Tab reaches a link that leads past the navigation, and Enter follows it."""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside: bool = page.evaluate(
        "() => document.activeElement === document.body || !document.activeElement.closest('header, nav')"
    )
    return page.url.endswith("#main") and inside


def violations(page: Page) -> list[str]:
    """The findings of axe-core against WCAG 2.2, A and AA."""
    options = {"runOnly": {"type": "tag", "values": [*RULES]}, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options)
    return [
        f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


def words(page: Page, language: str) -> list[str]:
    """The faults of its words: another language than it says, keys and places that nobody filled."""
    text = f"{page.title()}\n{page.inner_text('body')}"
    faults = [f"a key is seen: {found}" for found in KEY.findall(text)]
    said = page.get_attribute("html", "lang")
    if said != language:
        faults.append(f"the page says that it is in {said}")
    if language == "en":
        faults += [f"Spanish on an English page: {line}" for line in _spanish(page)]
    return faults


def _spanish(page: Page) -> list[str]:
    """Lines with the letters of Spanish, but for what says that it is in Spanish or in words of
    somebody's own, and for settings' names."""
    lines: list[str] = page.evaluate(
        """() => {
          const copy = document.body.cloneNode(true);
          copy.querySelectorAll('[lang="es"], [lang=""], textarea, input').forEach(e => e.remove());
          document.body.append(copy);
          const text = copy.innerText; copy.remove();
          return text.split('\\n');
        }"""
    )
    return [line for line in lines if ACCENTS.search(NAMES.sub("", line))]


class Weighing:
    """The bytes that a page takes, with its stylesheet and pictures."""

    def __init__(self, page: Page) -> None:
        self.sizes: dict[str, int] = {}
        page.on("response", lambda response: self._note(response))

    def _note(self, response: Any) -> None:
        if response.url.startswith("http"):
            sizes = response.request.sizes()
            self.sizes[response.url] = sizes["responseBodySize"] + sizes["responseHeadersSize"]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.sizes.values())
