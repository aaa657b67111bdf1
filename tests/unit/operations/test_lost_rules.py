"""A profile that lines have, and whose file was cut off, keeps its rules; lists and orders do not wait."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filterd.config.shipped_files import sums
from filterd.config.value_types import Seconds
from filterd.operations import snapshot_losses, snapshots, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.lost_rules import AcceptedLoss, MissingProfileError
from filterd.operations.policies import policies
from tests.worlds.backups import EVIDENCE
from tests.worlds.installation import POLICIES, Installation

WHOLE = POLICIES["profiles/child.yaml"]
CUT = WHOLE[: WHOLE.index("services:")]


@pytest.fixture
def installation(installation: Installation) -> Installation:
    """Changes of profiles take effect at once: tests of their 30 days are in ``test_meanings``."""
    notices = replace(installation.settings.notices, profile_changes=Seconds(0))
    installation.settings = replace(installation.settings, notices=notices)
    return installation


def rules_in_force(context: Context) -> dict[str, Any]:
    """The rules of the profile in the snapshot in force."""
    meta = snapshots.meta_in_force(snapshots._directory(context)) or {}
    found: dict[str, Any] = meta["profiles"]["child"]
    return found


async def with_a_line(context: Context) -> None:
    """A line with the profile, and a snapshot in force."""
    await updating.update(context)
    await subscribers.add(context, "home")
    await subscribers.opt_in(context, "home", "child", EVIDENCE)
    await snapshots.build(context)


@pytest.mark.ring("night")
async def test_a_cut_profile_stays_as_in_force_until_somebody_accepts_it(installation: Installation) -> None:
    async with installation.open() as context:
        await with_a_line(context)
        whole = rules_in_force(context)
        installation.write_policy("profiles/child.yaml", CUT)
        for _ in range(2):
            await snapshots.build(context)
            assert rules_in_force(context) == whole
        assert snapshot_losses.losses_in_force(context).profiles == {
            "child": ("1 of 1 services", "1 of 1 safe search", "1 of 1 ways around")
        }
        await snapshots.build(context, accepted=AcceptedLoss(("child",), "fewer"))
        assert rules_in_force(context)["services"] == []
        assert not snapshot_losses.losses_in_force(context).profiles
        with pytest.raises(OperationError, match="nothing to accept: child"):
            await snapshots.build(context, accepted=AcceptedLoss(("child",), "fewer"))


@pytest.mark.ring("night")
async def test_a_mended_profile_is_taken(installation: Installation) -> None:
    async with installation.open() as context:
        await with_a_line(context)
        installation.write_policy("profiles/child.yaml", CUT)
        await snapshots.build(context)
        installation.write_policy("profiles/child.yaml", WHOLE.replace("[adult, gambling]", "[adult]"))
        await snapshots.build(context)
        assert rules_in_force(context)["categories"] == ["adult"]
        assert not snapshot_losses.losses_in_force(context).profiles


@pytest.mark.ring("night")
async def test_a_release_may_take_rules_out_where_its_sums_prove_it(
    installation: Installation, tmp_path: Path
) -> None:
    own, base = tmp_path / "own", installation.base / "policies"
    own.mkdir()
    installation.settings = replace(installation.settings, policies=own, policies_base=base)
    (base / "SHA256SUMS").write_text(sums(base))
    async with installation.open() as context:
        await with_a_line(context)
        installation.write_policy("profiles/child.yaml", CUT)
        with pytest.raises(OperationError, match=r"child\.yaml: was altered or cut off"):
            await snapshots.build(context)
        (base / "SHA256SUMS").write_text(sums(base))
        await snapshots.build(context)
        assert rules_in_force(context)["services"] == []


async def test_a_service_that_is_gone_is_told_of(installation: Installation) -> None:
    async with installation.open() as context:
        await with_a_line(context)
        installation.write_policy("services.yaml", "[]")
        installation.write_policy("profiles/child.yaml", WHOLE.replace("services: [chat]\n", ""))
        await snapshots.build(context)
        assert snapshot_losses.losses_in_force(context).gone == ("the service chat",)


async def test_profiles_that_lines_have_and_the_policies_lack_are_named(installation: Installation) -> None:
    async with installation.open() as context:
        await with_a_line(context)
        (installation.base / "policies/profiles/child.yaml").unlink()
        with pytest.raises(MissingProfileError, match="lines have profiles that the policies do not: child"):
            await snapshot_losses.losses_of(context, policies(context))
