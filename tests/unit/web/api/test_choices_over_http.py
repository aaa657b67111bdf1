"""A line's choices over HTTP: pasted URLs as own names, and refusals that say what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import pytest

from filterd.model.subscriber import RequestEvidence
from filterd.model.token import TokenRole
from filterd.operations import subscribers
from tests.unit.web.conftest import Api
from tests.worlds.installation import NOW

LINE = "/api/v1/subscribers/home"
NAMES = LINE + "/own-names/"


@pytest.fixture
async def client(api: Api) -> httpx.AsyncClient:
    """An operator, beside a line that opted in."""
    evidence = RequestEvidence("holder", "counter", NOW, "1", "ticket 1")
    await subscribers.add(api.context, "home")
    await subscribers.opt_in(api.context, "home", "child", evidence)
    return await api.client(TokenRole.OPERATOR)


@pytest.mark.ring("night")
@pytest.mark.parametrize(
    "pasted",
    [
        "https://foro.example/inicio",
        "foro.example/inicio?id=7#a",
        "http://foro.example:8080/",
        "foro.example",
    ],
)
async def test_a_pasted_url_stands_for_its_site(client: httpx.AsyncClient, pasted: str) -> None:
    put = await client.put(NAMES + quote(pasted, safe=""), json={"action": "block"})
    assert put.status_code == 200, put.text
    assert put.json()["taken_as"] == "foro.example"
    assert [each["name"] for each in put.json()["own_names"]] == ["foro.example"]
    gone = await client.delete(NAMES + quote(pasted, safe=""))
    assert (gone.json()["taken_as"], gone.json()["own_names"]) == ("foro.example", [])


async def test_a_url_without_a_site_is_refused_as_it_was_typed(client: httpx.AsyncClient) -> None:
    refused = await client.put(NAMES + quote("https:///x/y", safe=""), json={"action": "block"})
    assert refused.status_code == 422
    assert "https:///x/y" in refused.json()["detail"]


async def test_a_body_that_is_no_json_is_400(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    refused = await client.put(LINE + "/choices/zone", content=b'{"zone" "UTC"}', headers=headers)
    assert (refused.status_code, "errors" in refused.json()) == (400, False)
    assert "no JSON at character 8" in refused.json()["detail"]


async def test_the_errors_of_a_plan_are_named_as_the_body_has_them(client: httpx.AsyncClient) -> None:
    slot = {"days": ["mon"], "from": "25:00", "until": "07:00", "block": "everything"}
    refused = await client.put(LINE + "/choices/plan", json={"schedule": [slot]})
    assert refused.status_code == 422
    assert "schedule.schedule" not in refused.text
    assert refused.json()["detail"].startswith("body.schedule[0]")


async def test_a_pause_until_a_time_that_is_past_says_so(api: Api, client: httpx.AsyncClient) -> None:
    until = datetime.fromtimestamp(api.installation.now - 39_967, UTC).isoformat()
    refused = await client.put(LINE + "/choices/pause", json={"until": until})
    assert (refused.status_code, "-39967" in refused.text) == (422, False)
    assert "past" in refused.json()["detail"]


async def test_the_catalogue_has_what_a_line_can_choose(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/v1/catalogue")).json()
    assert set(found) == {"categories", "services", "service_groups", "safe_search", "ways"}
    adult = next(each for each in found["categories"] if each["id"] == "adult")
    assert (adult["choice"], set(adult["title"]), adult["empty"]) == ("category:adult", {"es", "en"}, False)
    groups = {each["id"] for each in found["service_groups"]} | {""}
    assert all(each["group"] in groups for each in found["services"])
    offered = [each["choice"] for kind in found.values() for each in kind if "choice" in each]
    for choice in offered:
        reply = await client.put(LINE + "/choices/differences", json={"add": [choice]})
        assert reply.status_code == 200, (choice, reply.text)


async def test_changes_of_choices_say_what_is_to_be_told(api: Api, client: httpx.AsyncClient) -> None:
    differences = LINE + "/choices/differences"
    found = (await client.get("/api/v1/catalogue")).json()
    harsh = [each["choice"] for each in found["ways"] if each["level"] != "signal"]
    told = (await client.put(differences, json={"add": harsh[:1]})).json()["warnings"]
    assert "DNS privado" in told[0]
    none = await client.put(differences, json={"take": harsh[:1]})
    assert none.json()["warnings"] == []
    profiles = {each["id"]: each for each in (await client.get("/api/v1/profiles")).json()}
    teen, child = (set(profiles[each]["categories"]) for each in ("teen", "child"))
    own = f"category:{sorted(child - teen)[0]}"
    await client.put(LINE + "/choices/profile", json={"profile": "teen"})
    await client.put(differences, json={"add": [own]})
    back = (await client.put(LINE + "/choices/profile", json={"profile": "child"})).json()
    assert f"dropped: +{own}" in back["warnings"][-1]
