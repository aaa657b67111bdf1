"""The proof of what can act on a line, by the engine that nodes decide with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from filterd.model.subscriber import RequestEvidence
from filterd.operations import consent, consent_proof, snapshots, subscribers
from filterd.operations.consent import ContractEvent
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from tests.worlds.installation import Installation

EVIDENCE = RequestEvidence("the holder", "phone", 1_793_600_000.0, "2026-11", "T-1")


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        await subscribers.add(context, "S-1")
        await updating.update(context)
        await snapshots.build(context)
        yield context


async def test_only_orders_reach_a_line_that_never_asked(context: Context) -> None:
    found = await consent_proof.prove(context, "S-1")
    assert found.never_asked
    assert (found.opted_in, found.profile, found.own_names, found.requests) == (False, "", 0, 0)
    assert not {"own_deny", "schedule", "service", "category", "safe_search", "bypass"} & {
        *found.acting_stages
    }
    assert "mandatory" in found.acting_stages
    assert found.unlike_unknown == 0
    assert (found.control_profile, found.control_blocked) == ("child", found.names)
    assert found.names > 5


async def test_what_a_line_asked_for_reaches_it_until_it_ends(context: Context) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    found = await consent_proof.prove(context, "S-1")
    assert not found.only_orders
    assert found.unlike_unknown == found.names
    assert {"category", "service"} <= {*found.acting_stages}
    await consent.end(context, "S-1", ContractEvent.MOVED, reference="C-1")
    found = await consent_proof.prove(context, "S-1")
    assert found.only_orders
    assert not found.never_asked


async def test_an_own_name_alone_is_more_than_orders(context: Context) -> None:
    await subscribers.deny(context, "S-1", "unwanted.example")
    assert not (await consent_proof.prove(context, "S-1")).only_orders


async def test_without_a_snapshot_nothing_is_proven(installation: Installation) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "S-1")
        with pytest.raises(OperationError):
            await consent_proof.prove(context, "S-1")


async def test_security_of_the_operator_is_told(context: Context) -> None:
    security = replace(context.settings.security, enabled=True)
    secured = replace(context, settings=replace(context.settings, security=security))
    found = await consent_proof.prove(secured, "S-1")
    assert (found.security, found.only_orders) == (True, True)
    assert not (await consent_proof.prove(context, "S-1")).security
