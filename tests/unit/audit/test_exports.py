"""Exports of the audit trail: what they hold, and what both verifiers find in one that was changed."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from filterd.disk import signing_keys
from filterd.model import signed_text
from filterd.model.audit_chain import GENESIS, StoredEntry, canonical, entry_hash
from filterd.operations.orders import ending
from filterd.operations.signing import Purpose
from filterd.operations.trail import checkpoints, rotating, statements, verifying
from filterd.operations.trail.exporting import ExportScope
from filterd.store import change_log
from filterd.store import orders as rows
from tests.worlds import export_forger, export_oddities, export_vandal, exported
from tests.worlds.examples import examples
from tests.worlds.export_mutations import Campaign, run
from tests.worlds.installation import NOW, Installation, install
from tests.worlds.trail import record


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    made = await install(tmp_path / "filterd")
    await exported.script(made)
    return made


@pytest.mark.ring("night")
async def test_both_verifiers_find_nothing_in_an_honest_export(
    installation: Installation, tmp_path: Path
) -> None:
    done = await exported.write(installation, tmp_path / "export")
    first, second = exported.by_filterd(tmp_path / "export"), exported.by_script(tmp_path / "export")
    assert (first.code, second.code) == (0, 0), (first.said, second.said)
    assert done.hash in first.said
    assert done.hash in second.said
    assert "it does not prove" in first.said


@pytest.mark.ring("night")
async def test_a_changed_byte_is_found_by_both(installation: Installation, tmp_path: Path) -> None:
    await exported.write(installation, tmp_path / "export")
    whole = bytearray((tmp_path / "export").read_bytes())
    whole[len(whole) // 2] ^= 1
    (tmp_path / "export").write_bytes(whole)
    assert exported.by_filterd(tmp_path / "export").code == 1
    assert exported.by_script(tmp_path / "export").code == 1


@pytest.mark.ring("night")
async def test_every_kind_of_change_is_found_by_both(installation: Installation, tmp_path: Path) -> None:
    await exported.write(installation, tmp_path / "export")
    campaign = run(installation, tmp_path, examples(33), 18)
    assert campaign.missed == []
    assert campaign.made.total() == campaign.by_filterd.total() == campaign.by_script.total() > examples(67)


@pytest.mark.ring("night")
async def test_as_programs_in_an_empty_directory_both_find_a_forgery(
    installation: Installation, tmp_path: Path
) -> None:
    await exported.write(installation, tmp_path / "export")
    lines = (tmp_path / "export").read_bytes().splitlines(keepends=True)
    forged = [line.replace(b"banned.example", b"banmed.example") for line in lines]
    (tmp_path / "export").write_bytes(exported.resealed(installation, forged))
    for verdict in (exported.by_filterd(tmp_path / "export"), exported.by_script(tmp_path / "export")):
        assert verdict.code == 1
        assert "it is not what the trail says" in verdict.said


@pytest.mark.ring("night")
async def test_what_was_kept_from_before_shows_what_was_cut_off_or_written_anew(
    installation: Installation, tmp_path: Path
) -> None:
    await exported.write(installation, tmp_path / "older")
    async with installation.open() as context:
        newest = await checkpoints.show(context)
        (tmp_path / "checkpoint").write_text(newest.text)
        (tmp_path / "statement").write_text((await statements.make(context)).text)
        await ending.withdraw(context, "O-3", reason="the authority asked")
    await exported.write(installation, tmp_path / "newer")
    for earlier in ("older", "checkpoint", "statement"):
        kept = str(tmp_path / earlier)
        assert exported.by_filterd(tmp_path / "newer", "--against", kept).code == 0
        assert exported.by_script(tmp_path / "newer", kept).code == 0
    kept = str(tmp_path / "newer")
    for verdict in (
        exported.by_filterd(tmp_path / "older", "--against", kept),
        exported.by_script(tmp_path / "older", kept),
    ):
        assert verdict.code == 1
        assert "older" in verdict.said
    for word in ("checkpoint", "statement"):
        lines = (tmp_path / word).read_text()
        forked = str(tmp_path / word)
        (tmp_path / word).write_text(re.sub(r'"hash":"[0-9a-f]', '"hash":"x', lines))
        for unsigned in (
            exported.by_filterd(tmp_path / "newer", "--against", forked),
            exported.by_script(tmp_path / "newer", forked),
        ):
            assert unsigned.code != 0
            assert "a fork" not in unsigned.said, "nothing is compared with what nobody signed"
            assert "no fault" not in unsigned.said
        body = {**json.loads(lines)["body"]}
        (body["head"] if word == "statement" else body)["hash"] = "x" * 64
        key = exported.signing_key(installation, Purpose.CHECKPOINT)
        signed = signed_text.signed(word, body, key.key_id, key.sign)
        (tmp_path / word).write_text(signed_text.text_of(signed))
        assert "a fork" in exported.by_filterd(tmp_path / "newer", "--against", forked).said
        assert "a fork" in exported.by_script(tmp_path / "newer", forked).said


@pytest.mark.ring("night")
@pytest.mark.parametrize("kept", ["", "{}", "[]", '{"body":{},"key_id":"","signature":""}', "two", "receipt"])
async def test_what_is_nothing_of_ours_is_compared_with_nothing(
    installation: Installation, tmp_path: Path, kept: str
) -> None:
    await exported.write(installation, tmp_path / "export")
    async with installation.open() as context:
        body = json.loads((await checkpoints.show(context)).text)["body"]
        two = "\n".join([(await checkpoints.show(context)).text] * 2)
    key = exported.signing_key(installation, Purpose.RECEIPT)
    by_receipts = signed_text.text_of(signed_text.signed("checkpoint", body, key.key_id, key.sign))
    (tmp_path / "kept").write_text({"two": two, "receipt": by_receipts}.get(kept, kept))
    first = exported.by_filterd(tmp_path / "export", "--against", str(tmp_path / "kept"))
    second = exported.by_script(tmp_path / "export", str(tmp_path / "kept"))
    assert (first.code, second.code) == (1, 2), (first.said, second.said)
    assert "nothing to compare with" in first.said
    assert "is no export, checkpoint or statement" in second.said
    assert "Traceback" not in first.said + second.said


@pytest.mark.ring("night")
async def test_a_trail_that_was_written_anew_with_the_same_key_is_a_fork(
    installation: Installation, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    shutil.copytree(installation.base, saved)
    async with installation.open() as context:
        await ending.withdraw(context, "O-3", reason="the authority asked")
    await exported.write(installation, tmp_path / "one")
    shutil.rmtree(installation.base)
    shutil.copytree(saved, installation.base)
    async with installation.open() as context:
        await record(context)
    await exported.write(installation, tmp_path / "other")
    kept = str(tmp_path / "one")
    for verdict in (
        exported.by_filterd(tmp_path / "other", "--against", kept),
        exported.by_script(tmp_path / "other", kept),
    ):
        assert verdict.code == 1
        assert "a fork" in verdict.said


@pytest.mark.ring("night")
async def test_two_exports_cannot_be_spliced(installation: Installation, tmp_path: Path) -> None:
    await exported.write(installation, tmp_path / "export")
    foreign = await install(tmp_path / "foreign")
    await exported.script(foreign)
    (tmp_path / "other").mkdir()
    await exported.write(foreign, tmp_path / "other" / "export")
    own, others = ((tmp_path / each).read_bytes().splitlines(True) for each in ("export", "other/export"))
    for place in range(1, min(len(own), len(others)), 5):
        spliced = [*own[:place], *others[place:]]
        for data in (b"".join(spliced), exported.resealed(installation, spliced)):
            (tmp_path / "spliced").write_bytes(data)
            assert not verifying.prove(tmp_path / "spliced", tmp_path / "PUB.pem").holds
            assert exported.by_script(tmp_path / "spliced").code == 1


@pytest.mark.ring("night")
async def test_another_key_vouches_for_nothing(installation: Installation, tmp_path: Path) -> None:
    await exported.write(installation, tmp_path / "export")
    foreign = await install(tmp_path / "foreign")
    async with foreign.open() as context:
        await checkpoints.make(context)
        (tmp_path / "their.pem").write_text(await rotating.public_pem(context, Purpose.CHECKPOINT))
    key = tmp_path / "their.pem"
    assert "no key that was given" in exported.by_filterd(tmp_path / "export", key=key).said
    assert "vouches" in exported.by_script(tmp_path / "export", key=key).said


@pytest.mark.ring("night")
@pytest.mark.parametrize("which", [0, 1])
async def test_one_key_is_enough_the_first_or_the_newest(
    installation: Installation, tmp_path: Path, which: int
) -> None:
    await exported.write(installation, tmp_path / "export")
    blocks = (tmp_path / "PUB.pem").read_text().split("# checkpoint ")[1:]
    (tmp_path / "one.pem").write_text("# checkpoint " + blocks[which])
    assert exported.by_filterd(tmp_path / "export", key=tmp_path / "one.pem").code == 0
    assert exported.by_script(tmp_path / "export", key=tmp_path / "one.pem").code == 0


@pytest.mark.ring("night")
async def test_a_key_serves_one_purpose_whatever_file_of_keys_is_given(
    installation: Installation, tmp_path: Path
) -> None:
    await exported.write(installation, tmp_path / "export")
    uses = (Purpose.CHECKPOINT, Purpose.RECEIPT)
    checkpoint, receipt = (exported.signing_key(installation, each) for each in uses)
    data, of_checkpoints = (tmp_path / "export").read_bytes(), (tmp_path / "PUB.pem").read_text()
    unnamed = "".join(signing_keys.public_pem(each.public_key) for each in (checkpoint, receipt))
    named = f"# receipt {receipt.key_id} since\n{signing_keys.public_pem(receipt.public_key)}{of_checkpoints}"
    forgeries = list(export_forger.by_receipt_key(data, checkpoint, receipt))
    for pem, some in (
        (named, forgeries),
        (of_checkpoints, forgeries),
        (unnamed, forgeries[:1] + forgeries[2:]),
    ):
        (tmp_path / "PUB.pem").write_text(pem)
        campaign = Campaign(tmp_path)
        campaign.try_all(("receipt", *each) for each in some)
        assert campaign.missed == []
    honest = export_forger.unrotated(export_forger.records_of(data), checkpoint)
    (tmp_path / "export").write_bytes(export_forger.forged(honest, lambda _: checkpoint))
    assert exported.by_filterd(tmp_path / "export").code == exported.by_script(tmp_path / "export").code == 0
    (tmp_path / "PUB.pem").write_text(named.partition("# checkpoint")[0])
    assert exported.by_filterd(tmp_path / "export").code == exported.by_script(tmp_path / "export").code == 1


@pytest.mark.ring("night")
async def test_a_key_that_was_rotated_away_signs_nothing_more(
    installation: Installation, tmp_path: Path
) -> None:
    await exported.write(installation, tmp_path / "export")
    data = (tmp_path / "export").read_bytes()
    old, new = (signing_keys.make(tmp_path / each) for each in ("old", "new"))
    pem = "".join(signing_keys.public_pem(each.public_key) for each in (old, new))
    (tmp_path / "PUB.pem").write_text(pem)
    records = export_forger.rotated(export_forger.unrotated(export_forger.records_of(data), old), new)
    (tmp_path / "export").write_bytes(export_forger.forged(records, export_forger.by(records, old, new)))
    assert exported.by_filterd(tmp_path / "export").code == exported.by_script(tmp_path / "export").code == 0
    campaign = Campaign(tmp_path)
    campaign.try_all(("replaced", *each) for each in export_forger.by_replaced_key(data, old, new))
    assert (campaign.missed, campaign.made.total()) == ([], 2)


@pytest.mark.ring("night")
async def test_both_say_the_same_of_an_export_of_an_odd_form(
    installation: Installation, tmp_path: Path
) -> None:
    await exported.write(installation, tmp_path / "export")
    key = exported.signing_key(installation, Purpose.CHECKPOINT)
    campaign = Campaign(tmp_path)
    campaign.try_all(
        (name, "", data) for name, data in export_oddities.oddities((tmp_path / "export").read_bytes(), key)
    )
    assert campaign.made.total() >= 15
    differ = [each for each in campaign.made if campaign.by_filterd[each] != campaign.by_script[each]]
    assert differ == []
    taken = {each for each in campaign.made if not campaign.by_filterd[each]}
    assert taken == {"an action with another sign", "sixty levels"}


@pytest.mark.ring("night")
async def test_no_text_of_an_export_reaches_the_terminal_as_it_is(
    installation: Installation, tmp_path: Path
) -> None:
    await exported.write(installation, tmp_path / "export")
    key = exported.signing_key(installation, Purpose.CHECKPOINT)
    (tmp_path / "export").write_bytes(export_oddities.spoken((tmp_path / "export").read_bytes(), key))
    for verdict in (exported.by_filterd(tmp_path / "export"), exported.by_script(tmp_path / "export")):
        assert verdict.code == 1
        assert "O-9" in verdict.said
        assert re.search(r"[\x00-\x09\x0b-\x1f\x7f]", verdict.said) is None
        assert not any(line.startswith("entry 29: no fault") for line in verdict.said.splitlines())


@pytest.mark.ring("night")
async def test_it_holds_nothing_of_any_line(installation: Installation, tmp_path: Path) -> None:
    done = await exported.write(installation, tmp_path / "export")
    text = (tmp_path / "export").read_text()
    assert done.withheld >= 2
    for word in (exported.SUBSCRIBER, "line:", "subscriber.", "secret.example", "T-1"):
        assert word not in text, word
    async with installation.open() as context, context.store.read() as connection:
        for each in await change_log.entries(connection):
            if each.entry.subject.startswith("line:"):
                assert each.salt
                assert each.salt not in text
        orders = {each.reference: each for each in (await rows.all_orders(connection)).orders}
    sealed = orders["O-2"].demand.sealed
    assert sealed is not None
    assert sealed.text not in text
    for fingerprint, _ in sealed.fingerprints.names:
        assert fingerprint.hex() not in text


@pytest.mark.ring("night")
async def test_the_export_of_one_order_shows_no_other(installation: Installation, tmp_path: Path) -> None:
    await exported.write(installation, tmp_path / "export", ExportScope(order="O-3"))
    records = [json.loads(line) for line in (tmp_path / "export").read_bytes().splitlines()]
    assert {each["subject"] for each in records if each["kind"] == "entry"} == {"order:O-3"}
    assert [each["subject"] for each in records if each["kind"] == "row"] == ["order:O-3"]
    assert exported.by_filterd(tmp_path / "export").code == exported.by_script(tmp_path / "export").code == 0


@pytest.mark.ring("night")
async def test_a_part_begins_and_ends_with_checkpoints(installation: Installation, tmp_path: Path) -> None:
    scope = ExportScope(since=NOW + 60, until=NOW + 61)
    await exported.write(installation, tmp_path / "export", scope)
    records = [json.loads(line) for line in (tmp_path / "export").read_bytes().splitlines()]
    assert [each["kind"] for each in records[:2]] == ["header", "checkpoint"]
    assert records[0]["after"]["sequence"] > 0
    assert records[-2]["kind"] in ("checkpoint", "anchor")
    assert exported.by_filterd(tmp_path / "export").code == exported.by_script(tmp_path / "export").code == 0
    without = [records[0], *records[2:-1]]
    (tmp_path / "export").write_bytes(
        exported.resealed(installation, [canonical(each).encode() + b"\n" for each in without])
    )
    assert exported.by_filterd(tmp_path / "export").code == exported.by_script(tmp_path / "export").code == 1


HOSTILE = {
    "nothing": b"",
    "no newline": b"{}",
    "deep": b"[" * 100_000 + b"\n",
    "deep objects": b'{"kind":' * 50_000 + b"\n",
    "long number": b'{"kind":' + b"9" * 100_000 + b"}\n",
    "no text": b"\xff\xfe\n" * 1000,
    "not a number": b'{"kind":NaN}\n',
    "no kind": b"{}\n",
    "kind of a list": b'{"kind":[]}\n',
    "a method": b'{"kind":"take"}\n',
    "half a pair": b'{"kind":"\\ud800"}\n',
    "many faults": b'{"kind":"row"}\n' * 5000,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
async def test_whatever_a_file_holds_it_is_refused(tmp_path: Path, data: bytes) -> None:
    key = signing_keys.make(tmp_path / "key")
    (tmp_path / "PUB.pem").write_text(signing_keys.public_pem(key.public_key))
    (tmp_path / "export").write_bytes(data)
    for verdict in (exported.by_filterd(tmp_path / "export"), exported.by_script(tmp_path / "export")):
        assert verdict.code == 1, verdict.said
        assert "Traceback" not in verdict.said


@pytest.mark.ring("night")
async def test_a_row_that_was_changed_by_hand_is_found(installation: Installation, tmp_path: Path) -> None:
    """One column of each table; ``python -m tests.worlds.export_mutations`` tries all."""
    each = {column.table: column for column in export_vandal.columns(installation) if column.name != "number"}
    campaign = await export_vandal.run(installation, tmp_path, iter(each.values()))
    assert campaign.missed == []
    assert campaign.made.total() == len(each) >= 8


@pytest.mark.ring("night")
async def test_entries_of_before_the_salt_show_their_hash_alone_and_are_counted(tmp_path: Path) -> None:
    installation = await install(tmp_path / "filterd")
    async with installation.open() as context:
        for subject in ("line:1", "store", "line:2", "line:3"):
            await record(context, subject)
        async with context.store.read() as connection:
            entries = await change_log.entries(connection)
    _without_salt(installation, entries)
    shutil.rmtree(installation.settings.store.ledger)
    await exported.write(installation, tmp_path / "export")
    lines = (tmp_path / "export").read_bytes().splitlines(keepends=True)
    withheld = [json.loads(line) for line in lines if b'"kind":"withheld"' in line]
    assert [each["content"] for each in withheld] == [""] * 4
    said = exported.by_filterd(tmp_path / "export"), exported.by_script(tmp_path / "export")
    assert [each.code for each in said] == [0, 0], said
    assert "4 withheld entries of an earlier version" in said[0].said
    assert "4: withheld, and bound by checkpoints alone" in said[1].said
    salted = next(number for number, line in enumerate(lines) if b'"key.sign"' in line)
    hidden = {"kind": "withheld", "content": ""}
    shown = [json.loads(line) for line in lines]
    hidden |= {each: shown[salted + 1][each] for each in ("sequence", "hash")}
    lines[salted + 1] = canonical(hidden).encode() + b"\n"
    (tmp_path / "export").write_bytes(exported.resealed(installation, lines))
    said = exported.by_filterd(tmp_path / "export"), exported.by_script(tmp_path / "export")
    assert [each.code for each in said] == [1, 1], "no salted entry can pass for one of before"


def _without_salt(installation: Installation, entries: list[StoredEntry]) -> None:
    """Make a trail one of an earlier version."""
    previous = GENESIS
    with closing(sqlite3.connect(installation.database)) as raw, raw:
        for each in entries:
            digest = entry_hash(previous, each.entry)
            values = (previous, f"x{each.sequence}", each.sequence)
            raw.execute("UPDATE audit SET previous_hash = ?, hash = ?, salt = '' WHERE sequence = ?", values)
            raw.execute("UPDATE audit SET hash = ? WHERE sequence = ?", (digest, each.sequence))
            previous = digest
        raw.execute("UPDATE head SET audit_hash = ?", (previous,))
