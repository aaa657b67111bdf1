"""The catalogue of pages: every page that a person meets, where it is, and who has signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from filterd.web.published.outline import PAGES as PUBLISHED
from tests.browser.home import CASINO, LINE, SINKHOLES

LANGUAGES = ("es", "en")
FILTER = "/portal/filtro/1"
HOLDER, NEW, ORGANISATION, AGENT, OVERSEER = "holder", "new", "organisation", "agent", "overseer"
"""the holder of a line with a filter and of one without; a library's lines; an agent; a regulator"""


@dataclass(frozen=True)
class Listed:
    """A page of the catalogue. ``paths``: by language, where they differ; ``{SITE}`` in them stands for the
    address of a site (:func:`tests.browser.home.Home.address`)."""

    name: str
    """of its pictures"""
    site: str
    """portal (the public pages too), desk, regulator, or block"""
    path: str
    who: str = ""
    """empty: nobody has signed in"""
    english: str = ""
    """its path in English, where that is another"""
    act: Callable[[Page], None] | None = None
    """what is done on the page before it is looked at"""

    def path_in(self, language: str) -> str:
        """Its path in a language."""
        return self.english if language == "en" and self.english else self.path


def _press(selector: str, **fields: str) -> Callable[[Page], None]:
    """Fill in fields by their names, and press a button."""

    def act(page: Page) -> None:
        for name, value in fields.items():
            found = page.locator(f"[name={name}]").first
            if found.get_attribute("type") == "radio":
                page.check(f"[name={name}][value='{value}']")
            else:
                found.fill(value)
        page.click(selector)
        page.wait_for_load_state()

    return act


def _wrong_pin(page: Page) -> None:
    _press("form[action='/portal/pin'] button", pin="740284")(page)


_LINK = "/portal/entrar?k=" + "A" * 43


def _portal() -> list[Listed]:
    of_line = {
        "line": "", "on": "/listo", "pause": "/pausa", "close": "/cerrar", "age": "/edad",
        "new-age": "/edad/nueva?edad=teenagers", "topics": "/temas", "applications": "/aplicaciones",
        "search": "/busqueda", "ways": "/atajos", "sites": "/sitios", "hours": "/horas",
        "stretch": "/horas/nueva", "history": "/cambios", "pin": "/pin", "protection": "/proteccion",
        "poster": "/cartel", "data": "/datos", "out": "/quitar",
    }  # fmt: skip
    return [
        Listed("portal-first", "portal", "/portal"),
        Listed("portal-enter", "portal", "/portal/entrar"),
        Listed("portal-enter-wrong", "portal", "/portal/entrar", act=_wrong_pin),
        Listed("portal-link", "portal", _LINK),
        Listed("portal-ages", "portal", FILTER, NEW),
        Listed("portal-consent-children", "portal", f"{FILTER}/encender?edad=children", NEW),
        Listed("portal-consent-families", "portal", f"{FILTER}/encender?edad=families", NEW),
        *(Listed(f"portal-{name}", "portal", FILTER + path, HOLDER) for name, path in of_line.items()),
        Listed("portal-off", "portal", "/portal/quitado"),
        Listed("portal-lines", "portal", "/portal/filtro", ORGANISATION),
        Listed("portal-not-found", "portal", "/portal/no"),
    ]


def _public() -> list[Listed]:
    asked = _press("form[action='/revision'] button", site=CASINO, claim="closed", text="No es un casino.")
    found = [
        Listed(f"public-{each.id}", "portal", f"/servicio/{each.es}.html", english=f"/service/{each.en}.html")
        for each in PUBLISHED
    ]
    return [
        *found,
        Listed("public-statement", "portal", "/servicio/declaracion", english="/service/statement"),
        Listed("public-transparency", "portal", "/servicio/transparencia", english="/service/transparency"),
        Listed("test", "portal", "/funciona"),
        Listed("test-reached", "portal", "/funciona/abierta"),
        Listed("review", "portal", "/revision"),
        Listed("review-made", "portal", "/revision", act=asked),
        Listed("review-folio", "portal", "/revision/folio"),
    ]


def _desk() -> list[Listed]:
    acts = ("profile", "pause", "opt-out", "allow", "deny")
    why = _press("form[action='/desk/why'] button", name=CASINO, line=LINE)
    paths = {
        "find": "", "line": f"/lines/{LINE}", "papers": "/papers", "leaflet": "/papers/leaflet",
        "counter-form": "/papers/counter-form", "reviews": "/reviews", "review-new": "/reviews/new",
        "today": "/today", **{f"act-{act}": f"/acts/{act}?line={LINE}" for act in acts},
    }  # fmt: skip
    return [
        Listed("desk-sign-in", "desk", "/desk/sign-in"),
        *(Listed(f"desk-{name}", "desk", f"/desk{path}", AGENT) for name, path in paths.items()),
        Listed("desk-act-opt-in", "desk", "/desk/acts/opt-in?line=L-200", AGENT),
        Listed("desk-why", "desk", f"/desk/why?line={LINE}", AGENT, act=why),
        Listed("desk-unknown-line", "desk", "/desk/lines/L-999", AGENT),
    ]


def _regulator() -> list[Listed]:
    paths = {
        "first": "", "orders": "/orders", "order": "/orders/O-1", "enforcement": "/enforcement",
        "nodes-at": "/lists-on-nodes", "grounds": "/grounds", "published": "/published",
        "downloads": "/downloads", "questions": "/questions", "passkeys": "/passkeys",
    }  # fmt: skip
    return [
        Listed("regulator-sign-in", "regulator", "/regulator/sign-in"),
        *(
            Listed(f"regulator-{name}", "regulator", f"/regulator{path}", OVERSEER)
            for name, path in paths.items()
        ),
    ]


def _block() -> list[Listed]:
    return [Listed(f"block-{kind}", kind, "/") for kind in SINKHOLES]


PAGES = (*_portal(), *_public(), *_desk(), *_regulator(), *_block())


def _first_request(page: Page) -> None:
    page.click("li.card a")
    page.wait_for_load_state()


OFFICER = "officer"
"""somebody on duty"""
DUTY = (
    Listed("duty-due", "desk", "/desk/orders", OFFICER),
    Listed("duty-request-new", "desk", "/desk/orders/requests/new", OFFICER),
    Listed("duty-requests", "desk", "/desk/orders/requests", OFFICER),
    Listed("duty-request", "desk", "/desk/orders/requests", OFFICER, act=_first_request),
    Listed("duty-order-new", "desk", "/desk/orders/new", OFFICER),
    Listed("duty-orders", "desk", "/desk/orders/list", OFFICER),
    Listed("duty-order", "desk", "/desk/orders/1", OFFICER),
    Listed("duty-emergency", "desk", "/desk/orders/1/emergency", OFFICER),
    Listed("duty-handover", "desk", "/desk/orders/handover", OFFICER),
    Listed("duty-roster", "desk", "/desk/orders/roster", OFFICER),
)
"""the pages of the duty desk, which tests/browser/test_duty_desk.py visits over a small store"""
