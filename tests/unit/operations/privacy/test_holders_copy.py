"""A holder's copy has all that the export has, in words and on the line's clock."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import filterd.operations
from filterd.config.policy_documents import DAYS
from filterd.model.adjustments import KINDS
from filterd.model.arco import ArcoKind, ArcoOutcome
from filterd.model.notice import FIELDS, NoticeState
from filterd.model.subscriber import AskerRole, RequestEvidence
from filterd.operations import authorisations, choices, closings, plans, subscribers
from filterd.operations.choices import TAKE, Wish
from filterd.operations.closings import Closed
from filterd.operations.consent import ENDED_AGAIN, ContractEvent, end
from filterd.operations.context import Context
from filterd.operations.ends import End
from filterd.operations.plans import PlanChange
from filterd.operations.privacy import arco
from filterd.operations.privacy.holders_copy import _ASKED, copy_of, words
from tests.meta.test_known_failures import ROOT
from tests.worlds.installation import NOW, Installation

PLAN = """
schedule:
  - {days: [mon, tue], from: "21:00", until: "07:00", block: {categories: [gambling]}}
  - {days: [sat], from: "22:00", until: "23:00", block: {everything: true}}
"""
EVIDENCE = RequestEvidence("Zacarias", "shop", NOW, "2026-11", "T-1")
FOLDER = Path(filterd.operations.__path__[0])
OF_A_FILE = {"subscriber.import"}
"""actions whose entry is about a file, not about a line"""


async def fill(context: Context) -> None:
    """A line with something of everything; its clock is six hours behind UTC."""
    await subscribers.add(context, "home", prefixes=("192.0.2.7",))
    await subscribers.set_zone(context, "home", "America/Mexico_City")
    await subscribers.opt_in(context, "home", "child", EVIDENCE)
    await subscribers.deny(context, "home", "red.example", end=End(seconds=3_600))
    await subscribers.allow(context, "home", "blue.example")
    await choices.choose(context, "home", [Wish(TAKE, "category:gambling"), Wish(TAKE, "service:chat")])
    await plans.change(context, "home", PlanChange(text=PLAN, holidays=("2027-12-25",)))
    await closings.close(context, "home", Closed(categories=("adult",)), End(seconds=7_200))
    await subscribers.pause(context, "home", 1_800)
    made = await authorisations.add(context, "home", "Grandmother", reference="T-2")
    await authorisations.add(context, "home", "Uncle", reference="T-3")
    await authorisations.revoke(context, "home", made.authorisation.reference_text, reason="asked")
    request = await arco.add(context, "home", ArcoKind.ACCESS, channel="letter", ticket="K-1")
    await arco.answer(context, request.reference, ArcoOutcome.PARTLY, reason="part of it")


async def copy(installation: Installation) -> tuple[dict[str, Any], str]:
    """The export of the filled line, and its text."""
    country = "jurisdictions/mx.yaml"
    installation.write_policy(country, (ROOT / "policies" / country).read_text())
    async with installation.open() as context:
        await fill(context)
        return await copy_of(context, "home")


PARTS = {
    "bindings": "Direcciones e identidades asignadas a la línea",
    "own_names": "Nombres propios",
    "requests": "Solicitudes y consentimiento",
    "authorisations": "Personas que usted autorizó",
    "arco": "Solicitudes ARCO",
    "notices": "Avisos que se le enviaron",
    "history": "Actos registrados",
}
IN_WORDS = {"kind", "state", "action", "role", "outcome", "scope", "received_on", "answer_by", "carry_out_by"}
"""keys whose values the copy has in words; the next test is about those"""


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value that the copy must have as it is, at any depth."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in IN_WORDS and each != "operator":
                yield from texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, str):
        yield value


async def test_it_speaks_spanish_of_everything(installation: Installation) -> None:
    _, text = await copy(installation)
    for sentence in (
        "El filtro está encendido, con el perfil «Niños».",
        "Se puso en pausa hasta el 15 de enero de 2027, 02:30.",
        "  192.0.2.7",
        "  blue.example: permitido, con todo lo que está debajo.",
        "  red.example: bloqueado, con todo lo que está debajo, hasta el 15 de enero de 2027, 03:00.",
        "  Categorías: se deja abierto: Apuestas.",
        "  Servicios: se deja abierto: Chat.",
        "  lunes, martes, de 21:00 a 07:00: se cierra Apuestas.",
        "  sábado, de 22:00 a 23:00: se cierra todo Internet, menos lo protegido y lo que siempre",
        "Días sin horario: 25 de diciembre de 2027.",
        "  del 15 de enero de 2027, 02:00 al 15 de enero de 2027, 04:00: se cierra Adultos.",
        "se pidió encender el filtro; lo pidió Zacarias (titular) por shop; texto que se mostró: 2026-11;",
        "lo registró ana el 15 de enero de 2027, 02:00.",
        "Grandmother, a quien usted autorizó por el proveedor (referencia T-2)",
        "la retiró ana el 15 de enero de 2027, 02:00.",
        "acceso, recibida el 15 de enero de 2027 por letter, folio K-1;",
        "procede en parte;",
        "Avisos que se le enviaron: ",
        "se cambió el horario (guardado para dárselo en persona;",
        "Actos registrados: ",
        "  15 de enero de 2027, 02:00: se encendió el filtro. Lo registró ana.",
    ):
        assert sentence in text


async def test_events_of_the_contract_were_asked_for_by_nobody(installation: Installation) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "home")
        await end(context, "home", ContractEvent.SUSPENDED, reference="C-1")
        _, text = await copy_of(context, "home")
    said = "el contrato se suspendió; el filtro no cambió; lo anotó ana, por el contrato; referencia C-1;"
    assert said in text


@pytest.mark.ring("night")
async def test_nothing_of_the_export_is_left_out_nor_raw(installation: Installation) -> None:
    held, text = await copy(installation)
    for part, title in PARTS.items():
        assert held[part], "the line has something of everything"
        assert f"\n{title}: {len(held[part])}\n" in text
        assert [each for each in texts_in(held[part]) if each not in text] == []
    for sign in ("{", "'", "1800000", "subscriber.", "opt_in", "T08:00"):
        assert sign not in text


async def test_a_line_with_nothing(installation: Installation) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "new")
        _, text = await copy_of(context, "new")
    assert "El filtro está apagado.\n" in text
    assert "Personas que usted autorizó: no hay\n" in text


def test_each_kind_has_its_words() -> None:
    table = words()
    events = {each.value for each in ContractEvent}
    assert set(table["requests"]) == {*_ASKED, ENDED_AGAIN, *events}
    assert set(table["notices"]) == set(FIELDS)
    assert set(table["notice_states"]) == {each.value for each in NoticeState}
    assert set(table["rights"]) == {each.value for each in ArcoKind}
    assert set(table["outcomes"]) == {each.value for each in ArcoOutcome if each.value}
    assert set(table["roles"]) == {each.value for each in AskerRole}
    assert set(table["kinds"]) == set(KINDS)
    assert tuple(table["days"]) == DAYS


@pytest.mark.ring("night")
def test_each_action_on_a_line_has_its_words() -> None:
    found = {action for path in FOLDER.rglob("*.py") for action in actions_in(path)} - OF_A_FILE
    events = {f"subscriber.{each.value}" for each in ContractEvent}
    others = {f"subscriber.{ENDED_AGAIN}", "subscriber.meaning_settled", "session.show"}
    assert {"subscriber.opt_in", "subscriber.allow", "subscriber.revoke", "binding.add"} <= found
    assert set(words()["acts"]) == found | events | others


def actions_in(path: Path) -> Iterator[str]:
    """The actions on a line that a module names: in full, or as the third of an update's arguments."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.fullmatch(r"(subscriber|binding)\.[a-z_]+[a-z]", node.value):
                yield node.value
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            place = {"lines.update": 2, "_own": 2, "_audit": 1}.get(called)
            if place is not None and (called != "_audit" or path.stem == "authorisations"):
                action = node.args[place] if len(node.args) > place else None
                if isinstance(action, ast.Constant) and isinstance(action.value, str):
                    yield f"subscriber.{action.value}"
