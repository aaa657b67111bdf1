"""One byte of a file of state is changed: the reader refuses it and says so, or makes it good; no reader
takes another value for the one that was written.

A sample of each file is in the ring ``commit``; each byte of files up to 64 KiB, and 10,000 places of larger
ones, in the ring ``night``. Both print how many changes were refused, made good or without effect.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from filterd.dataplane.nodestate.kept_file import KeptFile
from filterd.dataplane.nodestate.snapshot_files import SnapshotFiles
from filterd.disk import checked_file, key_ring, list_keys, signing_keys
from filterd.disk.boot import BootTime
from filterd.disk.journal import Journal, JournalDamagedError
from filterd.disk.keys import COOKIE_KEY, DIGEST_KEY, FINGERPRINT_KEY, PORTAL_KEY, KeyFile
from filterd.disk.session_file import read_entries
from filterd.disk.signing_keys import SigningKeyError
from filterd.model import signed_text
from filterd.model.checkpoint import Checkpoint, of_text
from filterd.model.mandatory import Mandate, order_id
from filterd.operations import snapshot_input
from filterd.operations.errors import OperationError
from filterd.operations.feeds import fetched_files, rule_files, unchanged
from filterd.operations.privacy import made_backups
from filterd.operations.privacy.made_backups import MadeBackup
from filterd.policy.classes import Classes
from filterd.policy.overlay import OrderRules
from filterd.policy.snapshot_layout import CURRENT
from filterd.store import noted_checkpoint, noted_statement
from filterd.store.ledger import OPT_OUT, Ended, Ledger, LedgerDamagedError, Serial, StoreHead
from tests.worlds.cursors import at
from tests.worlds.node import KEY, profile, put_snapshot
from tests.worlds.sessions import ON, START, network

WHOLE = 64 * 1024
PLACES = 10_000
SAMPLE = 24
NOTHING = "nothing"
"""the value of a reader that refuses"""
BOOT = BootTime(b"b" * 16, 1000.0)


@dataclass(frozen=True)
class Read:
    """The value that a reader takes; ``said``: it told that something is wrong."""

    value: Any
    said: str = ""


@dataclass(frozen=True)
class StateFile:
    """A file of state with its reader. ``partly``: the reader may give a part of what was written, and say
    that the rest is missing."""

    write: Callable[[Path], Path]
    read: Callable[[Path], Read]
    partly: bool = False


def refusing(read: Callable[[], Any]) -> Read:
    """The value of a reader that raises where it refuses."""
    errors = (ValueError, LedgerDamagedError, JournalDamagedError, OperationError, SigningKeyError)
    try:
        return Read(read())
    except errors as error:
        assert str(error)
        return Read(NOTHING, str(error))


def key_file(key: KeyFile) -> StateFile:
    def write(state: Path) -> Path:
        key.load(state)
        return key.path(state)

    return StateFile(write, lambda state: refusing(lambda: key.load(state)))


def ring(state: Path) -> Path:
    key_ring.sealing_key(state, 1_700_000_000)
    key_ring.add_key(state, 1_700_000_001)
    return key_ring.path_of(state)


def signing_key(module: Any) -> StateFile:
    def write(state: Path) -> Path:
        module.make(state / "keys" / "one.key")
        return state / "keys" / "one.key"

    def read(state: Path) -> Read:
        def loaded() -> tuple[str, bytes, bytes]:
            key = module.load(state / "keys" / "one.key")
            return key.key_id, key.public_key, key.sign(b"text")[:64]

        return refusing(loaded)

    return StateFile(write, read)


LEDGER = ("head", "ended", "origin", "serials", "checkpoint", "statement")
HEADS = [StoreHead(number, f"{number:064x}", number, number) for number in (1, 2, 3)]


def checkpoint() -> Checkpoint:
    texts = dict.fromkeys(("installation", "at", "hash", "change_hash", "previous", "key_id"), "ab")
    body = {**texts, **dict.fromkeys(("number", "sequence", "revision"), 7), "keys": []}
    whole = signed_text.signed(signed_text.CHECKPOINT, body, "ab", lambda _: bytes(64))
    return of_text(signed_text.text_of(whole), 0.0)


def ledger_file(name: str) -> StateFile:
    def write(state: Path) -> Path:
        made = Ledger(state)
        made.settle(HEADS[0])
        for before, after in itertools.pairwise(HEADS):
            made.intend(before, after, [Ended(after.revision, after.hash, OPT_OUT, 7)])
            made.settle(after)
        made.note_origin("ab" * 32)
        made.raise_serials({"one": Serial(3, "d" * 64), "two": Serial(9, "e" * 64)})
        noted_checkpoint.note(made, checkpoint())
        noted_statement.keep(made, '{"body":{"day":"2026-12-01"},"key_id":"01","signature":"AAAA"}')
        return state / name

    def read(state: Path) -> Read:
        made = Ledger(state)

        def value() -> Any:
            noted = made.noted()
            assert noted is not None
            values: dict[str, Callable[[], Any]] = {
                "head": lambda: (noted.newest, noted.missing_to),
                "ended": made.endings,
                "origin": made.origin,
                "serials": lambda: (made.serial_of("one"), made.serial_of("two")),
                "checkpoint": lambda: noted_checkpoint.noted(made),
                "statement": lambda: noted_statement.noted(made),
            }
            return values[name]()

        return refusing(value)

    return StateFile(write, read)


def journal_file(suffix: str) -> StateFile:
    def write(state: Path) -> Path:
        made = Journal(state, "mandatory", KEY)
        made.checkpoint(at(7), b"body" * 20)
        made.append(at(8), b"eight")
        made.append(at(11), b"eleven")
        made.close()
        return state / f"mandatory.{suffix}"

    def read(state: Path) -> Read:
        made = Journal(state, "mandatory", KEY)

        def loaded() -> Any:
            found = made.load()
            return found.cursor, bytes(found.body), found.records

        try:
            return refusing(loaded)
        finally:
            made.close()

    return StateFile(write, read)


def kept_orders(state: Path) -> Path:
    KeptFile(state, KEY).save((OrderRules(Mandate(order_id(1), "O-1"), 5),))
    return state / "kept.orders"


def read_kept(state: Path) -> Read:
    file = KeptFile(state, KEY)
    found = file.load()
    return Read(NOTHING if file.damage else found, file.damage)


def snapshots(state: Path) -> SnapshotFiles:
    return SnapshotFiles(
        state / "snapshots", state / "node", KEY, lambda *_: None, lambda _: None, confirmed=True
    )


def published(state: Path) -> Path:
    """Two snapshots, of which the newer one is in force."""
    for revision in (1, 2):
        name = put_snapshot(state, revision, Classes(), {"p": profile()})
        checked_file.write(state / "snapshots" / CURRENT, f"{name}\n".encode())
        assert snapshots(state).at_start() is not None
    return state / "snapshots" / name


def read_published(state: Path) -> Read:
    files = snapshots(state)
    found = files.at_start()
    return Read(NOTHING if found is None else found.built_at_revision, " ".join(files.refused))


def sessions(state: Path) -> Path:
    net = network(state / "live", most=64, note=state / "epoch")
    for number in range(40):
        net.register(**{f"s{number}": number + 1})
        net.tell(START, str(number), f"s{number}", [f"10.0.0.{number}"], nas="a" if number % 2 else "b")
    net.tell(ON, "", "", [], nas="c")
    net.table.anchor(BOOT.id, net.clock.now - BOOT.seconds)
    net.table.close()
    (state / "now").write_text(str(net.clock.now))
    return state / "live"


def read_sessions(state: Path) -> Read:
    now = float((state / "now").read_text())
    try:
        found = read_entries(state / "live", now, boot=BOOT, note=state / "epoch")
    except ValueError as error:
        return Read(frozenset(), str(error))
    entries = b"".join(found.runs)
    said = found.lacking or (f"{found.dropped} dropped" if found.dropped else "")
    return Read(frozenset(entries[start : start + 32] for start in range(0, len(entries), 32)), said)


def backups(state: Path) -> Path:
    with made_backups.remembered(state, MadeBackup("/backups/1", 1_700_000_000.0, 7)):
        pass
    return state / made_backups.NOTE


def compiled_of(state: Path) -> Path:
    snapshot_input.remember(state, "ab" * 32, "7-ab.snapshot")
    return state / snapshot_input.MARKER


def read_compiled_of(state: Path) -> Read:
    found = snapshot_input.remembered(state, "7-ab.snapshot")
    return Read(found) if found else Read(NOTHING, "it is compiled anew")


def note_of_a_feed(name: str, read: Callable[[Path], Any]) -> StateFile:
    """A note whose loss costs one more reading of the list."""

    def write(state: Path) -> Path:
        note = {"source": "s", "definition": "d", "version": 3, "digest": "e", "held": 1, "standing": ["x"]}
        checked_file.write(state / name, json.dumps(note).encode())
        return state / name

    def read_it(state: Path) -> Read:
        found = read(state / name)
        return Read(found) if found else Read(NOTHING, "the list is read anew")

    return StateFile(write, read_it)


def rules(state: Path) -> Path:
    path = state / "3.rules"
    digest = rule_files.write_version(path, [b"a.example\nb.example\n"], None)
    (state / "digest").write_text(digest)
    return path


def read_rules(state: Path) -> Read:
    path = state / "3.rules"
    if rule_files.is_taken(path, (state / "digest").read_text(), None):
        return Read(path.read_bytes())
    return Read(NOTHING, "its digest is another one")


FILES = {
    "keys/fingerprint": key_file(FINGERPRINT_KEY),
    "keys/digest": key_file(DIGEST_KEY),
    "keys/portal": key_file(PORTAL_KEY),
    "keys/cookie": key_file(COOKIE_KEY),
    "keys/confidential": StateFile(ring, lambda state: refusing(lambda: key_ring.read(state).keys)),
    "keys/checkpoint": signing_key(signing_keys),
    "keys/publish": signing_key(list_keys),
    **{f"ledger/{name}": ledger_file(name) for name in LEDGER},
    "node/checkpoint": journal_file("checkpoint"),
    "node/log": journal_file("log"),
    "node/kept.orders": StateFile(kept_orders, read_kept),
    "node/snapshot": StateFile(lambda state: (published(state), state / "node")[1], read_published),
    "snapshots/current": StateFile(
        lambda state: (published(state), state / "snapshots" / CURRENT)[1], read_published
    ),
    "snapshots/file": StateFile(published, read_published),
    "snapshots/.made_of": StateFile(compiled_of, read_compiled_of),
    "sessions/live": StateFile(sessions, read_sessions, partly=True),
    "sessions-epoch": StateFile(
        lambda state: (sessions(state), state / "epoch")[1], read_sessions, partly=True
    ),
    "backups.json": StateFile(backups, lambda state: refusing(lambda: made_backups.noted(state))),
    "feeds/.read_from": note_of_a_feed(unchanged.NOTE, lambda path: unchanged._noted(path.parent)),
    "feeds/current.json": note_of_a_feed("current.json", fetched_files._read_note),
    "feeds/3.rules": StateFile(rules, read_rules),
}


def outcome(file: StateFile, found: Read, right: Any, where: str) -> str:
    """What a change of one byte did; fails for what it must not do."""
    if found.value == right:
        return "made good" if found.said else "without effect"
    assert found.said, f"{where}: another value, and nothing was said: {found.value!r}"
    if file.partly:
        assert found.value <= right, f"{where}: something that was never written: {found.value - right!r}"
    else:
        assert found.value == NOTHING, f"{where}: another value: {found.value!r}"
    return "refused"


def changed(name: str, state: Path, places: int | None, seed: str) -> Counter[str]:
    """Change a byte at ``places`` seeded places, all of them for None, each alone; the outcomes. Every file
    of the folder is put back after each."""
    file, draw, counted = FILES[name], random.Random(f"{name} {seed}"), Counter[str]()
    path = file.write(state)
    before = {each: each.read_bytes() for each in state.rglob("*") if each.is_file()}
    right = file.read(state)
    assert right.said == "", right.said
    assert right.value not in (NOTHING, frozenset())
    data = before[path]
    if places is None or places >= len(data):
        chosen = list(range(len(data))) if len(data) <= WHOLE else draw.sample(range(len(data)), PLACES)
    else:
        chosen = draw.sample(range(len(data)), places)
    for place in chosen:
        bits = draw.randrange(1, 256)
        altered = bytearray(data)
        altered[place] ^= bits
        path.write_bytes(altered)
        counted[outcome(file, file.read(state), right.value, f"{name} byte {place} ^ {bits:#04x}")] += 1
        if name.startswith("keys/"):
            assert path.read_bytes() == bytes(altered), "a damaged key is never replaced"
        for each, content in before.items():
            if not each.exists() or each.read_bytes() != content:
                each.write_bytes(content)
    print(f"{name}: {len(chosen)} of {len(data)} bytes changed: {dict(counted)}")
    return counted


@pytest.mark.parametrize("name", FILES)
def test_no_reader_takes_another_value(name: str, tmp_path: Path) -> None:
    counted = changed(name, tmp_path, 6 if name == "snapshots/file" else SAMPLE, "commit")
    assert sum(counted.values())


@pytest.mark.ring("night")
@pytest.mark.timeout(1100)
@pytest.mark.parametrize("name", FILES)
def test_no_byte_leads_to_another_value(name: str, tmp_path: Path) -> None:
    counted = changed(name, tmp_path, None, os.environ.get("FILTERD_SEED", "night"))
    # The other slot of the head has the same newest revision.
    assert counted["refused"] + counted["made good"] or name == "ledger/head"


@pytest.mark.parametrize("line", [b"", b"\0" * 80 + b"\n", b"filt\n", b"# a key\n", b"x" * 90])
def test_a_key_behind_anything_but_its_checksum_is_refused(tmp_path: Path, line: bytes) -> None:
    """Without its first line a changed letter would make another key."""
    path = tmp_path / "one.key"
    signing_keys.make(path)
    pem = path.read_bytes().partition(b"\n")[2]
    at = pem.index(b"\n") + 30
    altered = pem[:at] + bytes([pem[at] ^ 1]) + pem[at + 1 :]
    for content in (line + altered if line else altered + b"x", line + pem + b"x"):
        path.write_bytes(content)
        with pytest.raises(SigningKeyError):
            signing_keys.load(path)
    path.write_bytes(pem)
    assert signing_keys.load(path) is not None, "a PEM alone is that of a version before, or a person's"
