"""Each page of the desk with each role of it: it allows what the API's route for the same act allows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from filterd.model.token import TokenRole
from filterd.operations import subscribers
from filterd.web.desk.acts import ACTS
from filterd.web.desk.room import DESK
from filterd.web.desk.routes import PAGES
from tests.meta.test_known_failures import ROOT
from tests.unit.web.api.test_matrix import LINE, MATRIX
from tests.unit.web.desk.conftest import DeskWorld

_ACT = {
    "opt-in": ("put", LINE + "/choices/opt-in"),
    "opt-out": ("put", LINE + "/choices/opt-out"),
    "profile": ("put", LINE + "/choices/profile"),
    "pause": ("put", LINE + "/choices/pause"),
    "resume": ("delete", LINE + "/choices/pause"),
    "allow": ("put", LINE + "/own-names/{name}"),
    "deny": ("put", LINE + "/own-names/{name}"),
    "link": ("post", LINE + "/sign-in-links"),
    "pin": ("post", LINE + "/pin-reset"),
}
"""act -> the API's route for it"""
_OTHERS = {
    ("GET", "/desk/find"): ("get", LINE),
    ("GET", "/desk/lines/{id:path}"): ("get", LINE + "/consent"),
    ("POST", "/desk/own-names"): ("post", LINE + "/own-names-view"),
    ("GET", "/desk/why"): ("get", "/api/v1/check"),
    ("POST", "/desk/why"): ("get", "/api/v1/check"),
    ("GET", "/desk/papers/counter-form"): ("get", "/api/v1/consent-texts/{version}"),
    ("GET", "/desk/reviews"): ("get", "/api/v1/reviews"),
    ("GET", "/desk/reviews/new"): ("post", "/api/v1/reviews"),
    ("POST", "/desk/reviews/new"): ("post", "/api/v1/reviews"),
    ("POST", "/desk/reviews/appeal"): ("post", "/api/v1/reviews/{review}/appeal"),
    ("GET", "/desk/reviews/{number:number}"): ("get", "/api/v1/reviews/{review}"),
    ("POST", "/desk/reviews/{number:number}"): ("post", "/api/v1/reviews/{review}/decision"),
    ("POST", "/desk/reviews/{number:number}/effect"): ("post", "/api/v1/reviews/{review}/effects"),
}
_ORDERS = "/api/v1/orders"
_ONE = "/desk/orders/{number:number}"
_ORDER_CALLS = {"emergency": "withdraw"} | {
    each: each
    for each in ("approve", "withdraw", "lift", "suspend", "resume", "confirm", "reported", "review")
}
_REQUEST = "/api/v1/duty/requests/{request}"
_DUTY = {
    ("GET", "/desk/orders"): ("get", "/api/v1/duty/due"),
    ("GET", "/desk/orders/requests"): ("get", "/api/v1/duty/requests"),
    ("GET", "/desk/orders/requests/new"): ("post", "/api/v1/duty/requests"),
    ("POST", "/desk/orders/requests/new"): ("post", "/api/v1/duty/requests"),
    ("GET", "/desk/orders/requests/{number:number}"): ("get", _REQUEST),
    ("POST", "/desk/orders/requests/{number:number}"): ("post", _REQUEST + "/steps"),
    ("GET", "/desk/orders/handover"): ("get", "/api/v1/duty/handovers"),
    ("POST", "/desk/orders/handover"): ("post", "/api/v1/duty/handovers"),
    ("POST", "/desk/orders/handover/read"): ("post", "/api/v1/duty/handovers/{number}/read"),
    ("GET", "/desk/orders/roster"): ("get", "/api/v1/duty/roster"),
    ("POST", "/desk/orders/roster"): ("post", "/api/v1/duty/shifts"),
    ("GET", "/desk/orders/list"): ("get", _ORDERS),
    ("GET", "/desk/orders/new"): ("post", _ORDERS),
    ("POST", "/desk/orders/new"): ("post", _ORDERS),
    ("GET", "/desk/orders/new/sign"): ("post", _ORDERS),
    ("POST", "/desk/orders/new/sign"): ("post", _ORDERS),
    ("GET", _ONE): ("get", _ORDERS + "/{reference}"),
    ("GET", _ONE + "/receipt"): ("get", _ORDERS + "/{reference}/receipt"),
    ("GET", _ONE + "/emergency"): ("post", _ORDERS + "/{reference}/withdraw"),
} | {
    ("POST", f"{_ONE}/{act}"): ("post", f"{_ORDERS}/{{reference}}/{call}")
    for act, call in _ORDER_CALLS.items()
}
OPEN = {
    ("GET", "/desk"),
    ("GET", "/desk/papers"),
    ("GET", "/desk/papers/leaflet"),
    ("GET", "/desk/today"),
    ("POST", "/desk/sign-out"),
    ("GET", "/desk/passkeys"),
    ("POST", "/desk/passkeys"),
    ("POST", "/desk/passkeys/new"),
    ("GET", "/desk/passkeys/revoke"),
    ("POST", "/desk/passkeys/revoke"),
}
"""they show nothing that a role may not see; /desk/today leaves away each number that it may not"""
REFUSED = "Your token does not allow this"
ALIKE = (
    _OTHERS
    | _DUTY
    | {(method, f"/desk/acts/{name}"): call for name, call in _ACT.items() for method in ("GET", "POST")}
)


@pytest.fixture
async def world(world: DeskWorld) -> AsyncIterator[DeskWorld]:
    """With a line, and the texts and terms that pages need."""
    for name in ("consent/2026-11.yaml", "desk/2026-11.yaml", "jurisdictions/mx.yaml"):
        world.installation.write_policy(name, (ROOT / "policies" / name).read_text())
    await subscribers.add(world.context, "home")
    yield world


def test_every_page_has_a_route_of_the_api_to_be_compared_with() -> None:
    assert ALIKE.keys() | OPEN == PAGES.keys()
    assert _ACT.keys() == ACTS.keys()
    assert {page for page, (_, permission) in PAGES.items() if permission is None} == OPEN


@pytest.mark.ring("night")
@pytest.mark.parametrize("role", DESK.roles)
async def test_a_page_allows_what_the_api_allows(world: DeskWorld, role: TokenRole) -> None:
    browser = await world.agent(role)
    for (method, path), call in ALIKE.items():
        world.installation.now += 1.0  # a session has a limit of requests in a second
        at = path.replace("{id:path}", "home").replace("{number:number}", "1")
        if method == "GET":
            reply = await browser.client.get(at, params={"line": "home", "id": "home"})
        else:
            line = "" if at == "/desk/why" else "home"
            reply = await browser.client.post(at, data={"csrf": browser.csrf, "line": line})
        refused = reply.status_code == 403 and REFUSED in reply.text
        assert refused != (role in MATRIX[call].roles), (method, at, reply.status_code)


async def test_numbers_of_all_lines_are_for_those_who_see_all_lines(world: DeskWorld) -> None:
    operator = await world.agent(TokenRole.OPERATOR)
    page = (await operator.get("/desk/today")).text
    for words in ("Reviews", "Notices that the holder has not got", "ARCO requests"):
        assert f"<h2>{words}</h2>" in page
    limited = await world.agent(lines="ho")
    assert "Your token sees no numbers of all lines." in (await limited.get("/desk/today")).text
    support = (await (await world.agent()).get("/desk/today")).text
    assert "<h2>Reviews</h2>" in support and "ARCO" not in support
