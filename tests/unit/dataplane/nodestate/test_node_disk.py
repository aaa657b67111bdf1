"""The node's own disk: what another key or a half-written batch leaves behind is never trusted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from filterd.dataplane.nodestate.node import Node
from filterd.dataplane.nodestate.node_types import NodePaths, Published
from filterd.dataplane.nodestate.publisher import check_meta
from filterd.disk.journal import Journal
from filterd.model.change_chain import Cursor
from filterd.model.changelog import BindingChange, LineChange, OrderChange
from filterd.model.line import LineChoices, OwnName
from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Reason
from filterd.policy.build import MANDATORY_TARGET, Builder
from filterd.policy.classes import FIXED, Classes, ListClass
from filterd.policy.decide import decide_name
from filterd.policy.published import StateSettings, mandate_to_meta
from filterd.policy.snapshot import Snapshot
from filterd.wire.names import name_from_text
from tests.worlds.cursors import at
from tests.worlds.node import ScriptedStore, put_snapshot

KEY, OTHER_KEY = bytes(range(16)), bytes(16)
NOW = 1_800_000_000
LOOPBACK = bytes([127, 0, 0, 2])
OWN = LineChange(LineChoices(7, own_names=(OwnName("own.example", Action.BLOCK),)))
BOUND = BindingChange("127.0.0.2/32", 7)
ORDER = OrderChange(FIRST_ORDER_ID + 1, "O-1", (("banned.example", Scope.SUBTREE),))


@dataclass
class Heard:
    """What the node says and shows."""

    shown: list[Published] = field(default_factory=list)

    def note(self, event: str, **fields: object) -> None: ...

    def enforced(self, seconds: float) -> None: ...

    def failed(self, error: Exception) -> None:
        raise error

    def reason(self, name: str, line: int) -> Reason:
        """Why a name is withheld from a line by what was shown last."""
        last = self.shown[-1]
        assert last.state is not None
        return decide_name(last.state, last.lines.handle(line), name_from_text(name), NOW).verdict.reason


def settle(node: Node) -> None:
    """Until nothing more is waiting."""
    while node.turn():
        pass


Run = Callable[..., tuple[Node, Heard]]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts a node in place of the one before, and lets it settle."""
    running: list[Node] = []

    def start(directory: Path, store: Path | None, key: bytes = KEY) -> tuple[Node, Heard]:
        for before in running:
            before.close()
        heard = Heard()
        place = NodePaths(directory, store, key)
        node = Node(place, StateSettings(), heard.shown.append, heard, lambda: float(NOW), lambda: 0.0)
        running[:] = [node]
        node.load()
        settle(node)
        return node, heard

    yield start
    for node in running:
        node.close()


STATE = (
    "INSERT INTO subscriber VALUES (7, 'S-7', 0, '')",
    "INSERT INTO line_state VALUES (7, 0, '', 'UTC', 0, 0, '', 0)",
    "INSERT INTO own_name VALUES (7, 'own.example', 0, 1, 0)",
    "INSERT INTO binding VALUES ('127.0.0.2/32', 7)",
)
"""the changes below as a full resync reads them"""


def test_what_was_written_under_another_key_is_read_anew(
    tmp_path: Path, store: ScriptedStore, run: Run
) -> None:
    """No name would match it: the line's own names would pass, and so would an order newer than the lists."""
    directory = tmp_path / "state"
    directory.mkdir()
    put_snapshot(directory, 0, Classes(FIXED), {})
    for statement in STATE:
        store.sql(statement)
    store.hold(ORDER)
    store.write(OWN, BOUND, ORDER)
    node, heard = run(directory, store.path)
    assert heard.reason("banned.example", 0) is Reason.MANDATORY
    assert heard.reason("own.example", 7) is Reason.OWN_DENY
    put_snapshot(directory, 0, Classes(FIXED), {}, key=OTHER_KEY)
    node, heard = run(directory, None, OTHER_KEY)
    assert heard.shown[-1].state is None
    assert len(node.missing()) == 3
    for source in (store.path, None):
        node, heard = run(directory, source, OTHER_KEY)
        assert node.missing() == []
        assert heard.reason("banned.example", 0) is Reason.MANDATORY
        assert heard.reason("own.example", 7) is Reason.OWN_DENY


def test_a_batch_whose_second_half_was_not_written_is_whole_after_a_start(
    tmp_path: Path, store: ScriptedStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the bindings' log is folded before the batch is written again."""
    directory = tmp_path / "state"
    directory.mkdir()
    put_snapshot(directory, 0, Classes(FIXED), {})
    node, heard = run(directory, store.path)
    store.write(OWN, BOUND)
    append = Journal.append

    def full(journal: Journal, cursor: Cursor, payload: bytes) -> None:
        if journal is node.disk.lines.journal:
            journal.close()
            raise OSError(28, "No space left on device")
        append(journal, cursor, payload)

    monkeypatch.setattr(Journal, "append", full)
    node.turn()
    assert heard.shown[-1].bindings.addresses.find(LOOPBACK) is None
    monkeypatch.setattr(Journal, "append", append)
    monkeypatch.setattr("filterd.dataplane.nodestate.node_disk.LOG_LIMIT", 0)
    settle(node)
    assert heard.shown[-1].bindings.addresses.find(LOOPBACK) == 7
    node, heard = run(directory, None)
    assert heard.shown[-1].bindings.addresses.find(LOOPBACK) == 7
    assert heard.reason("own.example", 7) is Reason.OWN_DENY


def test_the_overlay_holds_what_the_snapshot_does_not_and_no_more(
    tmp_path: Path, store: ScriptedStore, run: Run
) -> None:
    directory = tmp_path / "state"
    directory.mkdir()
    put_snapshot(directory, 0, Classes(FIXED), {})
    node, heard = run(directory, store.path)
    revision = store.write(ORDER)
    node.turn()
    assert node.publisher.overlay_entries == 1
    put_snapshot(directory, revision - 1, Classes(FIXED), {})
    settle(node)
    assert node.publisher.overlay_entries == 1
    holding = Classes((*FIXED, ListClass(ORDER.reference, None, ORDER.id)))
    put_snapshot(directory, revision, holding, {}, [("banned.example", MANDATORY_TARGET + ORDER.id)])
    settle(node)
    assert node.publisher.overlay_entries == 0
    assert heard.reason("banned.example", 0) is Reason.MANDATORY
    store.write(replace(ORDER, names=(), withdrawn=True))
    node.turn()
    assert heard.reason("banned.example", 0) is Reason.NONE


def test_a_batch_is_on_the_disk_before_it_is_sealed_and_sealed_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "part")
    journal.checkpoint(at(1), b"")
    steps: list[object] = []
    write, sync = os.pwrite, os.fdatasync

    def written(descriptor: int, data: memoryview, offset: int) -> int:
        steps.append("head" if offset == 0 else "record")
        return write(descriptor, data, offset)

    def synced(descriptor: int) -> None:
        steps.append("sync")
        sync(descriptor)

    monkeypatch.setattr(os, "pwrite", written)
    monkeypatch.setattr(os, "fdatasync", synced)
    journal.append(at(2), b"a batch")
    journal.close()
    assert steps == ["record", "sync", "head", "sync"]


def test_a_snapshot_whose_mandates_make_no_sense_is_refused(tmp_path: Path) -> None:
    """Found when it is opened, not when the state is made: the one before it then stays in force."""

    def snapshot(**more: object) -> Snapshot:
        meta = {
            "lists": Classes(FIXED).to_meta(),
            "mandates": [{**mandate_to_meta(Mandate(FIRST_ORDER_ID, "O-1")), **more}],
        }
        path = tmp_path / "a.snapshot"
        path.write_bytes(b"".join(Builder(KEY).finish(meta, 1, 1, bytes(32))))
        return Snapshot.open(path, KEY)

    check_meta(snapshot())
    for wrong in ({"mode": 9}, {"later": 1}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            check_meta(snapshot(**wrong))
