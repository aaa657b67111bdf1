"""The regulator's desk: who comes in, what each role may see, and the answers to an inspector's questions."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest

from filterd.cli.main import main
from filterd.model.rule import Scope
from filterd.model.token import GRANTS, Permission, TokenRole
from filterd.operations import nodes, tokens
from filterd.operations.feeds import updating
from filterd.operations.orders import due, ending, reviewing, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.publishing import publish
from filterd.operations.service_page import records
from filterd.operations.tokens import TokenRequest
from filterd.operations.trail import exporting
from filterd.web.regulator.overview import QUESTIONS
from filterd.web.regulator.room import REGULATOR
from filterd.web.regulator.routes import PAGES
from tests.unit.web.regulator.conftest import NODE, Desk, Visitor
from tests.worlds.installation import NOW, as_person

ZONE = ZoneInfo("America/Mexico_City")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, ZONE).date().isoformat()


@pytest.mark.ring("night")
@pytest.mark.parametrize("role", [TokenRole.SUPPORT, TokenRole.PROVISIONING, TokenRole.ON_CALL])
async def test_other_roles_are_not_of_this_desk(desk: Desk, role: TokenRole) -> None:
    visitor: Visitor = await desk.browser()
    made = await tokens.add(desk.context, TokenRequest("sync", role))
    reply = await visitor.client.post("/regulator/sign-in", data={"token": made.secret})
    assert reply.status_code == 403 and role.value in reply.text


@pytest.mark.ring("night")
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


@pytest.mark.ring("night")
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


@pytest.mark.ring("night")
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


@pytest.mark.ring("merge")
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


@pytest.mark.ring("night")
async def test_an_order_that_ended_keeps_its_deadlines_and_its_steps_in_time(desk: Desk) -> None:
    ana = as_person(desk.context, "ana")
    basis = OrderRequest(
        "sat", "A. Official", "D-3", "liva-18h", "demanded", (("third.example", Scope.EXACT),)
    )
    await taking.add(ana, replace(basis, report_by=int(NOW) + 60))
    await due.reported(ana, "O-3", report="acuse 77", at=NOW)
    desk.installation.now += 60
    await ending.withdraw(ana, "O-3", reason="a hospital", emergency=True)
    desk.installation.now += 60
    await reviewing.review(as_person(desk.context, "bob"), "O-3", reason="it was")
    visitor = await desk.browser()
    page = (await visitor.get("/regulator/orders/O-3")).text
    steps = page.partition("Steps")[2].partition("</table>")[0]
    told = [steps.index(f"<td>{each}</td>") for each in ("taken in", "ended", "looked at by another person")]
    assert told == sorted(told)
    assert "<td>report</td>" in page, "what was kept stays on its page"
    assert "<td>report</td>" in (await visitor.get("/regulator/deadlines")).text


@pytest.mark.ring("night")
async def test_the_pack_of_some_days_has_the_reports_that_people_read(desk: Desk) -> None:
    visitor = await desk.browser()
    await visitor.get("/regulator/downloads")
    packed = await visitor.post(
        "/regulator/downloads/pack", **{"from": _day(NOW - 86_400), "to": _day(NOW - 86_400)}
    )
    assert packed.status_code == 200
    with tarfile.open(fileobj=io.BytesIO(packed.content)) as archive:
        names = {name.rpartition("/")[2] for name in archive.getnames()}
    for form in ("json", "csv", "html", "pdf"):
        assert any(name.startswith("compliance") and name.endswith(f".{form}") for name in names), names


@pytest.mark.ring("night")
async def test_who_added_a_ground_and_what_an_inspector_asks(desk: Desk) -> None:
    visitor = await desk.browser()
    page = (await visitor.get("/regulator/grounds")).text
    assert (
        "Tax Administration Service (sat)" in page
        and "(liva-18h)" in page
        and "O-1" in page
        and "ana" in page
    )
    assert "INTERPOL" not in page  # of a confidential list nothing but its label
    questions = (await visitor.get("/regulator/questions")).text
    for question in ("never asked for anything", "Who added this ground?", "page of 3 March"):
        assert question in questions


def test_the_commands_that_the_questions_name_are_there() -> None:
    named = [where.split()[1:] for _, kind, where in QUESTIONS if kind == "command"]
    assert named
    for words in named:
        command: click.Command | None = main
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), words.pop(0))
        assert command is not None and not any(each.startswith("-") for each in words), words


@pytest.mark.ring("night")
async def test_the_trail_is_given_by_whole_days(desk: Desk) -> None:
    visitor = await desk.browser()
    await visitor.get("/regulator/downloads")
    today, before = _day(NOW), _day(NOW - 86_400)
    first, last = (datetime.fromisoformat(each).replace(tzinfo=ZONE).timestamp() for each in (before, today))
    scope = exporting.scope_of_days(before, today, "", ZONE.key)
    assert (scope.since, scope.until) == (first, last + 86_400), "the last one is among them"
    for days in ((today, today), (before, ""), ("", today)):
        reply = await visitor.post(
            "/regulator/downloads/audit", **dict(zip(("from", "to"), days, strict=True))
        )
        assert reply.status_code == 200 and b'"order.add"' in reply.content, days
    for wrong in ({"from": "x"}, {"to": "9999-12-31"}, {"from": today, "to": before}):
        refused = await visitor.post("/regulator/downloads/audit", **wrong)
        assert refused.status_code == 409 and "write" in refused.text, wrong


@pytest.mark.ring("night")
async def test_a_key_of_no_purpose_is_not_there(desk: Desk) -> None:
    visitor = await desk.browser()
    assert (await visitor.get("/regulator/downloads/keys/foo.pem")).status_code == 404
    assert (await visitor.get("/regulator/downloads/keys/receipt.pem")).status_code == 200


@pytest.mark.ring("night")
async def test_a_report_has_the_kind_and_the_name_of_what_it_is_for(desk: Desk) -> None:
    visitor = await desk.browser()
    path = "/regulator/reports/file?first=&last=&form=json"
    form = (await visitor.get("/regulator/reports")).text.partition('name="kind"')[2]
    assert form[:40].lstrip(">\n").startswith('<option value="" selected>')
    made = await visitor.get(f"{path}&kind=&preset=agcom")
    assert (made.json()["kind"], 'filename="agcom.json"' in made.headers["content-disposition"]) == (
        "categories",
        True,
    )
    for wrong in ("kind=compliance&preset=agcom", "kind=categories&preset=lmtr-183-xii", "kind=&preset="):
        assert (await visitor.get(f"{path}&{wrong}")).status_code == 409


@pytest.mark.ring("night")
async def test_a_third_whole_read_is_told_to_wait(desk: Desk) -> None:
    visitor = await desk.browser()
    await visitor.get("/regulator/downloads")
    reads = desk.state.whole_reads
    for at_work, wanted in ((2, 503), (1, 200)):
        reads.at_work = at_work
        replies = [
            await visitor.client.get("/regulator/people"),
            await visitor.client.get("/regulator/reports/file?kind=categories&form=csv"),
            await visitor.post("/regulator/downloads/audit"),
            await visitor.post("/regulator/downloads/pack", order="O-1"),
        ]
        assert [each.status_code for each in replies] == [wanted] * 4
        assert ("Too many reports" in replies[0].text) == (wanted == 503)
        assert reads.at_work == at_work, "each has ended"
    refused = await visitor.post("/regulator/downloads/pack", order="O-99")
    assert (refused.status_code, reads.at_work) == (409, 1)


@pytest.mark.ring("night")
async def test_the_key_of_published_lists_is_shown_and_given(desk: Desk, tmp_path: Path) -> None:
    await updating.update(desk.context)
    await publish.publish(desk.context, ("adult-starter",), out=tmp_path / "published")
    for language, words in (("es", "Claves de listas publicadas"), ("en", "Keys of published lists")):
        visitor = await desk.browser(language=language)
        page = await visitor.get("/regulator/downloads")
        assert page.status_code == 200
        assert page.text.count(words) == 2, "the file, and the row of the key"
        given = await visitor.get("/regulator/downloads/keys/list.pem")
        assert given.status_code == 200 and "minisign RW" in given.text
