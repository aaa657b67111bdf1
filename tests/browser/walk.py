"""Walks through the numbered steps of a page of documentation, as they are written there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

_STEP = re.compile(r"^[0-9]+\. (.+?)\.$", re.MULTILINE)
_WORDS = {
    "tap": r"(?:Toca|Tap) [«“](.+)[»”]",
    "type": r"(?:Escribe|Type) [«“](.+)[»”] (?:en|into) [«“](.+)[»”]",
    "choose": r"(?:Elige|Choose) [«“](.+)[»”]",
    "see": r"(?:Lee|See) [«“](.+)[»”]",
    "link": r"(?:Abre el enlace de tu proveedor|Open the link of the provider)",
    "closed": r"`(.+)` (?:no abre|does not open)",
    "opens": r"`(.+)` (?:abre|opens)",
}


@dataclass(frozen=True)
class Walk:
    """Somebody with a page's steps in hand. ``opens``, ``closed``: what another device finds."""

    page: Page
    link: str
    opens: Callable[[str], bool]
    closed: Callable[[str], bool]

    def through(self, document: Path) -> int:
        """Do every step; their number."""
        steps = _STEP.findall(document.read_text())
        for number, step in enumerate(steps, 1):
            kind, found = _read(step)
            try:
                self._do(kind, found)
            except AssertionError as error:
                msg = f"{document.name}, step {number}, {step!r}: {error}\n{self.page.inner_text('body')}"
                raise AssertionError(msg) from error
        return len(steps)

    def _do(self, kind: str, found: tuple[str, ...]) -> None:
        match kind:
            case "tap":
                self._control(found[0]).click()
            case "type":
                self.page.get_by_label(found[1], exact=True).fill(found[0])
            case "choose":
                self.page.locator("label.choice").filter(has=self._strong(found[0])).first.click()
            case "see":
                expect(self.page.get_by_text(found[0]).first).to_be_visible()
            case "link":
                self.page.goto(self.link)
            case "opens":
                assert self.opens(found[0])
            case _:
                assert self.closed(found[0])

    def _strong(self, text: str) -> Locator:
        return self.page.locator("strong", has_text=re.compile(f"^{re.escape(text)}$"))

    def _control(self, text: str) -> Locator:
        """The button or link with this name, or with one that begins so."""
        named = re.compile(rf"^{re.escape(text)}(?:$|[:,(])")
        inside = self.page.locator("body")
        return inside.get_by_role("button", name=named).or_(inside.get_by_role("link", name=named)).first


def _read(step: str) -> tuple[str, tuple[str, ...]]:
    for kind, pattern in _WORDS.items():
        found = re.fullmatch(pattern, step)
        if found:
            return kind, found.groups()
    msg = f"no step that can be done: {step!r}"
    raise AssertionError(msg)
