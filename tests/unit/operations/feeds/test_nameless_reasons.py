"""Texts that people write about a confidential list name nothing of it: trail and exports show them."""

from __future__ import annotations

import pytest

from filterd.operations import audit
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import acceptance, holding, trust, updating
from filterd.operations.publishing import retiring
from tests.worlds.installation import Installation

WORST, OPEN = "worst-of", "adult-starter"
NAMED = [
    "worst.example is on it",
    "see WWW.Worst(.)example.",
    "https://worst.example/page was reported",
    "más.example, o xn--ms-xia.example",
]


async def listed(context: Context, installation: Installation) -> None:
    """Two versions of the list."""
    await updating.update(context)
    installation.write_policy("lists/worst.txt", "worst.example\nxn--ms-xia.example\nbad.example\n")
    await updating.update(context)


async def said(context: Context) -> str:
    """All that the trail says."""
    return " ".join(each.entry.reason for each in await audit.tail(context, 100))


@pytest.mark.ring("night")
@pytest.mark.parametrize("reason", NAMED)
async def test_a_hold_of_it_names_no_entry(installation: Installation, reason: str) -> None:
    async with installation.open(approvals=1) as context:
        await listed(context, installation)
        for act in (holding.hold, holding.release, trust.trust, retiring.retire):
            with pytest.raises(OperationError, match="of the list, which is confidential") as refused:
                await act(context, WORST, reason=reason)
            assert "worst" not in f"{refused.value} {refused.value.remedy}"
        assert "example" not in await said(context)
        await holding.hold(context, WORST, reason="portal.example is unreachable by it; version 2.1 is bad")


async def test_what_is_held_for_review_counts(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        await listed(context, installation)
        installation.write_policy("lists/worst.txt", "worst.example\nbad.example\npopular.example\n")
        await updating.update(context)
        with pytest.raises(OperationError, match="of the list, which is confidential"):
            await acceptance.accept(context, WORST, reason="popular.example was hacked")


async def test_an_open_list_may_be_named(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        await listed(context, installation)
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nwrong.example\n")
        await updating.update(context)
        await holding.hold(context, OPEN, reason="blue.example was in it")
