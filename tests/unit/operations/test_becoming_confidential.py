"""A list that becomes confidential is sealed by its next reading; nothing says meanwhile that it was lost."""

from __future__ import annotations

import pytest

from filterd.model.mandatory import label_of
from filterd.operations import audit, snapshots
from filterd.operations.context import OperationError
from filterd.operations.feeds import rule_files, updating
from tests.worlds.installation import POLICIES, Installation

ENTRY = "\n- {id: courts, source: lists/courts.txt, format: domains, %s}\n"
CONFIDENTIAL = "mandatory: {authority: INTERPOL, ground: adopted, confidential: true}"
PUBLIC = "mandatory: {authority: INTERPOL, ground: adopted, confidential: false}"
LABEL = label_of("courts", confidential=True)


def write(installation: Installation, use: str, names: str = "one.example\ntwo.example\n") -> None:
    """Write the list and its entry in feeds.yaml."""
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"] + ENTRY % use)
    installation.write_policy("lists/courts.txt", names)


@pytest.mark.ring("merge")
@pytest.mark.parametrize("use", ["security: {}", "category: gambling", PUBLIC])
@pytest.mark.parametrize("built_before", [False, True])
async def test_the_first_reading_seals_the_version_anew(
    installation: Installation, use: str, *, built_before: bool
) -> None:
    write(installation, use)
    async with installation.open(approvals=2) as context:
        await updating.update(context)
        await snapshots.build(context)
        write(installation, CONFIDENTIAL)
        if built_before:
            with pytest.raises(OperationError, match="was read before it became confidential"):
                await snapshots.build(context)
        (done,) = await updating.update(context, ["courts"])
        assert (done.outcome, done.problem) == ("updated", "")
        await snapshots.build(context)
        (entry,) = [each for each in snapshots.show(context).lists if each["id"] == "courts"]
        assert (entry["kind"], entry["confidential"], entry["version"]) == ("mandatory", True, "2")
        directory = rule_files.rule_file(context.settings.state_dir, "courts", 1).parent
        assert all(rule_files.sealed_with(path) for path in directory.glob("*.rules"))
        assert await audit.compare(context) == ()


async def test_the_guard_judges_what_it_is_read_with(installation: Installation) -> None:
    """It is compared with the version of before: names that go with the same change wait for a person."""
    write(installation, "security: {}", "".join(f"{number}.example\n" for number in range(100)))
    async with installation.open() as context:
        await updating.update(context)
        write(installation, CONFIDENTIAL, "".join(f"{number}.test.example\n" for number in range(100)))
        (done,) = await updating.update(context, ["courts"])
        assert done.outcome == "quarantined"
        assert "lost" not in done.problem


async def test_a_file_that_is_neither_is_lost_as_before(installation: Installation) -> None:
    write(installation, "security: {}")
    async with installation.open() as context:
        await updating.update(context)
        write(installation, CONFIDENTIAL)
        rule_files.rule_file(context.settings.state_dir, "courts", 1).write_bytes(b"other.example\n")
        (done,) = await updating.update(context, ["courts"])
        assert done.outcome == "quarantined"
        with pytest.raises(OperationError, match=f"{LABEL}, version 1: not what was stored"):
            await snapshots.build(context)


async def test_a_refused_build_does_not_name_a_confidential_list(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context, ["adult-starter", "gambling-starter"])
        with pytest.raises(OperationError, match="never read") as never_read:
            await snapshots.build(context)
        await updating.update(context)
        rule_files.rule_file(context.settings.state_dir, "worst-of", 1).write_bytes(b"not canonical \n")
        with pytest.raises(OperationError, match="not what was stored") as altered:
            await snapshots.build(context)
    for error in (never_read.value, altered.value):
        assert "worst-of" not in f"{error} {error.remedy}"
        assert label_of("worst-of", confidential=True) in str(error)
