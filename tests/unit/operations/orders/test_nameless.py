"""No text of an order that is published, or that stands in an export, names what the order blocks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filterd.disk import key_ring
from filterd.model.order import Demand, OrderState
from filterd.model.rule import Scope
from filterd.operations.context import OperationError
from filterd.operations.orders import (
    confirming,
    due,
    ending,
    lifting,
    outside,
    showing,
    suspending,
    taking,
)
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.orders.nameless import holds_entry
from tests.worlds import exported
from tests.worlds.installation import NOW, Installation, as_person

DEMAND = Demand(
    *("", "", "", ""),
    names=tuple((name, Scope.EXACT) for name in ("secret-three.example", "xn--bcher-kva.example", "x.mx")),
    addresses=("192.0.2.7/32", "2001:db8::1/128", "203.0.113.0/24"),
)
WHY = "the judge weighed it"


@pytest.mark.parametrize(
    "text",
    [
        *("secret-three.example is only one site", "SECRET-THREE.EXAMPLE", "www.secret-three.example."),
        *(
            "secret-three\N{IDEOGRAPHIC FULL STOP}example",
            "secret-three[.]example",
            "secret-three (dot) example",
        ),
        *("secret-three punto example", "secret\N{SOFT HYPHEN}-three.example", "secret-three%2Eexample"),
        "\N{FULLWIDTH LATIN SMALL LETTER S}ecret-three\N{FULLWIDTH FULL STOP}example",
        *("secret three, example", "x[.]mx", "only x . mx"),
        *(
            "b\xfccher.example",
            "B\xdcCHER.EXAMPLE",
            "bu\N{COMBINING DIAERESIS}cher.example",
            "xn--bcher-kva.example",
        ),
        *("behind 192.0.2.7.", "192[.]0[.]2[.]7", "203.0.113.9", "[2001:DB8:0::1]:443"),
    ],
)
def test_each_form_of_an_entry_is_found(text: str) -> None:
    assert holds_entry(DEMAND, text)


@pytest.mark.parametrize(
    "text", [WHY, "one shop of many", "at 12:30 on 2.5.2026, LIVA 18-H", "198.51.100.1 is another", "x. Mxx"]
)
def test_other_text_is_left(text: str) -> None:
    assert not holds_entry(replace(DEMAND, names=DEMAND.names[:2]), text)


REQUEST = OrderRequest(
    authority="SAT",
    official="A. Official",
    document="D-9",
    ground="LIVA 18-H",
    reason="notified",
    entries=(("b\xfccher.example", Scope.EXACT),),
)


async def test_an_approval_adds_no_text_that_names_an_entry(installation: Installation) -> None:
    async with installation.open() as context:
        bob = as_person(context, "bob")
        for number, confidential in enumerate((False, True), start=1):
            await taking.add(context, replace(REQUEST, confidential=confidential))
            for said in ("B\xdcCHER\N{IDEOGRAPHIC FULL STOP}example is one", "xn--bcher-kva[.]example"):
                with pytest.raises(OperationError, match="holds a name or an address of the order") as told:
                    await taking.approve(bob, f"O-{number}", proportionality=said)
                assert "cher" not in f"{told.value} {told.value.remedy}"


@pytest.mark.parametrize("part", ["authority", "official", "document", "ground", "reason", "law"])
async def test_no_text_of_a_confidential_order_names_an_entry(installation: Installation, part: str) -> None:
    text: dict[str, Any] = {part: "LIVA 18-H: BÜCHER.example"}
    named = replace(REQUEST, confidential=True, **text)
    async with installation.open() as context:
        with pytest.raises(OperationError, match=f"the {part} holds a name"):
            await taking.add(context, named)
        assert await showing.list_orders(context) == ()


@pytest.mark.ring("merge")
async def test_why_the_reach_of_a_confidential_order_is_bearable_is_kept_and_not_shown(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open() as context:
        secret = replace(REQUEST, confidential=True)
        added = await taking.add(context, replace(secret, proportionality=WHY))
        await taking.add(context, secret)
        approved = await taking.approve(as_person(context, "bob"), "O-2", proportionality=WHY)
        shown = [added, approved, *await showing.list_orders(context), await showing.show(context, "O-1")]
        assert [each.demand.proportionality for each in shown] == [""] * 5
    await exported.write(installation, tmp_path / "export")
    assert WHY.encode() not in (tmp_path / "export").read_bytes()
    assert WHY.encode() in installation.database.read_bytes()
    for verdict in (exported.by_filterd(tmp_path / "export"), exported.by_script(tmp_path / "export")):
        assert verdict.code == 0, verdict.said
        assert "not shown" in verdict.said


NAMED = "B\xdcCHER.example"
LATER: dict[str, Any] = {
    "withdraw": (ending.withdraw, {"reason": NAMED}),
    "lift": (lifting.lift, {"reason": NAMED, "document": "L-1"}),
    "lift's paper": (lifting.lift, {"reason": "asked", "document": NAMED}),
    "suspend": (suspending.suspend, {"reason": NAMED, "document": "S-1", "until": int(NOW) + 86_400}),
    "confirm": (confirming.confirm, {"reason": NAMED, "document": "C-1"}),
    "execute": (outside.execute, {"evidence": f"hosted here: {NAMED}"}),
    "report": (due.reported, {"report": NAMED}),
}


@pytest.mark.parametrize("act", LATER)
async def test_no_later_text_of_a_confidential_order_names_an_entry(
    installation: Installation, act: str
) -> None:
    call, texts = LATER[act]
    async with installation.open() as context:
        await taking.add(context, replace(REQUEST, confidential=True, proportionality=WHY))
        before = await taking.approve(as_person(context, "bob"), "O-1", proportionality=WHY)
        with pytest.raises(OperationError, match="holds a name or an address of the order") as told:
            await call(context, "O-1", **texts)
        assert "cher" not in f"{told.value} {told.value.remedy}"
        assert await showing.show(context, "O-1") == before


async def test_an_end_does_not_wait_for_the_key_of_the_entries(installation: Installation) -> None:
    async with installation.open() as context:
        await taking.add(context, replace(REQUEST, confidential=True))
        key_ring.path_of(context.settings.state_dir).unlink()
        ended = await ending.withdraw(context, "O-1", reason="asked by telephone")
    assert ended.state is OrderState.WITHDRAWN
