"""Many lines over HTTP: row by row, a bad one in the middle, limits, a repeat, and the way out again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from filterd.model.token import Permission, TokenRole
from filterd.operations import audit, line_stream, subscribers
from filterd.operations.line_stream import LONGEST_ROW
from filterd.web.api import bulk, kept_outcomes, streaming
from filterd.web.api.problems import RefusedCall
from filterd.web.api.streaming import NDJSON, rows_of
from tests.unit.web.api.test_limits import Sender
from tests.unit.web.conftest import Api

IMPORT, EXPORT = "/api/v1/import/subscribers", "/api/v1/export/subscribers"
EVIDENCE = {"who": "holder", "channel": "portal", "text_version": "1", "reference": "ticket 1"}


def _row(number: int, **more: Any) -> bytes:
    return json.dumps(
        {"id": f"line-{number}", "prefixes": [f"10.1.{number // 250}.{number % 250}"], **more}
    ).encode()


async def _import(client: httpx.AsyncClient, rows: Sequence[bytes]) -> list[dict[str, Any]]:
    reply = await client.post(IMPORT, content=b"\n".join(rows), headers={"Content-Type": NDJSON})
    assert (reply.status_code, reply.headers["content-type"]) == (200, NDJSON), reply.text
    return [json.loads(each) for each in reply.text.splitlines()]


def _outcomes(reply: list[dict[str, Any]]) -> dict[int, str]:
    return {each["line"]: each["outcome"] for each in reply if "line" in each}


async def test_a_bad_row_in_the_middle_is_told_and_the_others_act(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING, "billing")
    rows = [_row(1, profile="child", evidence=EVIDENCE), b"{not json", _row(2), _row(3, profile="teen")]
    rows += [_row(4, prefixes=["10.1.0.1"]), b"", _row(5, colour="red"), _row(6, prefixes=[7]), b"[]"]
    reply = await _import(client, rows)
    assert _outcomes(reply) == {1: "added", 3: "added"} | dict.fromkeys((2, 4, 5, 6, 7, 8), "rejected")
    problems = {each["line"]: each["problem"] for each in reply if "problem" in each}
    assert "no JSON" in problems[2]
    assert "lacks" in problems[4] or "evidence" in problems[4]
    assert "10.1.0.1/32 is bound to subscriber 'line-1' (line 1)" in problems[5]
    summary = reply[-1]
    assert (summary["complete"], summary["summary"]["rows"], summary["summary"]["added"]) == (True, 8, 2)
    assert (await subscribers.show(api.context, "line-1")).choices.profile == "child"
    (entry,) = [
        each.entry for each in await audit.tail(api.context) if each.entry.action == "subscriber.import"
    ]
    assert (entry.actor, entry.after is not None and entry.after["added"]) == ("billing", 2)


@pytest.mark.ring("night")
async def test_a_repeat_changes_nothing(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING, "billing")
    rows = [_row(each) for each in range(1_500)]
    first, again = await _import(client, rows), await _import(client, rows)
    assert set(_outcomes(first).values()) == {"added"}
    assert [each["line"] for each in first if "line" in each] == list(range(1, 1_501))
    assert set(_outcomes(again).values()) == {"unchanged"}
    assert next(each["progress"] for each in first if "progress" in each) == {"rows": 500, "rejected": 0}


async def test_a_limited_token_imports_its_own_lines_and_learns_of_no_others(api: Api) -> None:
    await subscribers.add(api.context, "south-1", prefixes=("10.1.0.9",))
    client = await api.client(TokenRole.PROVISIONING, "north", lines="line-")
    rows = [_row(1), b'{"id": "south-2"}', _row(9)]
    reply = await _import(client, rows)
    assert _outcomes(reply) == {1: "added", 2: "rejected", 3: "rejected"}
    assert "south-1" not in json.dumps(reply)
    assert "bound to another subscriber" in json.dumps(reply)


async def test_a_profile_takes_the_permission_to_choose(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING, "billing", scopes=(Permission.LINES_WRITE,))
    reply = await _import(client, [_row(1, profile="child", evidence=EVIDENCE), _row(2)])
    assert _outcomes(reply) == {1: "rejected", 2: "added"}


async def test_other_forms_and_what_is_too_large_are_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await api.client(TokenRole.PROVISIONING, "billing")
    refused = await client.post(IMPORT, json={})
    assert (refused.status_code, bool(refused.json()["remedy"])) == (415, True)
    monkeypatch.setattr(streaming, "LARGEST_STREAM", 200)
    refused = await client.post(IMPORT, content=b"a" * 201, headers={"Content-Type": NDJSON})
    assert refused.status_code == 413

    async def unannounced() -> AsyncIterator[bytes]:
        for each in range(9):
            yield _row(each) + b"\n"

    reply = await client.post(IMPORT, content=unannounced(), headers={"Content-Type": NDJSON})
    last = json.loads(reply.text.splitlines()[-1])
    assert (last["complete"], last["problem"]["status"]) == (False, 413)


async def test_so_many_imports_run_at_one_time(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING, "billing")
    api.state.imports = bulk.MOST_IMPORTS
    refused = await client.post(IMPORT, content=_row(1), headers={"Content-Type": NDJSON})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    api.state.imports = 0
    assert _outcomes(await _import(client, [_row(1)])) == {1: "added"}
    assert api.state.imports == 0


async def test_a_chunk_of_bad_rows_waits_for_no_good_one(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_stream, "MOST_WAITING", 10)
    client = await api.client(TokenRole.PROVISIONING, "billing")
    reply = await _import(client, [b"x"] * 25)
    assert len([each for each in reply if "progress" in each]) == 3


async def test_rows_are_cut_out_of_pieces() -> None:
    sender = Sender(b"a\nb", b"c\n", b"\n \nd" + b"e" * 20, b"e" * 20, b"\nlast")
    assert [each async for each in rows_of(sender.receive, 10)] == [b"a", b"bc", b"d" + b"e" * 10, b"last"]


async def test_a_body_that_stops_ends_the_import() -> None:
    with pytest.raises(RefusedCall) as refused:
        _ = [each async for each in rows_of(Sender(b"a\n", ends=False).receive, 10, seconds=0.01)]
    assert refused.value.status is HTTPStatus.REQUEST_TIMEOUT

    async def leave() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        _ = [each async for each in rows_of(leave, 10)]


async def test_a_row_that_is_too_long_is_rejected_and_the_next_acts(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING, "billing")
    reply = await _import(client, [_row(1, zone="x" * LONGEST_ROW), _row(2)])
    assert _outcomes(reply) == {1: "rejected", 2: "added"}


async def test_every_line_is_exported_and_own_names_are_kept_from_support(api: Api) -> None:
    for each in ("a", "b", "c"):
        await subscribers.add(api.context, each)
    await subscribers.deny(api.context, "b", "own.example")
    owner = await (await api.client(TokenRole.OPERATOR)).get(EXPORT)
    assert [json.loads(each)["id"] for each in owner.text.splitlines()] == ["a", "b", "c"]
    support = await api.client(TokenRole.SUPPORT, "desk")
    seen = await support.get(EXPORT, params={"after": "a"})
    assert [json.loads(each)["id"] for each in seen.text.splitlines()] == ["b", "c"]
    assert ("own.example" in owner.text, "own.example" in seen.text) == (True, False)


async def test_a_limited_token_imports_no_prefix_that_meets_another_line(api: Api) -> None:
    await subscribers.add(api.context, "south-1", prefixes=("10.2.0.0/24", "2001:db8:7:1::/64"))
    client = await api.client(TokenRole.PROVISIONING, "north", lines="line-")
    bounds = ("10.2.0.9", "10.2.0.9:1-2", "2001:db8:7::/48", "10.3.0.0/30", "10.3.0.1")
    rows = [json.dumps({"id": f"line-{at}", "prefixes": [bound]}).encode() for at, bound in enumerate(bounds)]
    reply = await _import(client, rows)
    rejected = dict.fromkeys((1, 2, 3, 4), "rejected")
    assert _outcomes(reply) == rejected | {5: "added"}
    assert "south-1" not in json.dumps(reply)


async def test_rejections_are_told_to_a_bound_and_end_an_import_of_nothing_else(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_outcomes, "MOST_REJECTED", 3)
    monkeypatch.setattr(kept_outcomes, "MOST_IN_A_ROW", 6_000)
    client = await api.client(TokenRole.PROVISIONING, "billing")
    mixed = await _import(client, [b"x"] * 5_000 + [_row(1)] + [b"x"] * 5_000)
    assert _outcomes(mixed) == {1: "rejected", 2: "rejected", 3: "rejected", 5_001: "added"}
    assert (mixed[-1]["complete"], mixed[-1]["summary"]["untold"]) == (True, 9_997)
    assert mixed[-1]["summary"]["rejected"] == 10_000
    bad = await _import(client, [b"x"] * 100_000)
    assert (bad[-1]["complete"], bad[-1]["problem"]["status"]) == (False, 422)
    assert 6_000 <= bad[-1]["summary"]["rejected"] < 20_000


async def test_the_file_of_outcomes_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_outcomes, "MOST_BYTES", 40)
    client = await api.client(TokenRole.PROVISIONING, "billing")
    reply = await _import(client, [_row(each) for each in range(9)])
    assert _outcomes(reply) == {1: "added", 2: "added"}
    assert reply[-1]["summary"]["untold"] == 7


async def test_an_export_counts_until_its_last_line(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    api.state.whole_reads.at_work = 1
    assert (await client.get(EXPORT)).status_code == 200
    assert api.state.whole_reads.at_work == 1
    api.state.whole_reads.at_work = 2
    refused = await client.get(EXPORT)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
