"""The policies of a process that stays: read again where their files have changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filterd.operations import policies
from filterd.operations.errors import OperationError
from filterd.operations.policies import KeptPolicies
from tests.worlds.installation import POLICIES, Installation


async def test_policies_are_read_again_where_a_file_has_changed(installation: Installation) -> None:
    async with installation.open() as context:
        kept = replace(context, kept_policies=KeptPolicies())
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
