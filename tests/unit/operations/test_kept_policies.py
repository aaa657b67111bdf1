"""The policies of a process that stays: read again where their files have changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest

from filterd.operations import policies
from filterd.operations.errors import OperationError
from filterd.operations.policies import LOOK_SECONDS, KeptPolicies
from tests.worlds.installation import POLICIES, Installation


async def test_policies_are_read_again_where_a_file_has_changed(installation: Installation) -> None:
    async with installation.open() as context:
        ticks = count(0.0, LOOK_SECONDS)
        kept = replace(context, kept_policies=KeptPolicies(lambda: next(ticks)))
        first = policies.policies(kept)
        assert policies.policies(kept) is first
        assert policies.policies(context) == first
        text = POLICIES["profiles/teen.yaml"]
        installation.write_policy("profiles/other.yaml", text)
        assert [each.id for each in policies.policies(kept).profiles] == ["child", "other", "teen"]
        installation.write_policy("profiles/other.yaml", "categories: [none]")
        for _ in range(2):
            with pytest.raises(OperationError):
                policies.policies(kept)
        installation.write_policy("profiles/other.yaml", text)
        assert len(policies.policies(kept).profiles) == 3


async def test_between_two_looks_the_files_are_left_alone(installation: Installation) -> None:
    ticks = iter((0.0, LOOK_SECONDS / 2, LOOK_SECONDS, LOOK_SECONDS))
    async with installation.open() as context:
        kept = replace(context, kept_policies=KeptPolicies(lambda: next(ticks)))
        first = policies.policies(kept)
        installation.write_policy("profiles/other.yaml", POLICIES["profiles/teen.yaml"])
        assert policies.policies(kept) is first
        assert len(policies.policies(kept).profiles) == 3
        other = replace(kept, settings=replace(context.settings, state_dir=installation.base))
        assert policies.policies(other) is not first


async def test_threads_that_ask_while_files_change_all_get_policies(installation: Installation) -> None:
    async with installation.open() as context:
        ticks = count(0.0, LOOK_SECONDS)
        kept = replace(context, kept_policies=KeptPolicies(lambda: next(ticks)))

        def ask(_: int) -> int:
            return len(policies.policies(kept).profiles)

        with ThreadPoolExecutor(4) as pool:
            for number in range(5):
                installation.write_policy(f"profiles/p{number}.yaml", POLICIES["profiles/teen.yaml"])
                assert set(pool.map(ask, range(4))) == {3 + number}
