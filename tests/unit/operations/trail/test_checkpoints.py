"""Checkpoints: when one is signed, what it says, and what is found where it does not agree."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from filterd.model import signed_text
from filterd.model.checkpoint import FIRST_PREVIOUS, body_of, of_text
from filterd.operations import audit
from filterd.operations.errors import ConflictError
from filterd.operations.signing import Purpose, file_of
from filterd.operations.trail import announcing, checkpoints, rotating
from filterd.store import change_log, noted_checkpoint
from tests.worlds.installation import Installation, install
from tests.worlds.trail import openssl_verifies, record, tamper


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


async def test_the_first_announces_both_keys(installation: Installation) -> None:
    async with installation.open("control") as context:
        made = await checkpoints.make(context)
        assert made is not None
        body = body_of(made)
        assert [each["purpose"] for each in body["keys"]] == ["checkpoint", "receipt"]
        assert body["keys"][0]["key_id"] == body["key_id"] == made.key_id
        assert (body["number"], body["previous"]) == (1, FIRST_PREVIOUS)
        assert len(body["installation"]) == 32
        async with context.store.read() as connection:
            entries = await change_log.entries(connection)
            assert (body["sequence"], body["hash"]) == await change_log.chain_end(connection)
        assert [each.entry.action for each in entries] == ["key.sign", "key.sign"]
        assert entries[0].entry.after == {**body["keys"][0], "installation": body["installation"]}
        assert await checkpoints.verify(context) == ()


async def test_one_is_signed_only_where_the_trail_has_grown_and_is_no_entry_of_it(
    installation: Installation,
) -> None:
    async with installation.open("control") as context:
        first = await checkpoints.make(context)
        assert await checkpoints.make(context) is None
        await record(context)
        second = await checkpoints.make(context)
        assert first
        assert second
        assert second.audit_sequence == first.audit_sequence + 1
        assert (second.number, second.previous) == (2, first.digest)
        assert body_of(second)["keys"] == []
        assert noted_checkpoint.noted(context.store.ledger) is not None
        assert await checkpoints.verify(context) == ()


@pytest.mark.system("openssl")
async def test_openssl_finds_the_signature_good(installation: Installation, tmp_path: Path) -> None:
    async with installation.open("control") as context:
        made = await checkpoints.make(context)
        assert made
        key = (await rotating.status(context))[0].public_key
    value = json.loads(made.text)
    plain = json.dumps(value["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signature = signed_text.read(made.text).signature
    assert openssl_verifies(tmp_path, key, b"filterd checkpoint v1\n" + plain, signature)
    assert not openssl_verifies(tmp_path, key, b"filterd statement v1\n" + plain, signature)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            "UPDATE checkpoint SET text = replace(text, '\"number\":1', '\"number\":2') WHERE number = 1",
            "differ",
        ),
        ("UPDATE checkpoint SET text = replace(text, 'body', 'bodi') WHERE number = 1", "altered"),
        ("UPDATE checkpoint SET audit_sequence = 1 WHERE number = 1", "differ"),
        ("DELETE FROM checkpoint WHERE number = 1", "does not follow"),
        (
            "UPDATE signing_key SET public_key = (SELECT public_key FROM signing_key WHERE number = 2)",
            "not known",
        ),
        ("DELETE FROM signing_key", "not known"),
    ],
)
async def test_a_row_that_was_changed_is_found(installation: Installation, statement: str, says: str) -> None:
    async with installation.open("control") as context:
        await checkpoints.make(context)
        await record(context)
        await checkpoints.make(context)
        tamper(installation, statement)
        faults = await checkpoints.verify(context)
        assert faults
        assert says in faults[0].fault


async def test_the_rows_of_keys_must_be_what_the_trail_and_the_checkpoints_tell(
    installation: Installation,
) -> None:
    async with installation.open("control") as context:
        await checkpoints.make(context)
        file_of(context.settings, Purpose.CHECKPOINT).unlink()
        await record(context)
        await checkpoints.make(context)
        assert [each.how.value for each in (await announcing.known(context)).keys][2:] == ["replaced"]
        assert await audit.compare(context) == ()
        for change, back in (
            ("UPDATE signing_key SET accepted_at = 1", "UPDATE signing_key SET accepted_at = 0"),
            (
                "UPDATE signing_key SET how = 'rotated' WHERE number = 3",
                "UPDATE signing_key SET how = 'replaced' WHERE number = 3",
            ),
            ("UPDATE signing_key SET at = at + 1", "UPDATE signing_key SET at = at - 1"),
        ):
            tamper(installation, change)
            assert {each.subject.partition(":")[0] for each in await audit.compare(context)} == {"key"}, (
                change
            )
            tamper(installation, back)
        tamper(installation, "UPDATE signing_key SET checkpoint = 1 WHERE number = 3")
        assert ["announces" in each.fault for each in await checkpoints.verify(context)] == [True]
        tamper(installation, "UPDATE signing_key SET checkpoint = 2 WHERE number = 3")
        assert (await checkpoints.verify(context), await audit.compare(context)) == ((), ())
        tamper(installation, "DELETE FROM signing_key WHERE number = 3")
        assert [each.fault for each in await audit.compare(context)] == ["the row of this key is gone"]


async def test_a_key_that_a_person_accepted_is_what_the_trail_tells(installation: Installation) -> None:
    async with installation.open("control") as context:
        await checkpoints.make(context)
        file_of(context.settings, Purpose.CHECKPOINT).unlink()
        await record(context)
        await checkpoints.make(context)
    async with installation.open("ana") as context:
        (key,) = (await announcing.known(context)).unexplained
        await rotating.accept(context, key.key_id, reason="the disk was replaced")
        assert await audit.compare(context) == ()
        tamper(installation, "UPDATE signing_key SET accepted_at = 0.0")
        assert [each.subject for each in await audit.compare(context)] == [f"key:{key.key_id}"]


async def test_a_whole_forged_row_is_found_by_its_signature(installation: Installation) -> None:
    async with installation.open("control") as context:
        made = await checkpoints.make(context)
        assert made
        body = {**body_of(made), "at": "2020-01-01T00:00:00Z"}
        forged = signed_text.signed("checkpoint", body, made.key_id, lambda _data: bytes(64))
        row = of_text(signed_text.text_of(forged), made.at)
        tamper(
            installation,
            "UPDATE checkpoint SET text = ?, digest = ?, signature = ?",
            *(row.text, row.digest, row.signature),
        )
        assert (await checkpoints.verify(context))[0].fault == "its signature is wrong"


@pytest.mark.ring("night")
async def test_every_flipped_bit_of_a_text_is_found(installation: Installation) -> None:
    async with installation.open("control") as context:
        made = await checkpoints.make(context)
        assert made
        for place in range(0, len(made.text), 7):
            flipped = bytearray(made.text.encode())
            flipped[place] ^= 1
            text = flipped.decode("utf-8", errors="replace")
            tamper(installation, "UPDATE checkpoint SET text = ? WHERE number = 1", text)
            assert await checkpoints.verify(context), place


async def test_nothing_is_signed_on_a_trail_that_was_altered(installation: Installation) -> None:
    async with installation.open("control") as context:
        await checkpoints.make(context)
        tamper(installation, "UPDATE audit SET hash = ? WHERE sequence = 2", "f" * 64)
        with pytest.raises(ConflictError, match="covers another entry 2"):
            await checkpoints.make(context, if_moved=False)
        assert [each.number for each in await checkpoints.verify(context)] == [1]


async def test_nothing_is_signed_on_a_store_that_was_set_back(installation: Installation) -> None:
    older = installation.base / "older.db"
    async with installation.open("control") as context:
        await checkpoints.make(context)
    shutil.copy(installation.database, older)
    async with installation.open("control") as context:
        await record(context)
        await checkpoints.make(context)
    shutil.copy(older, installation.database)
    for name in ("head", "ended", "origin"):  # whoever sets a store back removes what tells of it
        (installation.settings.store.ledger / name).unlink(missing_ok=True)
    async with installation.open("control") as context:
        assert "was set back" in await checkpoints.standing_fault(context)
        with pytest.raises(ConflictError, match="was set back"):
            await checkpoints.make(context)


async def test_after_a_restore_the_next_says_what_was_lost(installation: Installation) -> None:
    older = installation.base / "older.db"
    async with installation.open("control") as context:
        first = await checkpoints.make(context)
    shutil.copy(installation.database, older)
    async with installation.open("control") as context:
        await record(context)
        lost = await checkpoints.make(context)
    shutil.copy(older, installation.database)
    (installation.settings.store.ledger / "head").unlink()
    assert first
    assert lost
    async with installation.open("control") as context:
        await record(context, action="store.restore")
        made = await checkpoints.make(context)
        assert made
        body = body_of(made)
        assert (body["number"], body["previous"]) == (lost.number + 1, first.digest)
        assert body["lost"] == {
            "number": lost.number,
            "sequence": lost.audit_sequence,
            "hash": lost.audit_hash,
            "digest": lost.digest,
        }
        assert await checkpoints.verify(context) == ()
        await record(context)
        following = await checkpoints.make(context)
        assert following
        assert "lost" not in body_of(following)


async def test_a_clock_that_was_set_back_stops_nothing(installation: Installation) -> None:
    async with installation.open("control") as context:
        await checkpoints.make(context)
        installation.now -= 86_400
        await record(context)
        made = await checkpoints.make(context)
        assert made
        assert made.at == installation.now
        assert await checkpoints.verify(context) == ()


async def test_the_old_key_signs_the_checkpoint_that_announces_the_new_one(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        old = await checkpoints.make(context)
        new = await rotating.rotate(context, Purpose.CHECKPOINT, reason="yearly")
        announces = await checkpoints.newest(context)
        assert old
        assert announces
        assert announces.key_id == old.key_id
        assert [each["key_id"] for each in body_of(announces)["keys"]] == [new.id]
        assert body_of(announces)["keys"][0]["how"] == "rotated"
        await record(context)
        after = await checkpoints.make(context)
        assert after
        assert after.key_id == new.id
        assert await checkpoints.verify(context) == ()
        pem = await rotating.public_pem(context, Purpose.CHECKPOINT)
        assert pem.count("BEGIN PUBLIC KEY") == 2
        assert f"{old.key_id} since" in pem


@pytest.mark.parametrize("content", [None, b"", b"damaged"])
async def test_a_key_that_is_lost_or_damaged_is_replaced_and_the_trail_says_so(
    installation: Installation, content: bytes | None
) -> None:
    path = file_of(installation.settings, Purpose.CHECKPOINT)
    async with installation.open("control") as context:
        before = await checkpoints.make(context)
        path.unlink() if content is None else path.write_bytes(content)
        made = await checkpoints.make(context)
        assert before
        assert made
        assert made.key_id != before.key_id
        assert body_of(made)["keys"][0]["how"] == "replaced"
        async with context.store.read() as connection:
            entry = (await change_log.newest_entries(connection, 1))[0].entry
        assert entry.action == "key.sign"
        assert (
            "lost" in entry.reason
            if content is None
            else "set aside as checkpoint.key.damaged-1" in entry.reason
        )
        assert entry.before == {"key": before.key_id}
        assert [each.key_id for each in (await announcing.known(context)).unexplained] == [made.key_id]
    async with installation.open() as context:
        await rotating.accept(context, made.key_id, reason="the disk had failed")
        assert (await announcing.known(context)).unexplained == ()


async def test_a_swapped_key_file_is_told(installation: Installation, tmp_path: Path) -> None:
    other = await install(tmp_path / "other")
    async with other.open("control") as context:
        await checkpoints.make(context)
    async with installation.open("control") as context:
        await checkpoints.make(context)
        shutil.copy(
            file_of(other.settings, Purpose.CHECKPOINT), file_of(installation.settings, Purpose.CHECKPOINT)
        )
        made = await checkpoints.make(context)
        assert made
        assert body_of(made)["keys"][0]["how"] == "replaced"
        assert (await announcing.known(context)).unexplained
        async with context.store.read() as connection:
            entry = (await change_log.newest_entries(connection, 1))[0].entry
        assert entry.reason == announcing.SWAPPED
