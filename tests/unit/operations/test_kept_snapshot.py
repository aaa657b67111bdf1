"""A process that stays opens each snapshot once, whatever many checks it answers, and says what is new."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address
from unittest.mock import Mock

import pytest

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import ApiSettings, WebSettings
from filterd.model.rule import Scope
from filterd.operations import inquiry, kept_snapshot, snapshots
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.kept_snapshot import KeptSnapshot
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.policy.snapshot import Snapshot
from filterd.serve.web import Web
from tests.worlds.installation import Installation

ORDER = OrderRequest(
    authority="SAT",
    official="an official",
    document="oficio 1",
    ground="LIVA 18-H BIS",
    entries=(("ordered.example", Scope.SUBTREE),),
    reason="served",
)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Counts what is opened."""
    counted = Mock(side_effect=Snapshot.open)
    monkeypatch.setattr(kept_snapshot, "Snapshot", Mock(open=counted))
    return counted


async def _revision(context: Context) -> int:
    return (await inquiry.ask(context, "public.example")).snapshot_revision


@pytest.mark.ring("night")
async def test_each_snapshot_is_opened_once(installation: Installation, opened: Mock) -> None:
    """Each check of the API read and hashed the whole file, on the event loop, into memory of its own."""
    async with installation.open(approvals=1) as context:
        staying = replace(context, kept_snapshot=KeptSnapshot())
        await updating.update(context)
        await snapshots.build(context)
        first = await _revision(context)
        assert [await _revision(staying) for _ in range(3)] == [first] * 3
        assert opened.call_count == 1
        await taking.add(context, ORDER)
        await snapshots.build(context)
        assert await _revision(staying) == await _revision(context) > first
        assert opened.call_count == 2


async def test_a_proof_reads_the_file_all_the_same(installation: Installation, opened: Mock) -> None:
    async with installation.open() as context:
        staying = replace(context, kept_snapshot=KeptSnapshot())
        await updating.update(context)
        await snapshots.build(context)
        await _revision(staying)
        path = snapshots.current_file(context.settings.state_dir / "snapshots")
        assert path is not None
        damaged = bytearray(path.read_bytes())
        damaged[-1] ^= 1
        path.chmod(0o600)
        path.write_bytes(damaged)
        with pytest.raises(OperationError, match="cannot be used"):
            snapshots.verify(staying)


@pytest.mark.ring("night")
async def test_the_web_process_keeps_it(installation: Installation) -> None:
    web = WebSettings(ApiSettings(Endpoint(ip_address("127.0.0.1"), 0), 10, 10), None)
    async with installation.open() as context:
        made = Web(context, web, asyncio.Event())
        assert made._api is not None
        assert isinstance(made._api.context.kept_snapshot, KeptSnapshot)
