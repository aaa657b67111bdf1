"""The regulator's desk: who comes in, what each role may see, and the answers to an inspector's questions."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from filterd.model.token import GRANTS, Permission, TokenRole
from filterd.operations import nodes, tokens
from filterd.operations.service_page import records
from filterd.operations.tokens import TokenRequest
from filterd.web.regulator.room import REGULATOR
from filterd.web.regulator.routes import PAGES
from tests.unit.web.regulator.conftest import NODE, Desk, Visitor
from tests.worlds.installation import NOW

ZONE = ZoneInfo("America/Mexico_City")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, ZONE).date().isoformat()


@pytest.mark.parametrize("role", [TokenRole.SUPPORT, TokenRole.PROVISIONING, TokenRole.ON_CALL])
async def test_other_roles_are_not_of_this_desk(desk: Desk, role: TokenRole) -> None:
    visitor: Visitor = await desk.browser()
    made = await tokens.add(desk.context, TokenRequest("sync", role))
    reply = await visitor.client.post("/regulator/sign-in", data={"token": made.secret})
    assert reply.status_code == 403 and role.value in reply.text


async def test_every_page_takes_what_a_regulator_has_and_nothing_of_lines(desk: Desk) -> None:
    asked = {permission for _, permission in PAGES.values() if permission is not None}
    assert asked <= GRANTS[TokenRole.REGULATOR]
    assert not asked & {
        Permission.LINES_READ,
        Permission.OWN_NAMES,
        Permission.CHECK_LINES,
        Permission.RIGHTS,
    }
    narrow = await tokens.add(
        desk.context, TokenRequest("games", TokenRole.REGULATOR, scopes=(Permission.NODES_READ,))
    )
    visitor = await desk.browser()
    await visitor.post("/regulator/sign-out")
    await visitor.client.post("/regulator/sign-in", data={"token": narrow.secret})
    assert (await visitor.get("/regulator/nodes")).status_code == 200
    assert (await visitor.get("/regulator/orders")).status_code == 403
    assert REGULATOR.roles == (TokenRole.REGULATOR, TokenRole.OPERATOR)


async def test_which_list_ran_on_which_node_at_a_time(desk: Desk) -> None:
    visitor = await desk.browser()
    at = datetime.fromtimestamp(NOW - 30, ZONE).replace(tzinfo=None).isoformat()
    page = (await visitor.get(f"/regulator/lists-on-nodes?node=resolver-1&at={at}")).text
    assert NODE.feeds[0].digest in page and "list-1" in page
    before = datetime.fromtimestamp(NOW - 3600, ZONE).replace(tzinfo=None).isoformat()
    assert NODE.feeds[0].digest not in (await visitor.get(f"/regulator/lists-on-nodes?at={before}")).text
    for wrong in ("yesterday", "9999-12-31T23:59", "0001-01-01T00:00"):
        assert "no date and time" in (await visitor.get(f"/regulator/lists-on-nodes?at={wrong}")).text
    assert await nodes.list_nodes(desk.context)


async def test_the_page_of_a_day_is_reproducible(desk: Desk) -> None:
    visitor = await desk.browser()
    page = (await visitor.get(f"/regulator/published?day={_day(NOW)}")).text
    assert "Yes: it is reproducible" in page
    found = await records.recorded(desk.context, number=1)
    assert found.record.digest in page
    packed = await visitor.get("/regulator/published/1.zip")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == dict(found.files)
    assert (await visitor.get("/regulator/published/1.zip")).content == packed.content
    assert "There is no record of that day" in (await visitor.get("/regulator/published?day=2001-03-03")).text
    assert "That is no date" in (await visitor.get("/regulator/published?day=3+March")).text


async def test_orders_are_filtered_and_one_is_told_in_whole(desk: Desk) -> None:
    visitor = await desk.browser()
    assert "2 orders" in (await visitor.get("/regulator/orders?authority=sat&term=none")).text
    assert "0 orders" in (await visitor.get("/regulator/orders?state=lifted")).text
    page = (await visitor.get("/regulator/orders/O-1")).text
    for words in ("ordered.example", "liva-18h", "D-1", "taken in", "ana"):
        assert words in page, words
    confidential = (await visitor.get("/regulator/orders/O-2")).text
    assert "No page shows the names of a confidential order" in confidential
    assert (await visitor.get("/regulator/orders/O-99")).status_code == 409
    receipt = await visitor.post("/regulator/orders/O-1/receipt", form="json")
    assert json.loads(receipt.text)["body"]["order"]
    assert (await visitor.client.post("/regulator/orders/O-1/receipt")).status_code in (403, 415)


async def test_who_added_a_ground_and_what_an_inspector_asks(desk: Desk) -> None:
    visitor = await desk.browser()
    page = (await visitor.get("/regulator/grounds")).text
    assert "sat · liva-18h" in page and "O-1" in page and "ana" in page
    assert "INTERPOL" not in page  # of a confidential list nothing but its label
    questions = (await visitor.get("/regulator/questions")).text
    for question in ("never asked for anything", "Who added this ground?", "page of 3 March"):
        assert question in questions
