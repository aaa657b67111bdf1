"""The paths of this room, each with the permission that it takes."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from filterd.model.token import Permission
from filterd.web.accounts.routes import own_pages, sign_in_routes
from filterd.web.desk import lines, papers, reviews, today, why
from filterd.web.desk.acts import ACTS, doing, showing
from filterd.web.desk.orders.routes import DUTY_PAGES
from filterd.web.desk.room import DESK
from filterd.web.desk.views import View, at_desk
from filterd.web.pages.form_pages import with_form_pages
from filterd.web.pages.numbers import NUMBER

PAGES: dict[tuple[str, str], tuple[View, Permission | None]] = {
    ("GET", "/desk"): (lines.find, None),
    ("GET", "/desk/find"): (lines.found, Permission.LINES_READ),
    ("GET", "/desk/lines/{id:path}"): (lines.show, Permission.LINES_READ),
    ("POST", "/desk/own-names"): (lines.own_names, Permission.LINES_READ),
    ("GET", "/desk/why"): (why.show, Permission.CHECK),
    ("POST", "/desk/why"): (why.ask, Permission.CHECK),
    ("GET", "/desk/papers"): (papers.show, None),
    ("GET", "/desk/papers/leaflet"): (papers.leaflet, None),
    ("GET", "/desk/papers/counter-form"): (papers.counter_form, Permission.PROFILES_READ),
    ("GET", "/desk/reviews"): (reviews.show_all, Permission.REVIEWS_READ),
    ("GET", "/desk/reviews/new"): (reviews.show_new, Permission.REVIEWS_WRITE),
    ("POST", "/desk/reviews/new"): (reviews.add, Permission.REVIEWS_WRITE),
    ("POST", "/desk/reviews/appeal"): (reviews.appeal, Permission.REVIEWS_WRITE),
    ("GET", f"/desk/reviews/{{number:{NUMBER}}}"): (reviews.show, Permission.REVIEWS_READ),
    ("POST", f"/desk/reviews/{{number:{NUMBER}}}"): (reviews.decide, Permission.REVIEWS_WRITE),
    ("POST", f"/desk/reviews/{{number:{NUMBER}}}/effect"): (reviews.note_effect, Permission.REVIEWS_WRITE),
    ("GET", "/desk/today"): (today.show, None),
}
"""method and path -> the view, and what the agent's token must allow; None: to be signed in is enough"""

for call, own in own_pages(DESK).items():
    PAGES[call] = (own, None)
for act in ACTS.values():
    PAGES["GET", f"/desk/acts/{act.name}"] = (showing(act), act.permission)
    PAGES["POST", f"/desk/acts/{act.name}"] = (doing(act), act.permission)
PAGES |= DUTY_PAGES


def routes() -> list[BaseRoute]:
    """The routes of the listener."""
    made = sign_in_routes(DESK)
    for (method, path), (view, permission) in PAGES.items():
        made.append(Route(path, at_desk(view, permission), methods=[method]))
    return with_form_pages(made)
