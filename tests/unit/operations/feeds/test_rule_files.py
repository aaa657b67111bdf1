"""A list's canonical text is the policy's own, whatever scopes and actions the list mixes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.disk import checked_file
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.feed.parsing import Run
from filterd.feed.rules import collect
from filterd.model.rule import Action, NameRule, Scope
from filterd.operations.context import OperationError
from filterd.operations.feeds import rule_files
from filterd.operations.keys import load_key
from filterd.policy.canonical import write
from filterd.policy.digests import list_digest
from tests.worlds.installation import Installation

labels = st.sampled_from(["a", "b", "a-b", "a0", "x_y", "example", "zz"])
names = st.lists(labels, min_size=2, max_size=4).map(".".join)
rules = st.builds(NameRule, names, st.sampled_from(Scope), st.sampled_from([Action.BLOCK, Action.ALLOW]))


@given(st.lists(rules, max_size=40))
def test_the_text_is_what_the_policy_calls_canonical(listed: list[NameRule]) -> None:
    runs = [Run(rule.scope, rule.action, rule.name.encode() + b"\n") for rule in listed]
    assert b"".join(rule_files.canonical_text(collect(runs))) == write(listed)


def test_the_digest_of_a_file_is_that_of_its_text(tmp_path: Path) -> None:
    secret = bytes(32)
    for key in (None, secret):
        path = rule_files.rule_file(tmp_path, "worst", 1)
        digest = rule_files.write_version(path, [b"a.example\n", b"b.example\n"], key)
        assert b"".join(rule_files.read_pieces(path)) == b"a.example\nb.example\n"
        assert digest == rule_files.digest_of(path, key) == list_digest(b"a.example\nb.example\n", key)
        assert (b"example" in path.read_bytes()) is (key is None)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_old_files_go_and_the_current_one_stays(tmp_path: Path) -> None:
    for version in range(1, 9):
        (tmp_path / f"{version}.rules").touch()
    rule_files.drop_old(tmp_path, newest=8, keep={2})
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["2", "6", "7", "8"]


async def test_keys_are_made_once_and_for_the_owner_alone(installation: Installation) -> None:
    first = load_key(installation.settings, FINGERPRINT_KEY)
    path = installation.settings.state_dir / "keys" / "fingerprint.key"
    assert load_key(installation.settings, FINGERPRINT_KEY) == first == checked_file.read(path)
    assert len(first) == 16
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["fingerprint.key"]
    path.write_bytes(b"short")
    with pytest.raises(OperationError, match="5 bytes"):
        load_key(installation.settings, FINGERPRINT_KEY)
