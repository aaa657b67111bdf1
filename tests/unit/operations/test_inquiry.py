"""Checks of confidential names by people: on record, bounded, and telling nothing by being refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filterd.model.rule import Scope
from filterd.operations import audit, inquiry, snapshots
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.inquiry import LIMIT, WINDOW
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from tests.worlds.installation import Installation

SECRET = OrderRequest(
    authority="SAT",
    official="J. Pérez, administrator",
    document="500-2026-1",
    ground="LIVA 18-H BIS",
    entries=(("hidden.example", Scope.SUBTREE),),
    reason="official notice 500-2026-1",
    confidential=True,
)


async def prepared(context: Context) -> None:
    """A list and a confidential order in force."""
    await updating.update(context)
    await taking.add(context, SECRET)
    await snapshots.build(context)


async def recorded(context: Context) -> list[dict[str, object]]:
    """The record of checks, oldest first."""
    return [
        {"actor": each.entry.actor, **(each.entry.after or {})}
        for each in await audit.tail(context)
        if each.entry.action == "check.confidential"
    ]


async def test_a_check_of_a_confidential_name_is_on_record_without_the_name(
    installation: Installation,
) -> None:
    async with installation.open(approvals=1) as context:
        await prepared(context)
        await inquiry.ask(context, "public.example")
        assert await recorded(context) == []
        for name in ("hidden.example", "www.hidden.example", "hidden.example"):
            found = await inquiry.ask(context, name)
            assert (found.verdict, found.reason, found.confidential) == ("block", "mandatory", True)
        trail = await recorded(context)
        assert [each["actor"] for each in trail] == ["ana"] * 3
        digests = [each["name_digest"] for each in trail]
        assert digests[0] == digests[2] != digests[1]
        assert "hidden" not in repr(await audit.tail(context))


@pytest.mark.ring("night")
async def test_beyond_the_limit_every_check_of_that_person_is_refused(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        await prepared(context)
        for _ in range(LIMIT):
            await inquiry.ask(context, "hidden.example")
    said = set()
    async with installation.open(approvals=1) as again:  # another process: the count is in the store
        for name in ("hidden.example", "public.example"):
            with pytest.raises(OperationError, match="within a minute") as refused:
                await inquiry.ask(again, name)
            said.add((str(refused.value), refused.value.remedy))
        assert len(said) == 1, "a refusal does not depend on the name"
        assert (await inquiry.ask(replace(again, actor="bob"), "hidden.example")).confidential
        later = replace(again, clock=lambda: installation.now + WINDOW)
        assert (await inquiry.ask(later, "hidden.example")).confidential
