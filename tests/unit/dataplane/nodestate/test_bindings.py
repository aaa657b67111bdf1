"""Bindings of three kinds on a node: their places, and the journals of before there were others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from filterd.dataplane.nodestate.bindings import BindingTable, KnownBindings, binding_steps
from filterd.dataplane.nodestate.node_disk import NodeDisk
from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.dump import TableError
from filterd.disk.journal import Journal
from filterd.model.bound import parse_bound
from filterd.model.change_chain import Cursor
from filterd.policy.classes import Classes
from filterd.policy.fingerprint import fingerprint
from filterd.policy.policy_book import PolicyBook

KEY = bytes(range(16))
BEFORE, AFTER = Cursor(1, "a" * 64), Cursor(2, "b" * 64)


def known(*bounds: str) -> KnownBindings:
    """Bindings of these texts, to lines 1, 2, 3 ..."""
    found = KnownBindings()
    for line, text in enumerate(bounds, start=1):
        found.apply(binding_steps(text, line, KEY))
    return found


def content(bindings: KnownBindings) -> list[list[tuple[bytes, int, int]]]:
    return [sorted(each.items()) for each in (bindings.addresses, bindings.ports, bindings.identities)]


def test_ports_and_identities_have_tables_of_their_own() -> None:
    bindings = known("192.0.2.0/24", "192.0.2.1:1024-2047", "mac:00:11:22:aa:bb:cc", "2001:db8::/48")
    assert len(bindings.addresses) == 2
    assert bindings.ports.items() == [(bytes([192, 0, 2, 1, 4, 0]) + bytes(10), 38, 2)]
    mac = fingerprint(KEY, b"\x80" + bytes.fromhex("001122aabbcc"))
    assert bindings.identities.items() == [(mac, 128, 3)]


@pytest.mark.parametrize(
    "text", ["192.0.2.0/24", "192.0.2.1:1000-2999", "cpe:box-7", "tlv:a/b:c.d", "device:tv"]
)
def test_what_is_removed_leaves_nothing(text: str) -> None:
    bindings = known(text)
    assert len(bindings) > 0
    bindings.apply(binding_steps(text, None, KEY))
    assert len(bindings) == 0


def test_no_text_of_an_identity_is_in_a_step() -> None:
    step = json.dumps(binding_steps("cpe:box-7", 1, KEY))
    assert "box" not in step
    assert b"box-7".hex() not in step


@pytest.mark.parametrize("text", ["192.0.2.1/24", "192.0.2.0/33", "cpe:", "192.0.2.1:9-1", "neither", ""])
def test_what_is_no_bound_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="binding") as refused:
        binding_steps(text, 1, KEY)
    assert not text or text not in str(refused.value)


def test_the_quick_way_for_prefixes_agrees_with_the_parser() -> None:
    for text in ("192.0.2.0/24", "0.0.0.0/0", "192.0.2.7/32", "2001:db8::/32", "::1/128"):
        network = getattr(parse_bound(text), "network")  # noqa: B009 - every one of them is a prefix
        assert binding_steps(text, 5, KEY) == [
            (network.network_address.packed.hex(), network.prefixlen, 5),
        ]


@pytest.mark.parametrize(
    "bounds", [(), ("192.0.2.0/24",), ("192.0.2.1:1-900", "cpe:x"), ("10.0.0.0/8", "tlv:y")]
)
def test_a_checkpoint_brings_back_all_three_tables(bounds: tuple[str, ...]) -> None:
    bindings = known(*bounds)
    body = b"".join(bytes(part) for part in bindings.body())
    assert content(KnownBindings.from_body(memoryview(body))) == content(bindings)


def test_a_checkpoint_with_prefixes_alone_is_as_before_there_were_others() -> None:
    bindings = known("192.0.2.0/24", "2001:db8::/48")
    body = b"".join(bytes(part) for part in bindings.body())
    assert sorted(Addresses.load(body).items()) == content(bindings)[0]


@pytest.mark.parametrize("cut", [1, 30, 33, 90, 150])
def test_a_damaged_checkpoint_is_never_trusted(cut: int) -> None:
    body = b"".join(bytes(part) for part in known("192.0.2.1:1-900", "cpe:x").body())
    with pytest.raises((TableError, ValueError)):
        KnownBindings.from_body(memoryview(body[:cut]))


def disk(directory: Path) -> NodeDisk:
    return NodeDisk(directory, KEY)


def load(node: NodeDisk) -> NodeDisk:
    node.load(PolicyBook({}, Classes()))
    return node


def write(directory: Path, body: bytes, *batches: list[Any]) -> None:
    """A journal of bindings as another version wrote it."""
    journal = Journal(directory, "bindings", KEY)
    journal.checkpoint(BEFORE, body)
    for batch in batches:
        journal.append(AFTER, json.dumps(batch).encode())
    journal.close()


def test_the_journal_of_an_older_version_is_read(tmp_path: Path) -> None:
    """An upgrade does not lose the parental part: it would be SERVFAIL for every line until a full resync."""
    old = Addresses(bytes(16))
    old.set(bytes([192, 0, 2, 7]), 32, 4)
    old.set(bytes([192, 0, 2, 8]), 32, 5)
    write(tmp_path, old.dump(), [["c0000209", 32, 6], ["c0000208", 32, None]])
    node = load(disk(tmp_path))
    assert node.bindings.cursor == AFTER
    assert content(node.bound)[0] == [(bytes([192, 0, 2, 7]), 32, 4), (bytes([192, 0, 2, 9]), 32, 6)]


@pytest.mark.parametrize("batch", [[["c0000209", 32, 6, 7]], [["c0000209"]], [7], [["xx", 32, 6]]])
def test_a_journal_that_is_not_understood_makes_the_part_missing(tmp_path: Path, batch: list[Any]) -> None:
    write(tmp_path, Addresses(bytes(16)).dump(), batch)
    node = load(disk(tmp_path))
    assert node.bindings.cursor is None
    assert node.bindings.reason == "its content is not readable"


def test_the_numbers_of_the_tables_stay() -> None:
    assert [each.value for each in BindingTable] == [0, 1, 2]
