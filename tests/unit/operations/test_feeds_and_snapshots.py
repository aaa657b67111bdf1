"""A list goes from its file into a version and on into a snapshot; what is wrong leaves the last good."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from typing import Any

import pytest

from filterd.cli import output
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.disk.locks import take_lock
from filterd.model.mandatory import label_of
from filterd.model.order import Order
from filterd.model.records import VersionState
from filterd.model.rule import Scope
from filterd.operations import audit, compiler_process, snapshots
from filterd.operations import compile as compiling
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import listing, look, rule_files, updating
from filterd.operations.feeds.rule_files import rule_file
from filterd.operations.keys import load_key
from filterd.operations.orders import ending, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.snapshot import Snapshot, contains
from tests.worlds.installation import Installation, as_person

REQUEST = OrderRequest(
    "SAT", "A. Official", "D-1", "LIVA 18-H", "order", (("ordered.example", Scope.SUBTREE),)
)


def holds(context: Context, snapshot: Snapshot, name: str) -> bool:
    return contains(snapshot, fingerprint_name(load_key(context.settings, FINGERPRINT_KEY), name))


def current(context: Context) -> Snapshot:
    path = snapshots.current_file(context.settings.state_dir / "snapshots")
    assert path is not None
    return Snapshot.open(path, load_key(context.settings, FINGERPRINT_KEY))


async def accepted(context: Context, request: OrderRequest = REQUEST) -> Order:
    order = await taking.add(context, request)
    return await taking.approve(as_person(context, "bob"), order.reference)


async def test_an_update_reads_every_list_once(installation: Installation) -> None:
    async with installation.open() as context:
        first = await updating.update(context)
        second = await updating.update(context)
        statuses = await listing.list_feeds(context)
    assert [each.outcome for each in first] == ["updated"] * 3
    assert [each.outcome for each in second] == ["unchanged"] * 3
    assert [(each.feed.id, each.version and each.version.names) for each in statuses] == [
        ("adult-starter", 3),
        ("gambling-starter", 2),
        ("worst-of", 1),
    ]


async def test_a_version_is_kept_in_canonical_text(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context, ["gambling-starter"])
    text = rule_file(installation.settings.state_dir, "gambling-starter", 1).read_bytes()
    assert text == b"bets.example\ncasino.example\n"


async def test_a_compressed_list_with_bad_lines_is_read_and_the_lines_are_reported(
    installation: Installation,
) -> None:
    packed = gzip.compress(b"adult.example\nnot a name!\nblue.example\nred.example\ncom\n")
    (installation.base / "policies/lists/adult.txt").write_bytes(packed)
    async with installation.open() as context:
        (done,) = await updating.update(context, ["adult-starter"])
    assert done.version is not None
    assert (done.version.names, done.version.skipped) == (3, 2)
    assert [skipped.line for skipped in done.report.kept] == [2, 5]


async def test_a_version_out_of_bounds_is_held_back_and_the_last_good_one_stays(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await updating.update(context)
        installation.write_policy("lists/adult.txt", "adult.example\n")
        for _ in range(2):
            (done,) = await updating.update(context, ["adult-starter"])
            assert done.outcome == "quarantined"
            assert "max_shrink" in done.problem
        status = await listing.show(context, "adult-starter")
        assert status.quarantined
        assert status.version is not None
        assert status.version.names == 3
        assert [v.state for v in await listing.versions(context, "adult-starter")] == [
            VersionState.QUARANTINED,
            VersionState.CURRENT,
        ]
        await snapshots.build(context)
        assert holds(context, current(context), "blue.example")
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
        (done,) = await updating.update(context, ["adult-starter"])
        assert done.outcome == "updated"
        assert not (await listing.show(context, "adult-starter")).quarantined


async def test_a_list_that_cannot_be_read_is_an_error_of_that_list_alone(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        (installation.base / "policies/lists/adult.txt").write_bytes(b"\x1f\x8b broken")
        outcomes = [each.outcome for each in await updating.update(context)]
        status = await listing.show(context, "adult-starter")
    assert outcomes == ["failed", "unchanged", "unchanged"]
    assert status.version is not None
    assert status.check is not None
    assert "damaged" in status.check.error
    assert status.check.succeeded_at == installation.now


async def test_an_unknown_feed_is_named_beside_those_that_exist(installation: Installation) -> None:
    async with installation.open() as context:
        with pytest.raises(OperationError) as caught:
            await updating.update(context, ["nope"])
    assert "adult-starter" in caught.value.remedy


async def test_a_file_can_be_parsed_without_loading_it(installation: Installation) -> None:
    path = installation.base / "policies/lists/gambling.txt"
    rules, report = look.parse_file(path, "wildcard")
    assert [(rule.name, rule.scope.word) for rule in rules] == [
        ("bets.example", "subtree"),
        ("casino.example", "subtree"),
    ]
    assert report.count == 0
    with pytest.raises(OperationError, match="unknown format"):
        look.parse_file(path, "csv")


async def test_a_snapshot_holds_lists_documents_and_orders_of_one_revision(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await updating.update(context)
        order = await accepted(context)
        record = await snapshots.build(context)
        snapshot = current(context)
        view = snapshots.verify(context)
    assert snapshot.built_at_revision == record.revision
    assert record.file == f"{record.revision}-{record.digest[:12]}.snapshot"
    for name in ("adult.example", "worst.example", "chat.example", "ordered.example", "co.uk", "localhost"):
        assert holds(context, snapshot, name), name
    assert set(snapshot.meta["profiles"]) == {"child", "teen"}
    assert {each["reference"] for each in snapshot.meta["mandates"]} == {"worst-of", order.reference}
    assert view.record == record
    by_id = {each["id"]: each for each in view.lists}
    assert by_id["worst-of"]["confidential"]
    assert by_id["worst-of"]["title"] == ""
    assert by_id["adult-starter"]["names"] == 3
    assert b"worst.example" not in (context.settings.state_dir / "snapshots" / record.file).read_bytes()


async def test_a_build_tells_how_many_rules_were_taken_of_which_list(installation: Installation) -> None:
    told: list[tuple[str, int, int]] = []
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context, progress=lambda *what: told.append((what[0], what[1], what[2])))
    assert told[:3] == [
        ("adult-starter: 3 rules", 3, 6),
        ("gambling-starter: 5 rules", 5, 6),
        ("worst-of: 6 rules", 6, 6),
    ]
    assert {total for _, _, total in told} == {6}
    assert max(done for _, done, _ in told) == 6, "the lists that are no feeds are beyond the bar's end"


@pytest.mark.ring("night")
async def test_withdrawn_orders_are_left_out_and_those_that_ended_are_not(installation: Installation) -> None:
    """True if one has ended is the active set's to say: a clock that was wrong for a while opens nothing."""
    async with installation.open() as context:
        await updating.update(context)
        gone = await accepted(context)
        await ending.withdraw(context, gone.reference, reason="court")
        short = replace(
            REQUEST, entries=(("ends.example", Scope.EXACT),), not_after=int(installation.now) + 60
        )
        await accepted(context, short)
        installation.now += 61
        await snapshots.build(context)
        assert not holds(context, current(context), "ordered.example")
        assert holds(context, current(context), "ends.example"), "the clock that built it may be ahead"
        installation.now += 366 * 86400
        await snapshots.build(context)
        assert holds(context, current(context), "ends.example"), "by whatever time"


@pytest.mark.ring("night")
async def test_a_snapshot_claims_no_earlier_time_than_the_one_before_unless_somebody_says_so(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await updating.update(context)
        first = await snapshots.build(context)
        installation.now = 1000
        assert (await snapshots.build(context)).built_at == first.built_at
        assert (await snapshots.build(context, clock_is_right=True)).built_at == 1000


async def test_a_time_in_a_damaged_snapshot_is_not_taken_over(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        record = await snapshots.build(context)
        path = context.settings.state_dir / "snapshots" / record.file
        content = bytearray(path.read_bytes())
        at = content.index(int(record.built_at).to_bytes(8, "little"))
        content[at + 5] ^= 1
        path.write_bytes(content)
        assert snapshots.made_at(path) > record.built_at
        assert (await snapshots.build(context)).built_at == record.built_at


@pytest.mark.ring("night")
async def test_each_build_is_newer_than_the_one_before_and_few_files_are_kept(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await updating.update(context)
        records = [await snapshots.build(context) for _ in range(snapshots.KEPT_FILES + 1)]
        history = await snapshots.history(context)
    revisions = [record.revision for record in records]
    assert revisions == sorted(set(revisions))
    assert [record.file for record in history] == [record.file for record in reversed(records)]
    kept = list((context.settings.state_dir / "snapshots").glob("*.snapshot"))
    assert len(kept) == snapshots.KEPT_FILES


async def test_without_a_mandatory_list_nothing_is_built(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context, ["adult-starter"])
        with pytest.raises(OperationError, match=label_of("worst-of", confidential=True)) as caught:
            await snapshots.build(context)
    assert "feed update" in caught.value.remedy


@pytest.mark.ring("night")
async def test_an_altered_list_stops_the_build_and_the_last_snapshot_stays(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await updating.update(context)
        before = await snapshots.build(context)
        path = rule_file(context.settings.state_dir, "worst-of", 1)
        for altered in (b"other.example\n", b"zz.example\nsecret.example\n"):
            path.write_bytes(altered)
            with pytest.raises(OperationError) as caught:
                await snapshots.build(context)
            assert label_of("worst-of", confidential=True) in str(caught.value)
            assert "example" not in str(caught.value)
        path.unlink()
        with pytest.raises(OperationError, match="no such file") as caught:
            await snapshots.build(context)
        assert "worst-of" not in str(caught.value), "a path would tell the id of a confidential list"
        assert snapshots.show(context).record == before
        await updating.update(context)
        await snapshots.build(context)


async def test_a_damaged_snapshot_is_reported(installation: Installation) -> None:
    async with installation.open() as context:
        with pytest.raises(OperationError, match="no snapshot"):
            snapshots.show(context)
        await updating.update(context)
        record = await snapshots.build(context)
        path = context.settings.state_dir / "snapshots" / record.file
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(OperationError, match="checksum"):
            snapshots.verify(context)


async def test_the_trail_knows_of_versions_and_snapshots_and_of_no_confidential_name(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        entries = await audit.tail(context, 100)
        assert (await audit.verify(context)).holds
    assert [each.entry.action for each in entries] == [
        *("feed.update", "feed.adopt") * 3,
        *("profile.meaning",) * 2,
        "snapshot.build",
    ]
    assert "worst.example" not in json.dumps([each.entry.after for each in entries])


async def test_nothing_that_is_kept_or_shown_of_a_confidential_list_quotes_or_confirms_it(
    installation: Installation,
) -> None:
    content = b"worst.example\nhttps://secret.example/page\n"
    (installation.base / "policies/lists/worst.txt").write_bytes(content)
    async with installation.open() as context:
        (done,) = await updating.update(context, ["worst-of"])
        shown = output.plain((done, await listing.show(context, "worst-of")))
        stored = installation.database.read_bytes()
    assert [(each.line, each.text) for each in done.report.kept] == [(2, "")]
    assert "secret" not in json.dumps(shown)
    for plain in (content, b"worst.example\n"):
        digest = hashlib.sha256(plain).hexdigest()
        assert digest not in json.dumps(shown)
        assert digest.encode() not in stored


async def test_a_feed_may_be_called_like_a_service(installation: Installation) -> None:
    feeds_yaml = (installation.base / "policies/feeds.yaml").read_text()
    installation.write_policy("feeds.yaml", feeds_yaml.replace("adult-starter", "chat"))
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        assert holds(context, current(context), "blue.example")


async def test_two_processes_that_read_a_feed_at_once_leave_one_whole_version_each(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await updating.update(context, ["adult-starter"])
        directory = rule_file(installation.settings.state_dir, "adult-starter", 1).parent
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
        with rule_files.writing(installation.settings.state_dir):
            (directory / "1.new").write_bytes(b"half of what another process writ")
            await updating.update(context, ["adult-starter"])
    assert (directory / "2.rules").read_bytes() == b"adult.example\nblue.example\nnew.example\n"
    left = {path.name for path in directory.iterdir()}
    assert left == {"1.new", "1.rules", "2.rules", ".read_from"}


async def test_drafts_of_killed_processes_are_removed_by_the_next_one(installation: Installation) -> None:
    state = installation.settings.state_dir
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        lists, made = state / "feeds" / "adult-starter", state / "snapshots"
        left = [lists / "17.new", lists / ".17.new.new", made / ".17.draft", made / "..17.draft.new"]
        for path in left:
            path.write_bytes(b"half")
        await updating.update(context, ["adult-starter"])
        await snapshots.build(context)
    assert not [path for path in left if path.exists()]
    assert snapshots.current_file(made) in list(made.iterdir())


async def test_a_full_disk_is_free_again_with_the_next_build(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft that took the last room is gone before the next one is begun."""
    made = installation.settings.state_dir / "snapshots"
    left = made / ".17.draft"
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        left.write_bytes(b"whatever room there was")
        compile_ = compiler_process.compile_job

        async def compiles(*job: Any) -> dict[str, Any]:
            assert not left.exists()
            return await compile_(*job)

        monkeypatch.setattr(compiler_process, "compile_job", compiles)
        await snapshots.build(context)


async def test_what_another_process_writes_just_now_is_no_left_over_draft(installation: Installation) -> None:
    state = installation.settings.state_dir
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
    draft, version = state / "snapshots" / ".17.draft", state / "feeds" / "adult-starter" / "17.new"
    for path in (draft, version):
        path.write_bytes(b"half")
    with take_lock(state / "snapshots" / ".lock", 0.0), rule_files.writing(state):
        version.write_bytes(b"half")
        snapshots.drop_snapshot_drafts(state)
        rule_files.drop_version_drafts(state)
        assert draft.exists()
        assert version.exists()
    snapshots.drop_snapshot_drafts(state)
    rule_files.drop_version_drafts(state)
    assert not draft.exists()
    assert not version.exists()


async def test_a_compile_that_fails_unforeseen_does_not_quote(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*_job: object) -> dict[str, object]:
        raise ValueError("secret.example")

    monkeypatch.setattr(compiling, "run", run)
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"{}")))
    for of_this_process in ("end_with_parent", "give_way", "forbid_dumps"):
        monkeypatch.setattr(compiling, of_this_process, lambda: None)
    assert compiling.main() == 1
    said = capsys.readouterr()
    assert "ValueError at test_feeds_and_snapshots.py" in said.err or "ValueError at" in said.err
    assert "secret" not in said.err + said.out


async def test_a_build_says_what_is_wrong_with_a_key(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        load_key(context.settings, FINGERPRINT_KEY)
        FINGERPRINT_KEY.path(context.settings.state_dir).write_bytes(b"short")
        with pytest.raises(OperationError, match="has 5 bytes, not 16"):
            await snapshots.build(context)
