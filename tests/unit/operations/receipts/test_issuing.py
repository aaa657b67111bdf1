"""A receipt says what was done about an order, is signed, and is recorded; it names nobody and no secret."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from filterd.model import signed_text
from filterd.model.order_sql import DECISIONS
from filterd.model.records import NodeReport
from filterd.model.rule import Scope
from filterd.operations import nodes
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError
from filterd.operations.orders import ending, lifting, suspending, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.receipts import issuing, verifying
from filterd.operations.receipts.body import ReceiptDeadline, met
from filterd.operations.receipts.effects import effect_of
from filterd.operations.receipts.parts import deadlines_part, titled
from filterd.operations.receipts.sheet import sheet_of
from filterd.operations.receipts.words import SheetLanguage, SheetWords
from filterd.operations.signing import Purpose, signer
from filterd.operations.trail import checkpoints
from filterd.store import change_log
from tests.unit.operations.test_order_times import Nodes, arrival
from tests.worlds.installation import NOW, Installation, as_person
from tests.worlds.trail import openssl_verifies, tamper

REQUEST = OrderRequest(
    authority="SAT",
    official="A. Official",
    document="500-2026-1",
    ground="LIVA 18-H QUINTUS",
    reason="notified today",
    entries=(("bad.example", Scope.SUBTREE), ("also.example", Scope.EXACT)),
)
COUNTRY = """
title: {es: México, en: Mexico}
calendar: {zone: America/Tijuana, weekend: [sat, sun], holidays: []}
authorities: [{id: sat, title: {es: Hacienda, en: Treasury}}]
grounds:
  - id: liva-18h
    title: {es: LIVA, en: LIVA}
    law: LIVA 18-H
    authorities: [sat]
    enforce: {days: 5, count: business}
    report: {days: 5, count: business}
"""
SECRET = replace(REQUEST, entries=(("unspeakable.example", Scope.SUBTREE),), confidential=True)


class Applied(NamedTuple):
    """A node's part in an effect."""

    node: str
    state: str
    applied_at: float
    seconds: float | None
    exact: bool
    probe: str


class Measured(NamedTuple):
    """The times of an effect."""

    due_at: float
    first_node_at: float
    all_nodes_at: float
    probed_at: float
    first_node_seconds: float | None
    all_nodes_seconds: float | None
    probed_seconds: float | None
    nodes: tuple[Applied, ...]


async def issued(context: Context, reference: str = "O-1") -> dict[str, Any]:
    receipt = await issuing.issue(context, reference)
    return signed_text.read(receipt.text).body


async def test_it_says_what_was_done(context: Context, installation: Installation) -> None:
    await taking.add(context, REQUEST)
    made = await checkpoints.make(context)
    installation.now += 60
    body = await issued(context)
    assert body["order"]["reference"] == "O-1"
    assert body["order"]["in_force"] is True
    assert body["order"]["document"] == "500-2026-1"
    assert body["entries"]["names"] == [
        {"name": "also.example", "scope": "exact"},
        {"name": "bad.example", "scope": "subtree"},
    ]
    assert [each["step"] for each in body["steps"]] == ["received", "taken_in", "accepted"]
    assert made is not None
    assert (body["trail"]["checkpoint"], body["trail"]["checkpoint_digest"]) == (1, made.digest)
    assert body["issued_at"] == "2027-01-15T08:01:00Z"
    assert (body["enforcement"]["all_nodes_at"], body["lifting"]) == (None, None)
    assert [(each["duty"], each["source"], each["met"]) for each in body["deadlines"]] == [
        ("review", "provider", None)
    ]


async def test_people_are_counted_and_not_named(installation: Installation) -> None:
    async with installation.open("ana.reyes") as context:
        await taking.add(context, REQUEST)
        await taking.approve(as_person(context, "beto.luna"), "O-1")
        receipt = await issuing.issue(context, "O-1")
    body = signed_text.read(receipt.text).body
    assert body["people"] == 2
    assert [each["step"] for each in body["steps"]] == ["received", "taken_in", "approved", "accepted"]
    assert "ana.reyes" not in receipt.text
    assert "beto.luna" not in receipt.text


async def test_the_trail_has_its_digest_and_it_has_the_head_before(context: Context) -> None:
    await taking.add(context, REQUEST)
    receipt = await issuing.issue(context, "O-1")
    body = signed_text.read(receipt.text).body
    async with context.store.read() as connection:
        last = (await change_log.newest_entries(connection, 1))[0]
        decided = [each for each in await change_log.entries(connection) if each.entry.action in DECISIONS]
    assert (last.entry.action, last.entry.subject) == (issuing.ACTION, "order:O-1")
    assert last.entry.after is not None
    assert last.entry.after["digest"] == receipt.digest
    assert (body["trail"]["sequence"], body["trail"]["hash"]) == (last.sequence - 1, last.previous_hash)
    assert body["trail"]["entries"][0]["hash"] == decided[0].hash
    assert decided[0].entry.after is not None
    assert body["entries"]["row_digest"] == decided[0].entry.after["row_digest"]
    assert body["entries"]["digest"] == decided[0].entry.after["digest"]


async def test_the_entry_of_a_receipt_is_no_decision_and_the_order_stays_sound(context: Context) -> None:
    await taking.add(context, REQUEST)
    await issued(context)
    await issued(context)
    assert issuing.ACTION not in DECISIONS
    await ending.withdraw(context, "O-1", reason="lifted by the court")
    body = await issued(context)
    assert body["order"]["state"] == "withdrawn"
    assert body["order"]["in_force"] is False
    assert body["steps"][-1]["step"] == "withdrawn"
    assert "lifted by the court" not in json.dumps(body)


async def test_a_confidential_order_has_no_name_in_it(context: Context) -> None:
    await taking.add(context, SECRET)
    receipt = await issuing.issue(context, "O-1")
    body = signed_text.read(receipt.text).body
    assert "unspeakable" not in receipt.text
    assert (body["entries"]["count"], body["entries"]["names"], body["entries"]["digest"]) == (1, None, None)
    assert body["withheld"] == [
        "entries.addresses",
        "entries.names",
        "order.proportionality",
        "steps.evidence",
    ]
    async with context.store.read() as connection:
        entry = (await change_log.newest_entries(connection, 1))[0].entry
    assert entry.after is not None
    assert entry.after["confidential"] is True


async def test_one_that_nobody_accepted_has_none(installation: Installation) -> None:
    async with installation.open("ana") as context:
        await taking.add(context, REQUEST)
        with pytest.raises(ConflictError, match="O-1 is pending") as refused:
            await issuing.issue(context, "O-1")
        assert "filterd order show O-1" in refused.value.remedy


async def test_a_damaged_one_has_none(context: Context, installation: Installation) -> None:
    await taking.add(context, REQUEST)
    tamper(installation, "UPDATE orders SET authority = 'Nobody'")
    with pytest.raises(OperationError, match="damaged"):
        await issuing.issue(context, "O-1")


async def test_it_says_which_nodes_have_it(context: Context) -> None:
    await taking.add(context, REQUEST)
    async with context.store.read() as connection:
        cursor = (await change_log.ends(connection))[1]
    report = NodeReport("resolver-1", NOW, cursor.revision, cursor.revision, "", True, {}, cursor.hash)
    await nodes.record(context, report)
    await nodes.record(context, replace(report, name="resolver-2", mandatory_revision=0, mandatory_hash=""))
    body = await issued(context)
    assert [(each["name"], each["has_it"]) for each in body["nodes"]] == [
        ("resolver-1", True),
        ("resolver-2", None),
    ]


@pytest.mark.parametrize(
    ("done", "measured", "at", "expected"),
    [
        (100, True, 300, True),
        (200, True, 300, True),
        (201, True, 300, False),
        (0, True, 200, None),
        (0, True, 201, False),
        (0, False, 201, None),
    ],
)
def test_a_deadline_is_met_missed_or_not_known(
    done: float, measured: bool, at: float, expected: bool | None
) -> None:
    assert met(ReceiptDeadline("enforce", 200, "order", done, measured), at) is expected


async def test_duties_of_the_ground_are_in_it_and_what_nobody_measured_is_not_known(
    context: Context, installation: Installation
) -> None:
    installation.write_policy("jurisdictions/mx.yaml", COUNTRY)
    await taking.add(context, replace(REQUEST, ground="liva-18h", enforce_by=int(NOW) + 86_400))
    installation.now += 200 * 86_400
    body = await issued(context)
    found = {each["duty"]: (each["source"], each["met"], each["done_at"]) for each in body["deadlines"]}
    assert found == {"enforce": ("order", None, None), "review": ("provider", False, None)}
    assert body["zone"] == "America/Tijuana"
    assert body["order"]["authority_title"] == {"es": "Hacienda", "en": "Treasury"}
    assert titled(body["order"], "authority", SheetWords(SheetLanguage.EN, "UTC")) == "Treasury (SAT)"
    assert titled(body["order"], "ground", SheetWords(SheetLanguage.ES, "UTC")) == "LIVA (liva-18h)"


async def test_an_order_blocked_in_time_stays_so_after_a_suspension(
    context: Context, installation: Installation
) -> None:
    world = Nodes(context)
    await world.report("n1", NOW - 1)
    due, day = int(NOW) + 86_400, 86_400
    await taking.add(context, replace(REQUEST, enforce_by=due, report_by=due))
    await world.report("n1", NOW + 1, arrival(NOW + 0.5))
    installation.now = NOW + 2 * day
    await suspending.suspend(context, "O-1", until=int(NOW) + 9 * day, document="S-1", reason="asked")
    await world.report("n1", NOW + 2 * day + 1, arrival(NOW + 2 * day + 0.5, active=False))
    installation.now = NOW + 3 * day
    suspended = await issued(context)
    await suspending.resume(context, "O-1", reason="asked")
    await world.report("n1", NOW + 3 * day + 1, arrival(NOW + 3 * day + 0.5))
    installation.now = NOW + 4 * day
    resumed = await issued(context)
    for body in (suspended, resumed):
        kept = {each["duty"]: (each["met"], each["done_at"]) for each in body["deadlines"]}
        assert kept["enforce"] == (True, "2027-01-15T08:00:00Z")
        assert kept["report"] == (False, None)
    assert suspended["first_enforcement"] is None
    assert resumed["first_enforcement"]["all_nodes_at"] == "2027-01-15T08:00:00Z"
    assert resumed["enforcement"]["all_nodes_at"] == "2027-01-18T08:00:00Z"


@pytest.mark.parametrize("wait", [30, 90])
async def test_an_ended_order_keeps_its_deadlines_and_whether_they_were_kept(
    context: Context, installation: Installation, wait: int
) -> None:
    world = Nodes(context)
    await world.report("n1", NOW - 1)
    await taking.add(context, replace(REQUEST, enforce_by=int(NOW) + 60, report_by=int(NOW) + 3600))
    await world.report("n1", NOW + wait + 1, arrival(NOW + wait))
    installation.now = NOW + 600
    await lifting.lift(context, "O-1", document="L-1", reason="demanded")
    installation.now = NOW + 90 * 86_400
    body = await issued(context)
    kept = {each["duty"]: (each["met"], each["over_at"]) for each in body["deadlines"]}
    assert kept["enforce"] == (wait <= 60, None)
    assert kept["report"] == kept["review"] == (None, "2027-01-15T08:10:00Z")
    words = SheetWords(SheetLanguage.ES, "UTC")
    cells = ["".join(row[3]) for row in deadlines_part(body, words)["rows"]]
    assert cells == ["sí" if wait <= 60 else "no", "ya no se exige", "ya no se exige"]


@pytest.mark.parametrize("act", ["withdraw", "lift"])
async def test_an_emergency_end_is_one_step_of_the_sheet_and_no_review_is_announced(
    context: Context, installation: Installation, act: str
) -> None:
    world = Nodes(context)
    await world.report("n1", NOW - 1)
    await taking.add(context, REQUEST)
    await world.report("n1", NOW + 1, arrival(NOW + 0.5))
    standing = sheet_of((await issuing.issue(context, "O-1")).text, SheetLanguage.ES)
    assert "Se revisa" in json.dumps(standing)
    assert "no se comprobó" in json.dumps(standing, ensure_ascii=False), "there is no probe"
    assert "Proveedor sin nombre" in "".join(standing["provider"])
    installation.now = NOW + 60
    if act == "lift":
        await lifting.lift(context, "O-1", document="L-1", reason="demanded", emergency=True)
    else:
        await ending.withdraw(context, "O-1", reason="mistake", emergency=True)
    await world.report("n1", NOW + 62, arrival(NOW + 61, active=False))
    ended = sheet_of((await issuing.issue(context, "O-1")).text, SheetLanguage.ES)
    said = "\n".join("".join(each) for each in ended["summary"])
    assert ("Levantada en todos los servidores" in said) == (act == "lift")
    assert ("Ningún servidor bloquea por ella" in said) == (act == "withdraw")
    (steps,) = (
        each for each in ended["parts"] if "Lo que se hizo, y cuándo" in "".join(each.get("title", []))
    )
    rows = ["".join(row[0]) for row in steps["rows"]]
    assert len([each for each in rows if "urgencia" in each]) == 1
    assert rows[-1].endswith("de urgencia, por una sola persona")
    assert "Se revisa" not in json.dumps(ended)


@pytest.mark.parametrize(("review_at", "source"), [(0, "provider"), (int(NOW) + 9_000_000, "order")])
async def test_a_review_is_the_orders_own_only_where_somebody_gave_it(
    context: Context, review_at: int, source: str
) -> None:
    await taking.add(context, replace(REQUEST, review_at=review_at))
    (review,) = (await issued(context))["deadlines"]
    assert (review["duty"], review["source"]) == ("review", source)


def test_what_was_measured_is_said_in_milliseconds() -> None:
    one = Applied("resolver-1", "applied", NOW + 0.2504, 0.2504, True, "seen")
    two = Applied("resolver-2", "away", 0.0, None, True, "")
    found = effect_of(Measured(NOW, NOW + 0.2504, 0.0, 0.0, 0.2504, None, None, (one, two)))
    assert found is not None
    assert (found["first_node_ms"], found["all_nodes_at"], found["probed_ms"]) == (250, None, None)
    assert [(each["applied_ms"], each["probe"]) for each in found["nodes"]] == [(250, "seen"), (None, None)]
    assert effect_of(None) is None


async def test_it_is_verified_by_its_key_alone(context: Context) -> None:
    await taking.add(context, REQUEST)
    receipt = await issuing.issue(context, "O-1")
    pem = signer(context.settings, Purpose.RECEIPT).public_pem.encode()
    found = verifying.verify(receipt.text.encode() + b"\n", pem)
    assert (found.digest, found.key_id) == (receipt.digest, receipt.key_id)
    with pytest.raises(OperationError, match="names the key"):
        verifying.verify(
            receipt.text.encode(), signer(context.settings, Purpose.CHECKPOINT).public_pem.encode()
        )
    with pytest.raises(OperationError, match="no Ed25519"):
        verifying.verify(receipt.text.encode(), b"no key")


@pytest.mark.ring("night")
async def test_any_byte_that_is_changed_is_found(context: Context) -> None:
    await taking.add(context, REQUEST)
    data = (await issuing.issue(context, "O-1")).text.encode()
    pem = signer(context.settings, Purpose.RECEIPT).public_pem.encode()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(OperationError):
            verifying.verify(bytes(changed), pem)
    for wrong in (b"", b"{}", b"[" * 100_000, b"\xff", data[:-1], data + b" ", b" " + data, data * 2):
        with pytest.raises(OperationError):
            verifying.verify(wrong, pem)


@pytest.mark.system("openssl")
async def test_openssl_verifies_it(context: Context, tmp_path: Path) -> None:
    await taking.add(context, REQUEST)
    receipt = await issuing.issue(context, "O-1")
    pem = signer(context.settings, Purpose.RECEIPT).public_pem
    value = json.loads(receipt.text)
    plain = json.dumps(value["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signature = base64.b64decode(value["signature"])
    assert openssl_verifies(tmp_path, pem, b"filterd receipt v1\n" + plain, signature)
    assert not openssl_verifies(tmp_path, pem, b"filterd checkpoint v1\n" + plain, signature)
