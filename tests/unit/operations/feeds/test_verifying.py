"""A signed list is taken by its signer's word alone, and never an older one than the last."""

from __future__ import annotations

import os
import random
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filterd.config.value_types import Bytes
from filterd.feed.signing import LARGEST_PROOF, MANIFEST, SIGNATURE
from filterd.feed.source import SourceError, UnreadableError
from filterd.model.records import OriginProof
from filterd.operations import audit, restore
from filterd.operations.backup import backup
from filterd.operations.context import Context
from filterd.operations.feeds import listing, reading, updating, verifying
from filterd.operations.feeds.rule_files import rule_file
from filterd.operations.feeds.taking import FeedUpdate
from filterd.operations.feeds.verifying import RolledBackError, UnprovenError, Verifier
from filterd.operations.policies import feed as find_feed
from filterd.operations.policies import policies
from filterd.policy.documents import Feed
from filterd.policy.feed_documents import Signature
from filterd.store.ledger import SERIALS, Ledger
from tests.worlds.installation import POLICIES, Installation
from tests.worlds.signers import Signer

SIGNER = Signer.new()
OTHER = Signer.new()
FEED = "worst-of"
ENTRIES = POLICIES["feeds.yaml"]
OLD, NEW = b"worst.example\n", b"worst.example\nworse.example\n"


def entries(signer: Signer = SIGNER) -> str:
    """feeds.yaml with a signed mandatory feed that is not confidential."""
    signed = f"source: lists/worst.txt\n  signature: {{public_key: {signer.public_key}}}"
    return ENTRIES.replace("source: lists/worst.txt", signed).replace(", confidential: true", "")


def source(installation: Installation) -> Path:
    return installation.base / "policies/lists/worst.txt"


@pytest.fixture
def signed(installation: Installation) -> Installation:
    """An installation with a signed list at serial 5."""
    installation.write_policy("feeds.yaml", entries())
    SIGNER.place(source(installation), OLD, FEED, 5)
    return installation


async def read(context: Context) -> FeedUpdate:
    (done,) = await updating.update(context, [FEED])
    return done


async def taken_entry(context: Context) -> dict[str, Any]:
    """The state after it in the audit entry of the last version that was taken."""
    entries = [each.entry for each in await audit.tail(context, 9)]
    return next(each.after or {} for each in entries if each.action == "feed.update")


async def test_a_signed_list_is_taken_and_its_origin_is_on_record(signed: Installation) -> None:
    async with signed.open() as context:
        done = await read(context)
        assert (done.outcome, done.problem) == ("updated", "")
        origin = await listing.origin(context, FEED)
        after = await taken_entry(context)
    assert origin.newest is not None
    assert origin.newest.serial == 5
    taken = origin.sources[1]
    assert taken.proof == origin.newest
    assert (taken.path, taken.size, taken.owner) == (str(source(signed)), len(OLD), os.getuid())
    assert done.version is not None
    assert after["source"] == {
        "digest": done.version.source_digest,
        "path": str(source(signed)),
        "size": len(OLD),
        "owner": os.getuid(),
        "serial": 5,
        "signer": origin.newest.signer,
    }


async def test_a_list_placed_by_hand_is_taken_with_its_digest_path_size_and_owner(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await updating.update(context, ["adult-starter"])
        origin = await listing.origin(context, "adult-starter")
        after = await taken_entry(context)
        version = (await listing.versions(context, "adult-starter"))[0]
    path = installation.base / "policies/lists/adult.txt"
    assert after["source"] == {
        "digest": version.source_digest,
        "path": str(path),
        "size": path.stat().st_size,
        "owner": os.getuid(),
    }
    assert origin.sources[1].proof is None


def unsigned(path: Path) -> None:
    Path(f"{path}{SIGNATURE}").unlink()


def without_manifest(path: Path) -> None:
    Path(f"{path}{MANIFEST}").unlink()


def altered(path: Path) -> None:
    path.write_bytes(NEW)


def longer(path: Path) -> None:
    path.write_bytes(OLD + b"\n")


def cut(path: Path) -> None:
    path.write_bytes(b"worst.example")


def other_key(path: Path) -> None:
    OTHER.place(path, NEW, FEED, 9)


def other_feed(path: Path) -> None:
    SIGNER.place(path, NEW, "adult-starter", 9)


def older(path: Path) -> None:
    SIGNER.place(path, NEW, FEED, 4)


def same_serial(path: Path) -> None:
    SIGNER.place(path, NEW, FEED, 5)


def huge_manifest(path: Path) -> None:
    Path(f"{path}{MANIFEST}").write_bytes(b"a" * (LARGEST_PROOF + 1))


def pipe(path: Path) -> None:
    Path(f"{path}{SIGNATURE}").unlink()
    os.mkfifo(f"{path}{SIGNATURE}")


def endless(path: Path) -> None:
    Path(f"{path}{MANIFEST}").unlink()
    Path(f"{path}{MANIFEST}").symlink_to("/dev/zero")


def list_is_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def comment_altered(path: Path) -> None:
    file = Path(f"{path}{SIGNATURE}")
    file.write_bytes(file.read_bytes().replace(b"serial:5", b"serial:6"))


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        (unsigned, "cannot be read"),
        (without_manifest, "cannot be read"),
        (altered, "not the one that was signed"),
        (longer, "not the one that was signed"),
        (cut, "not the one that was signed"),
        (other_key, "not by the key"),
        (other_feed, "signed for the feed adult-starter"),
        (older, "old list: its serial is 4, and 5 was taken"),
        (same_serial, "another list was taken with its serial 5"),
        (huge_manifest, "longer than"),
        (pipe, "no regular file"),
        (endless, "no regular file"),
        (list_is_a_pipe, "no regular file"),
        (comment_altered, "altered"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
async def test_an_attack_leaves_the_last_good_version_and_the_other_feeds(
    signed: Installation, attack: Callable[[Path], None], told: str
) -> None:
    async with signed.open() as context:
        await updating.update(context)
        text = rule_file(signed.settings.state_dir, FEED, 1).read_bytes()
        attack(source(signed))
        signed.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
        done = {each.feed: each for each in await updating.update(context)}
        assert {each.outcome for name, each in done.items() if name != FEED} == {"updated", "unchanged"}
        assert done[FEED].outcome == "failed"
        assert told in done[FEED].problem
        status = await listing.show(context, FEED)
        assert status.version is not None
        assert (status.version.version, status.check and status.check.error) == (1, done[FEED].problem[:500])
        assert rule_file(signed.settings.state_dir, FEED, 1).read_bytes() == text
        assert not list((signed.settings.state_dir / "feeds").rglob("*.new"))
        SIGNER.place(mended(source(signed)), NEW, FEED, 6)
        assert (await read(context)).outcome == "updated"


def mended(path: Path) -> Path:
    """The path with nothing on it or beside it."""
    for each in (path, Path(f"{path}{MANIFEST}"), Path(f"{path}{SIGNATURE}")):
        each.unlink(missing_ok=True)
    return path


async def test_nothing_is_parsed_that_is_not_proven(
    signed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_parser(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(reading, "read", no_parser)
    async with signed.open() as context:
        for attack in (altered, other_key, unsigned):
            attack(source(signed))
            assert (await read(context)).outcome == "failed"


async def test_a_list_that_is_exchanged_after_its_verification_is_not_read(
    signed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = reading.read

    def exchanged(*given: Any) -> object:
        source(signed).write_bytes(b"innocent.example\n")
        return parse(*given)

    monkeypatch.setattr(reading, "read", exchanged)
    async with signed.open() as context:
        assert (await read(context)).outcome == "updated"
    assert rule_file(signed.settings.state_dir, FEED, 1).read_bytes() == OLD


async def test_the_same_content_signed_anew_raises_the_serial(signed: Installation) -> None:
    async with signed.open() as context:
        await read(context)
        SIGNER.place(source(signed), OLD, FEED, 9)
        before = (await context.store.head()).revision
        assert (await read(context)).outcome == "unchanged"
        assert (await context.store.head()).revision == before + 1
        assert (await read(context)).outcome == "unchanged"
        assert (await context.store.head()).revision == before + 1, "nothing is written for nothing"
        assert [each.entry.action for each in await audit.tail(context, 1)] == ["feed.serial"]
        SIGNER.place(source(signed), NEW, FEED, 8)
        assert "old list" in (await read(context)).problem


async def test_a_version_that_is_held_back_does_not_raise_the_serial(signed: Installation) -> None:
    async with signed.open() as context:
        await read(context)
        SIGNER.place(source(signed), b"a.example\n", FEED, 7)
        signed.write_policy("feeds.yaml", entries() + "  guard: {min_names: 2}\n")
        assert (await read(context)).outcome == "quarantined"
        origin = await listing.origin(context, FEED)
        assert origin.newest is not None
        assert origin.newest.serial == 5
        assert origin.sources[2].proof is not None


async def test_a_newer_list_that_another_process_took_meanwhile_wins(
    signed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = verifying.newest

    async def nothing_known(context: Context, feed: Feed) -> OriginProof | None:
        await known(context, feed)
        return None

    async with signed.open() as context:
        SIGNER.place(source(signed), NEW, FEED, 9)
        assert (await read(context)).outcome == "updated"
        monkeypatch.setattr(verifying, "newest", nothing_known)
        SIGNER.place(source(signed), OLD, FEED, 5)
        done = await read(context)
        assert (done.outcome, done.version and done.version.version) == ("failed", 1)
        assert "old list" in done.problem
        assert rule_file(signed.settings.state_dir, FEED, 1).read_bytes() == b"worse.example\nworst.example\n"
        assert not rule_file(signed.settings.state_dir, FEED, 2).exists()


@pytest.mark.ring("merge")
async def test_a_restored_store_takes_no_old_list(signed: Installation, tmp_path: Path) -> None:
    def nothing(*_: object) -> None: ...

    async with signed.open() as context:
        await read(context)
        await backup(context, tmp_path / "made")
        SIGNER.place(source(signed), NEW, FEED, 9)
        assert (await read(context)).outcome == "updated"
    SIGNER.place(source(signed), OLD, FEED, 5)
    done = await restore.restore(
        signed.settings, tmp_path / "made", "the disk broke", "root", signed.clock, nothing
    )
    assert any("old list: its serial is 5, and 9 was taken" in each for each in done.remarks)
    async with signed.open() as context:
        assert "old list" in (await read(context)).problem
        SIGNER.place(source(signed), NEW, FEED, 10)
        assert (await read(context)).outcome == "updated"


@pytest.mark.ring("merge")
async def test_a_restored_store_notes_what_was_read_while_it_was_made(
    signed: Installation, tmp_path: Path
) -> None:
    def nothing(*_: object) -> None: ...

    async with signed.open() as context:
        await read(context)
        await backup(context, tmp_path / "made")
    SIGNER.place(source(signed), NEW, FEED, 9)
    await restore.restore(signed.settings, tmp_path / "made", "disk", "root", signed.clock, nothing)
    ledger = signed.settings.store.ledger
    noted = (ledger / SERIALS).read_bytes()
    assert b'"serial":9' in noted
    assert FEED.encode() not in noted, "the ledger names nothing"
    (ledger / SERIALS).write_bytes(noted.replace(b":9", b":1"))
    async with signed.open() as context:
        SIGNER.place(source(signed), NEW, FEED, 10)
        problem = (await read(context)).problem
        assert "serials does not match its checksum" in problem
        assert "remove that file" in problem
        (ledger / SERIALS).unlink()
        assert (await read(context)).outcome == "unchanged"
        assert b'"serial":10' in (ledger / SERIALS).read_bytes()
        SIGNER.place(source(signed), NEW, FEED, 9)
        assert "old list" in (await read(context)).problem


async def test_a_retired_feed_keeps_its_serial(signed: Installation) -> None:
    async with signed.open() as context:
        await read(context)
        origin = await listing.origin(context, FEED)
    shutil.rmtree(signed.settings.state_dir / "feeds" / FEED)
    async with signed.open() as context:
        SIGNER.place(source(signed), NEW, FEED, 4)
        assert "old list" in (await read(context)).problem
        assert (await listing.origin(context, FEED)).newest == origin.newest


async def test_the_store_keeps_no_digest_of_a_confidential_list(installation: Installation) -> None:
    installation.write_policy(
        "feeds.yaml", entries().replace("ground: adopted", "ground: a, confidential: true")
    )
    SIGNER.place(source(installation), OLD, FEED, 5)
    async with installation.open() as context:
        assert (await read(context)).outcome == "updated"
        SIGNER.place(source(installation), NEW, FEED, 5)
        assert "another list was taken" in (await read(context)).problem
    manifest = Path(f"{source(installation)}{MANIFEST}").read_bytes()
    everything = b"".join(
        each.read_bytes()
        for each in installation.base.rglob("*")
        if each.is_file() and "lists" not in each.parts
    )
    SIGNER.place(source(installation), OLD, FEED, 5)
    first = Path(f"{source(installation)}{MANIFEST}").read_bytes()
    assert first[:64] not in everything
    assert manifest[:64] not in everything


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond this, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_an_untrusted_comment_makes_no_other_list(installation: Installation) -> None:
    installation.write_policy("feeds.yaml", entries().replace("adopted}", "adopted, confidential: true}"))
    SIGNER.place(source(installation), OLD, FEED, 5)
    async with installation.open() as context:
        assert (await read(context)).outcome == "updated"
        file = Path(f"{source(installation)}{SIGNATURE}")
        file.write_bytes(file.read_bytes().replace(b"signature from", b"words of"))
        assert (await read(context)).outcome == "unchanged"


async def test_a_crash_between_the_ledger_and_the_store_takes_the_list_the_next_time(
    signed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    async with signed.open() as context:
        await read(context)
        SIGNER.place(source(signed), NEW, FEED, 9)
        with monkeypatch.context() as patched:
            patched.setattr(Ledger, "intend", killed)
            with pytest.raises(Killed):
                await read(context)
        assert Ledger(signed.settings.store.ledger).serial_of(FEED) is not None
        status = await listing.show(context, FEED)
        assert status.version is not None
        assert status.version.version == 1
        assert (await read(context)).outcome == "updated"
        origin = await listing.origin(context, FEED)
        assert origin.newest is not None
        assert origin.newest.serial == 9
        assert (await audit.verify(context)).holds


@pytest.mark.ring("night")
async def test_a_full_disk_keeps_the_last_good_version(signed: Installation) -> None:
    many = b"".join(b"a%d.example\n" % number for number in range(200_000))
    async with signed.open() as context:
        await read(context)
        SIGNER.place(source(signed), many + OLD, FEED, 6)
        signed.write_policy("feeds.yaml", entries() + "  guard: {max_grow: 1000000}\n")
        with largest_file(2 << 20):
            done = await read(context)
        assert (done.outcome, done.version and done.version.version) == ("failed", 1)
        assert "cannot be copied for its verification: File too large" in done.problem
        assert not list((signed.settings.state_dir / "feeds").rglob("*.new"))
        assert (await read(context)).outcome == "updated"


async def test_a_list_above_the_largest_is_not_copied(signed: Installation) -> None:
    signed.settings = replace(signed.settings, feeds=replace(signed.settings.feeds, largest=Bytes(10)))
    async with signed.open() as context:
        assert "larger than 10 bytes (feeds.largest)" in (await read(context)).problem


class Server:
    """Addresses and their content; ``replaced`` is put in force after the manifest was fetched so often."""

    def __init__(self, folder: Path, *states: tuple[bytes, bytes, bytes]) -> None:
        self.folder = folder
        self.states = list(states)
        self.asked: list[str] = []

    async def fetch_small_file(self, url: str) -> bytes:
        self.asked.append(url)
        return self.states[0][1 if url.split("?")[0].endswith(MANIFEST) else 2]

    async def fetch_list(self, url: str, *, anew: bool) -> Path:
        self.asked.append(f"{url} anew" if anew else url)
        if len(self.states) > 1:
            self.states.pop(0)
        path = self.folder / "fetched"
        path.write_bytes(self.states[0][0])
        return path


def state(content: bytes, serial: int, signer: Signer = SIGNER) -> tuple[bytes, bytes, bytes]:
    return content, *signer.proof(content, FEED, serial)


ADDRESS = "https://lists.example/worst.txt?token=secret"


async def fetched(
    context: Context, server: Server, *, signer: Signer | None = SIGNER
) -> tuple[bytes, object]:
    feed = replace(
        find_feed(policies(context), FEED),
        source=ADDRESS,
        signature=None if signer is None else Signature(signer.public_key),
    )
    with ExitStack() as opened:
        found = await Verifier(context, feed).fetched(ADDRESS, server, opened)
        return found.file.read_bytes(), found.record


async def test_the_manifest_is_fetched_before_the_list(signed: Installation, tmp_path: Path) -> None:
    server = Server(tmp_path, state(OLD, 5))
    async with signed.open() as context:
        content, record = await fetched(context, server)
    assert content == OLD
    assert server.asked == [
        "https://lists.example/worst.txt.sha256?token=secret",
        "https://lists.example/worst.txt.sha256.minisig?token=secret",
        ADDRESS,
    ]
    assert "secret" not in repr(record)


async def test_a_list_that_is_replaced_between_its_manifest_and_itself_is_fetched_once_more(
    signed: Installation, tmp_path: Path
) -> None:
    async with signed.open() as context:
        server = Server(tmp_path, state(OLD, 5), state(NEW, 6))
        content, _ = await fetched(context, server)
        assert content == NEW
        assert server.asked[-1] == f"{ADDRESS} anew"
        never = Server(tmp_path, *(state(b"%d.example\n" % number, number) for number in range(5, 9)))
        with pytest.raises(UnprovenError, match=r"lists\.example is not the one that was signed"):
            await fetched(context, never)
        assert len(never.asked) == 6


async def test_what_a_server_may_not_do(signed: Installation, tmp_path: Path) -> None:
    async with signed.open() as context:
        await read(context)
        with pytest.raises(RolledBackError, match="old list"):
            await fetched(context, Server(tmp_path, state(OLD, 4)))
        with pytest.raises(UnprovenError, match="not by the key"):
            await fetched(context, Server(tmp_path, state(NEW, 6, OTHER)))
        server = Server(tmp_path, state(NEW, 6))
        with pytest.raises(UnprovenError, match="only with a signature"):
            await fetched(context, server, signer=None)
        assert server.asked == [], "nothing is even fetched"


def mutated(chance: random.Random, content: bytes) -> bytes:
    """The content with up to four changes: bytes replaced, taken out, put in or moved to the end."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(made) + 1)
        end = min(len(made), start + chance.randint(0, 6))
        made[start:end] = chance.randbytes(chance.randint(0, 4)) or made[:3]
    return bytes(made)


@pytest.mark.ring("night")
async def test_no_mutated_triple_gives_another_list(signed: Installation, tmp_path: Path) -> None:
    """Lists, manifests and signatures of two deliveries and of another signer, mixed and altered."""
    chance = random.Random(20261126)
    whole = [state(OLD, 5), state(NEW, 6), state(b"innocent.example\n", 7, OTHER)]
    taken, refused = 0, 0
    async with signed.open() as context:
        await read(context)
        for _ in range(600):
            triple = [chance.choice(whole)[part] for part in range(3)]
            if chance.random() < 0.9:
                part = chance.randrange(3)
                triple[part] = mutated(chance, triple[part])
            server = Server(tmp_path, (triple[0], triple[1], triple[2]))
            try:
                content, _ = await fetched(context, server)
            except UnprovenError:
                refused += 1
                continue
            taken += 1
            assert content in (OLD, NEW)
            assert triple[1] in {each[1] for each in whole[:2]}
    assert taken > 0
    assert refused > 500


async def test_a_remote_source_that_nobody_fetches_is_an_error_of_its_feed(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        feed = replace(find_feed(policies(context), FEED), source=ADDRESS)
        with ExitStack() as opened, pytest.raises(UnreadableError, match=r"lists\.example") as caught:
            await Verifier(context, feed).placed(Path(ADDRESS), opened)
        assert isinstance(caught.value, SourceError)
        assert "secret" not in str(caught.value)
