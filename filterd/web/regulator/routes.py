"""The paths of this room, each with the permission that it takes."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from filterd.model.token import Permission
from filterd.web.accounts.routes import own_pages, sign_in_routes
from filterd.web.accounts.views import View, in_room
from filterd.web.pages.form_pages import with_form_pages
from filterd.web.pages.numbers import NUMBER
from filterd.web.regulator import downloads, figures, lists, nodes, orders, overview, published
from filterd.web.regulator.room import REGULATOR

_ORDER = "/regulator/orders/{reference}"
_FILES = "/regulator/downloads"
PAGES: dict[tuple[str, str], tuple[View, Permission | None]] = {
    ("GET", "/regulator"): (overview.show, Permission.ORDERS_READ),
    ("GET", "/regulator/questions"): (overview.questions, None),
    ("GET", "/regulator/orders"): (orders.show_all, Permission.ORDERS_READ),
    ("GET", _ORDER): (orders.show, Permission.ORDERS_READ),
    ("POST", f"{_ORDER}/receipt"): (orders.receipt, Permission.ORDERS_READ),
    ("GET", "/regulator/deadlines"): (orders.deadlines, Permission.ORDERS_READ),
    ("GET", "/regulator/nodes"): (nodes.show, Permission.NODES_READ),
    ("GET", "/regulator/lists-on-nodes"): (nodes.history, Permission.NODES_READ),
    ("GET", "/regulator/lists"): (lists.show, Permission.FEEDS_READ),
    ("GET", "/regulator/grounds"): (lists.grounds, Permission.FEEDS_READ),
    ("GET", "/regulator/exceptions"): (lists.liftings, Permission.LIFTINGS_READ),
    ("GET", "/regulator/enforcement"): (
        figures.page_of("enforcement", figures.ENFORCEMENT),
        Permission.AUDIT_READ,
    ),
    ("GET", "/regulator/people"): (figures.page_of("people", figures.PEOPLE), Permission.AUDIT_READ),
    ("GET", "/regulator/reports"): (figures.reports, Permission.AUDIT_READ),
    ("GET", "/regulator/reports/file"): (figures.report, Permission.AUDIT_READ),
    ("GET", "/regulator/published"): (published.show, Permission.PAGES_READ),
    ("GET", f"/regulator/published/{{number:{NUMBER}}}.zip"): (published.archive, Permission.PAGES_READ),
    ("GET", "/regulator/statements/{day}.json"): (published.statement, Permission.AUDIT_READ),
    ("GET", _FILES): (downloads.show, Permission.AUDIT_READ),
    ("POST", f"{_FILES}/audit"): (downloads.export, Permission.AUDIT_READ),
    ("POST", f"{_FILES}/pack"): (downloads.pack, Permission.AUDIT_READ),
    ("GET", f"{_FILES}/keys/{{purpose}}.pem"): (downloads.keys, Permission.AUDIT_READ),
    ("GET", f"{_FILES}/verify-export.py"): (downloads.verifier, None),
    ("GET", "/regulator/verify"): (downloads.verify, None),
}
"""method and path -> the view, and what the token must allow; None: to be signed in is enough"""

for call, own in own_pages(REGULATOR).items():
    PAGES[call] = (own, None)


def routes() -> list[BaseRoute]:
    """The routes of the listener."""
    made = sign_in_routes(REGULATOR)
    for (method, path), (view, permission) in PAGES.items():
        made.append(Route(path, in_room(REGULATOR, view, permission), methods=[method]))
    return with_form_pages(made)
