"""A line's consent and its choices beside the profile, over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.model.token import TokenRole
from filterd.operations import subscribers
from tests.unit.web.conftest import Api

LINE = "/api/v1/subscribers/home"
EVIDENCE = {"who": "the holder", "text_version": "2026-11", "reference": "ticket 1"}


@pytest.fixture
async def api(api: Api) -> Api:
    """With a line, and the text that is shown before it opts in."""
    folder: Path = api.context.settings.policies / "consent"
    folder.mkdir()
    (folder / "2026-11.yaml").write_text("since: 2026-11-01\ntext: {es: ¿Lo quieres?, en: Do you want it?}\n")
    await subscribers.add(api.context, "home")
    return api


async def test_who_asked_and_on_which_text_until_the_contract_ends_it(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    asked = {"profile": "child", "evidence": {**EVIDENCE, "text_version": "2026-10"}}
    refused = await client.put(f"{LINE}/choices/opt-in", json=asked)
    assert refused.status_code == 404
    assert "did you mean 2026-11?" in refused.json()["remedy"]
    assert (
        await client.put(f"{LINE}/choices/opt-in", json={"profile": "child", "evidence": EVIDENCE})
    ).status_code == 200
    shown = (await client.get(f"{LINE}/consent")).json()
    (request,) = shown["requests"]
    assert (shown["opted_in"], request["who"], request["role"]) == (True, "the holder", "holder")
    (added, asked_for) = shown["changes"]
    assert (added["action"], asked_for["action"], asked_for["channel"]) == ("add", "opt_in", "api")
    assert asked_for["changed"] == ["opted_in", "profile"]
    assert (shown["since"], shown["shared"], shown["pending"]) == (asked_for["at"], False, None)
    assert (request["text"]["es"], request["text_is_as_shown"]) == ("¿Lo quieres?", True)
    assert (await client.get("/api/v1/consent-texts/2026-11")).json() == request["text"]
    event = {"event": "transferred", "reference": "contract 9"}
    ended = await client.post(f"{LINE}/contract-events", json=event)
    assert ended.status_code == 200
    assert not ended.json()["opted_in"]
    shown = (await client.get(f"{LINE}/consent")).json()
    assert [each["kind"] for each in shown["requests"]] == ["opt_in", "transferred"]
    assert (await client.post(f"{LINE}/contract-events", json={"event": "sold"})).status_code == 422


async def test_differences_hours_and_closings(api: Api) -> None:
    client = await api.client(TokenRole.SUPPORT)
    early = await client.put(f"{LINE}/choices/differences", json={"add": ["category:gambling"]})
    assert early.status_code == 409, "nothing was asked for yet"
    await client.put(f"{LINE}/choices/opt-in", json={"profile": "teen", "evidence": EVIDENCE})
    wishes = {"add": ["category:gambling", "service:chat"], "take": ["category:adult"]}
    assert (await client.put(f"{LINE}/choices/differences", json=wishes)).status_code == 200
    slot = {"days": ["mon"], "from": "21:00", "until": "06:00", "block": {"services": ["chat"]}}
    assert (await client.put(f"{LINE}/choices/plan", json={"schedule": [slot]})).status_code == 200
    closing = {"until": "2027-01-15T10:00:00Z", "categories": ["gambling"]}
    assert (await client.post(f"{LINE}/choices/closings", json=closing)).status_code == 200
    found = (await client.get(f"{LINE}/choices")).json()
    assert found["categories"] == {"added": ["gambling"], "taken": ["adult"]}
    assert found["services"] == {"added": ["chat"], "taken": []}
    assert len(found["plan"]) == 1
    (closed,) = found["once"]
    assert (closed["ends_at"], closed["block"]["categories"]) == ("2027-01-15T10:00:00Z", ["gambling"])
    assert (await client.delete(f"{LINE}/choices/closings")).status_code == 200
    assert (await client.put(f"{LINE}/choices/plan", json={"as_profile": True})).status_code == 200
    found = (await client.get(f"{LINE}/choices")).json()
    assert (found["plan"], found["once"]) == (None, [])
    several = {"add": ["category:gambing", "colour:blue"], "take": ["service:chta"]}
    wrong = await client.put(f"{LINE}/choices/differences", json=several)
    assert wrong.status_code == 422
    for word in ("gambing", "colour", "chta"):
        assert word in wrong.text, "all of it is said at once"


async def test_a_limited_token_sees_and_ends_nothing_of_another_line(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING, lines="city-")
    event = {"event": "moved", "reference": "contract 9"}
    for answer in (
        await client.get(f"{LINE}/consent"),
        await client.get(f"{LINE}/choices"),
        await client.post(f"{LINE}/contract-events", json=event),
        await client.put(f"{LINE}/choices/differences", json={"reset": True}),
    ):
        assert answer.status_code == 404


@pytest.mark.parametrize("event", ["transferred", "cancelled", "moved", "reassigned"])
async def test_each_end_of_a_contract_leaves_a_line_with_nothing(api: Api, event: str) -> None:
    client = await api.client(TokenRole.OPERATOR)
    person = {"person": "her brother", "reference": "call 9"}
    made = (await client.post(f"{LINE}/authorisations", json=person)).json()
    by_brother = {**EVIDENCE, "role": "authorised", "credential": made["credential"]}
    opt_in = {"profile": "child", "evidence": by_brother}
    assert (await client.put(f"{LINE}/choices/opt-in", json=opt_in)).status_code == 200
    (asked,) = (await client.get(f"{LINE}/consent")).json()["requests"]
    assert (asked["role"], asked["authorisation"]) == ("authorised", made["authorisation"])
    slot = {"days": ["mon"], "from": "21:00", "until": "06:00", "block": {"services": ["chat"]}}
    await client.put(f"{LINE}/choices/plan", json={"schedule": [slot]})
    await client.put(f"{LINE}/choices/pause", json={"until": "2027-01-15T10:00:00Z"})
    await client.put(f"{LINE}/own-names/unwanted.example", json={"action": "block"})
    ended = await client.post(f"{LINE}/contract-events", json={"event": event, "reference": "contract 9"})
    shown = ended.json()
    assert (shown["opted_in"], shown["profile"], shown["own_names"], shown["paused_until"]) == (
        False,
        "",
        [],
        None,
    )
    assert (await client.get(f"{LINE}/choices")).json()["plan"] is None
    (authorised,) = (await client.get(f"{LINE}/authorisations")).json()
    assert authorised["state"] == "revoked"
    refused = await client.put(f"{LINE}/choices/opt-in", json=opt_in)
    assert refused.status_code == 403
    assert "does not authorise anybody" in refused.json()["detail"]
