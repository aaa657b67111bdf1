"""Store, ledger, trail, snapshot, feeds and nodes, each damaged or left behind for real."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.notice_settings import WebhookSettings
from filterd.config.value_types import Seconds
from filterd.model.order_times import EffectKind, NodeArrival, OrderEffect, ProbeState
from filterd.model.records import OTHER_HISTORY, CanaryResult, CanaryState, FeedFetch, NodeReport
from filterd.operations import exceptions, snapshots, subscribers, suspension
from filterd.operations import nodes as node_operations
from filterd.operations.backup import backup
from filterd.operations.doctor import (
    clock,
    feeds,
    liftings,
    nodes,
    notices,
    reading,
    snapshot,
    store,
    trail,
)
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.examine import Check
from filterd.operations.doctor.finding import Finding
from filterd.operations.doctor.processes import Process
from filterd.operations.feeds import holding, updating
from filterd.operations.orders import ending, taking
from filterd.policy import snapshot_layout
from filterd.store import endings, fetches, order_times
from filterd.store import notices as notice_rows
from filterd.store.errors import StoreUnwritableError
from filterd.store.ledger import ORIGIN, Ledger, Serial
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.backups import EVIDENCE
from tests.worlds.findings import ids, values
from tests.worlds.installation import NOW, POLICIES, Installation
from tests.worlds.signers import Signer

CHECKS = (store.check, trail.check, snapshot.check, liftings.check, nodes.check)


def change(case: Case, *statements: str) -> None:
    """Change the store by hand."""
    with closing(sqlite3.connect(case.store)) as raw:
        for each in statements:
            raw.execute(each)
        raw.commit()


def files(case: Case) -> dict[str, tuple[int, int]]:
    """Every file below the installation, with its time and size."""
    found = case.store.parent.rglob("*")
    return {str(each): (each.stat().st_mtime_ns, each.stat().st_size) for each in found}


@pytest.mark.ring("merge")
async def test_a_sound_store_has_no_findings_and_stays_as_it_is(built: Case) -> None:
    before = files(built)
    for check in CHECKS:
        assert ids(look(check, built)) == []
    assert files(built) == before


def look(check: Check, case: Case) -> list[Finding]:
    """The findings of a check on a thread of its own, as the doctor runs it: beside the loop of the test."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: list(check(case))).result()


async def test_a_store_in_use_is_read_through_its_log(built: Case, installation: Installation) -> None:
    async with installation.open("ana") as context:
        await taking.add(context, REQUEST)
        assert reading.read_only_url(built.store).endswith("?mode=ro&readonly_shm=1&uri=true")
        assert ids(look(nodes.check, built)) == ["nodes.orders_pending"]


async def test_the_index_of_a_log_in_use_is_opened_to_be_read_alone(
    built: Case, installation: Installation
) -> None:
    program = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], uri=True)
rows = connection.execute("SELECT count(*) FROM orders").fetchone()[0]
opened = {os.readlink(f"/proc/self/fd/{each}"): each for each in os.listdir("/proc/self/fd") if int(each) > 2
          and os.path.exists(f"/proc/self/fd/{each}")}
(index,) = [opened[each] for each in opened if each.endswith("-shm")]
flags = open(f"/proc/self/fdinfo/{index}").read().split("flags:")[1].split()[0]
print(rows, int(flags, 8) & os.O_ACCMODE == os.O_RDONLY)
"""
    async with installation.open("ana") as context:
        await taking.add(context, REQUEST)
        url = reading.read_only_url(built.store).removeprefix("sqlite+aiosqlite:///")
        done = subprocess.run(
            [sys.executable, "-c", program, url], capture_output=True, text=True, check=True
        )
    assert done.stdout.split() == ["1", "True"]


async def test_writing_is_refused(built: Case) -> None:
    async with reading.opened(built) as context:
        with pytest.raises(StoreUnwritableError):
            context.store.write("ana", NOW)
        with pytest.raises(StoreUnwritableError):
            context.store.report()


def test_a_store_that_is_not_there(case: Case) -> None:
    case.store.unlink()
    assert ids(store.check(case)) == ["store.missing"]
    case.store.touch()
    assert ids(store.check(case)) == ["store.missing"]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE alembic_version SET version_num = '0003'", "store.older"),
        ("UPDATE alembic_version SET version_num = '9999'", "store.newer"),
    ],
)
def test_another_schema(case: Case, statement: str, told: str) -> None:
    change(case, statement)
    assert ids(store.check(case)) == [told]


def test_a_file_that_is_no_store(case: Case) -> None:
    case.store.write_bytes(b"no database" * 1000)
    assert ids(store.check(case)) == ["store.damaged"]


def test_pages_that_do_not_fit_together(case: Case) -> None:
    with case.store.open("r+b") as file:
        file.seek(4096 * 5)
        file.write(os.urandom(4096 * 3))
    assert ids(store.check(case)) == ["store.damaged"]


def test_a_log_without_its_index_is_left_alone(case: Case) -> None:
    case.store.with_name(f"{case.store.name}-wal").write_bytes(b"changes")
    assert ids(store.check(case)) == ["store.not_read"]
    assert not case.store.with_name(f"{case.store.name}-shm").exists()


def test_a_check_that_takes_too_long(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(store, "STEPS", 1)
    assert ids(store.check(case)) == ["store.unchecked"]


async def test_a_log_that_grows(
    built: Case, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LARGEST_LOG", 1000)
    async with installation.open("ana") as context:
        await taking.add(context, REQUEST)
        assert ids(look(store.check, built)) == ["store.large_log"]


async def test_an_old_copy_of_the_store(built: Case, installation: Installation, tmp_path: Path) -> None:
    shutil.copy(built.store, tmp_path / "old")
    async with installation.open("ana") as context:
        await taking.add(context, REQUEST)
    shutil.copy(tmp_path / "old", built.store)
    assert ids(look(trail.check, built)) == ["trail.rolled_back"]


async def test_another_store(built: Case) -> None:
    change(built, "UPDATE change SET hash = 'another'", "UPDATE log_floor SET hash = 'another'")
    assert "trail.other_history" in ids(look(trail.check, built))


async def test_the_serials_of_signed_lists(built: Case) -> None:
    ledger = Ledger(built.settings.store.ledger)
    ledger.raise_serials({"worst-of": Serial(1, "a")})
    assert ids(look(trail.check, built)) == []
    (ledger.directory / "serials").write_bytes(b"x\n")
    assert ids(look(trail.check, built)) == ["trail.serials_damaged"]


def test_a_damaged_origin_of_the_ledger(built: Case) -> None:
    ledger = Ledger(built.settings.store.ledger)
    right, path = ledger.origin(), ledger.directory / ORIGIN
    assert right
    path.write_bytes(path.read_bytes().replace(b"\n", b"x", 1))
    assert ids(look(trail.check, built)) == ["trail.origin_damaged"]
    ledger.note_origin(right)
    assert ledger.origin() == right
    assert ids(look(trail.check, built)) == ["trail.origin_made_anew"]


async def test_the_ledger(built: Case) -> None:
    ledger = Ledger(built.settings.store.ledger)
    ledger.begin_restore()
    assert ids(look(trail.check, built)) == ["trail.restoring"]
    ledger.end_restore()
    (ledger.directory / "head").write_bytes(b"x" * 1024)
    assert ids(look(trail.check, built)) == ["trail.ledger_damaged"]
    (ledger.directory / "head").unlink()
    assert ids(look(trail.check, built)) == ["trail.no_ledger"]


async def test_a_restore_that_lost_endings_is_told_until_it_is_settled(
    built: Case, installation: Installation
) -> None:
    async with installation.open(approvals=1) as context:
        for lost in (True, False):
            async with context.store.write("ana", NOW) as write:
                after = {endings.LOST: lost}
                write.audit(endings.RESTORE, endings.RESTORED, before={"revision": 7}, after=after)
            findings = [each for each in look(trail.check, built) if each.id == "trail.endings_lost"]
            assert [each.values["backup"] for each in findings] == [7] * lost


async def test_endings_that_the_ledger_lost(built: Case, installation: Installation, tmp_path: Path) -> None:
    async with installation.open(approvals=1) as context:
        await taking.add(context, REQUEST)
        await ending.withdraw(context, "O-1", reason="lifted")
        assert ids(look(trail.check, built)) == []
        (built.settings.store.ledger / "ended").unlink()
        assert ids(look(trail.check, built)) == ["trail.endings_damaged"]
        await taking.add(context, REQUEST)
        assert ids(look(trail.check, built)) == ["trail.endings_missing"]
        await backup(context, tmp_path / "backup")
    assert ids(look(trail.check, built)) == [], "this backup needs none of them"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE sequence = 2",
        "DELETE FROM audit WHERE sequence = 2",
        "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
    ],
)
async def test_a_trail_that_was_altered(built: Case, statement: str) -> None:
    change(built, statement)
    assert "trail.broken" in ids(look(trail.check, built))


async def test_rows_that_are_not_what_was_decided(built: Case, installation: Installation) -> None:
    async with installation.open("ana", approvals=1) as context:
        await taking.add(context, REQUEST)
    change(built, "UPDATE order_name SET name = 'elsewhere.example' WHERE name LIKE 'bad%'")
    found = look(trail.check, built)
    assert values(found, "trail.rows") == {"orders": 1, "feeds": 0}
    assert "example" not in json.dumps([dict(each.values) for each in found])


async def test_a_clock_behind_the_trail(built: Case, installation: Installation) -> None:
    installation.now -= 7200.0
    assert values(look(trail.check, built), "clock.behind_trail") == {"seconds": 7200}
    assert ids(clock.check(built)) == ["clock.behind"]


def test_no_snapshot(case: Case) -> None:
    assert ids(snapshot.check(case)) == ["snapshot.none"]


async def test_a_snapshot_that_is_damaged_or_gone(built: Case) -> None:
    directory = built.state / snapshot_layout.DIRECTORY
    path = next(directory.glob("*.snapshot"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert ids(look(snapshot.check, built)) == ["snapshot.damaged"]
    path.unlink()
    assert ids(look(snapshot.check, built)) == ["snapshot.file_missing"]
    (directory / snapshot_layout.CURRENT).write_text("nonsense")
    assert ids(look(snapshot.check, built)) == ["snapshot.pointer"]


async def test_a_snapshot_that_takes_long_to_check(built: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "VERIFY_SECONDS", -1.0)
    assert ids(look(snapshot.check, built)) == ["snapshot.unchecked"]


async def test_a_snapshot_of_another_store(built: Case) -> None:
    change(built, "UPDATE head SET revision = 0")
    assert ids(look(snapshot.check, built)) == ["snapshot.other_history"]


async def test_a_profile_that_was_cut_off_is_kept(built: Case, installation: Installation) -> None:
    whole = POLICIES["profiles/child.yaml"]
    async with installation.open("ana") as context:
        await subscribers.add(context, "home")
        await subscribers.opt_in(context, "home", "child", EVIDENCE)
        await snapshots.build(context)
        installation.write_policy("profiles/child.yaml", whole[: whole.index("services:")])
        await snapshots.build(context)
    assert values(look(snapshot.check, built), "snapshot.profile_kept")["profile"] == "child"


async def test_a_category_of_which_no_list_was_read(case: Case, installation: Installation) -> None:
    (installation.base / "policies/lists/adult.txt").unlink()
    async with installation.open("ana") as context:
        await updating.update(context)
        await snapshots.build(context)
    told = values(look(snapshot.check, case), "snapshot.category_unread")
    assert told == {"category": "adult", "profiles": "child, teen"}


async def test_a_profile_that_waits_for_the_first_list_of_a_category(
    built: Case, installation: Installation
) -> None:
    new = "- {id: war, title: {es: Guerra, en: War}, description: {es: Guerra, en: War}}\n"
    installation.write_policy("categories.yaml", POLICIES["categories.yaml"] + new)
    feed = "- {id: war, source: lists/war.txt, format: domains, category: war}\n"
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"] + feed)
    profile = POLICIES["profiles/teen.yaml"].replace("[adult]", "[adult, war]")
    installation.write_policy("profiles/teen.yaml", profile)
    async with installation.open("ana") as context:
        await updating.update(context)
        await snapshots.build(context)
    assert values(look(snapshot.check, built), "snapshot.category_waits")["categories"] == "war"


async def test_a_list_that_no_snapshot_has(built: Case, installation: Installation) -> None:
    installation.write_policy("lists/adult.txt", "other.example\nblue.example\nred.example\n")
    async with installation.open("ana") as context:
        await updating.update(context)
    assert ids(look(snapshot.check, built)) == []  # control has some time for it
    installation.now += 3600.0
    assert values(look(snapshot.check, built), "snapshot.behind")["lists"] == 1


def feeds_of(case: Case) -> set[str]:
    """The ids of what is wrong with feeds, but that the made-up names of the tests are protected."""
    return set(ids(look(feeds.check, case))) - {"feeds.example_portal"}


async def test_feeds_that_were_never_read(case: Case) -> None:
    assert feeds_of(case) == {"feeds.unread", "feeds.mandatory_unread"}


async def test_feeds_that_are_fine_and_then_stale(built: Case, installation: Installation) -> None:
    assert feeds_of(built) == set()
    assert ids(look(feeds.check, built)) == ["feeds.example_portal"]
    service = replace(built.settings.service, public_url="https://filtro.operator.example")
    named = replace(built, settings=replace(built.settings, service=service))
    assert ids(look(feeds.check, named)) == [], "the portal is protected by its public URL"
    installation.now += 6 * 86400.0
    assert feeds_of(built) == set()
    installation.now += 2 * 86400.0
    assert feeds_of(built) == {"feeds.stale"}


async def test_a_feed_whose_servers_have_no_list(built: Case, installation: Installation) -> None:
    source = "source: 'https://lists.example/names.txt'"
    text = (built.settings.policies / "feeds.yaml").read_text()
    installation.write_policy("feeds.yaml", text.replace("source: lists/adult.txt", source))
    gone = FeedFetch("adult-starter", installation.now, failures=("lists.example: gone",))
    async with installation.open("ana") as context, context.store.report() as connection:
        await fetches.record(connection, [replace(gone, gone_since=installation.now)])
    assert "feeds.gone" not in feeds_of(built)
    installation.now += 2 * 86400.0
    assert values(look(feeds.check, built), "feeds.gone")["hours"] == 48


async def test_feeds_that_cannot_be_read_or_shrank(built: Case, installation: Installation) -> None:
    (built.settings.policies / "lists/gambling.txt").unlink()
    installation.write_policy("lists/adult.txt", "adult.example\n")
    async with installation.open("ana") as context:
        await updating.update(context)
    assert feeds_of(built) == {"feeds.failing", "feeds.quarantined"}


TYPO = "{title: {es: T, en: T}, description: {es: T, en: T}, audience: {es: T, en: T}, categories: [adlt]}"


@pytest.mark.parametrize(("file", "text"), [("profiles/typo.yaml", TYPO), ("feeds.yaml", "- {")])
async def test_no_entry_vanished_while_the_policies_cannot_be_read(
    built: Case, installation: Installation, file: str, text: str
) -> None:
    installation.write_policy(file, text)
    assert "feeds.orphaned" not in ids(look(feeds.check, built))


async def test_popular_names_that_are_held_back(built: Case, installation: Installation) -> None:
    installation.write_policy("popular.txt", "new.example\n")
    installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nred.example\nnew.example\n")
    async with installation.open("ana") as context:
        await updating.update(context)
    assert feeds_of(built) == {"feeds.names_held"}
    assert values(look(feeds.check, built), "feeds.names_held")["names"] == 1


async def test_a_feed_that_is_held(built: Case, installation: Installation) -> None:
    installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nred.example\ngreen.example\n")
    async with installation.open("ana") as context:
        await updating.update(context)
        await holding.hold(context, "adult-starter", reason="wrong")
    assert feeds_of(built) == {"feeds.held"}
    assert values(look(feeds.check, built), "feeds.held")["who"] == "ana"


async def test_what_a_person_took_off_every_line(case: Case, installation: Installation) -> None:
    async with installation.open("ana") as context:
        await suspension.suspend(context, 3600, reason="wrong")
        await exceptions.add(context, "a.example", 7200, reason="wrong")
    found = look(liftings.check, case)
    assert ids(found) == ["liftings.suspended", "liftings.exceptions"]
    assert values(found, "liftings.suspended") == {"until": "2027-01-15T09:00:00Z", "who": "ana"}
    installation.now += 3600
    assert ids(look(liftings.check, case)) == ["liftings.exceptions"]


async def test_a_feed_without_its_entry(built: Case, installation: Installation) -> None:
    text = (built.settings.policies / "feeds.yaml").read_text()
    installation.write_policy("feeds.yaml", text.partition("- {id: gambling")[0])
    found = look(feeds.check, built)
    told = {str(each.values["feed"]) for each in found if each.id == "feeds.orphaned"}
    assert "gambling-starter" in told
    assert "worst-of" not in told  # a confidential list stands under an opaque id
    assert any(each.startswith("confidential-") for each in told)


async def test_a_mandatory_feed_with_another_key(built: Case, installation: Installation) -> None:
    signer, other = Signer.new(), Signer.new()
    text = (built.settings.policies / "feeds.yaml").read_text()
    plain = "source: lists/worst.txt"
    signed = f"{plain}\n  signature: {{public_key: %s}}"
    signer.place(built.settings.policies / "lists/worst.txt", b"worst.example\n", "worst-of", 1)
    installation.write_policy("feeds.yaml", text.replace(plain, signed % signer.public_key))
    async with installation.open("ana") as context:
        await updating.update(context)
    assert feeds_of(built) == set()
    installation.write_policy("feeds.yaml", text.replace(plain, signed % other.public_key))
    assert feeds_of(built) == {"feeds.rekeyed"}


async def test_a_list_without_names_and_starter_lists(built: Case, installation: Installation) -> None:
    installation.write_policy("lists/none.txt", "# nothing yet\n")
    entry = "{id: starter-x, source: lists/none.txt, format: domains, category: adult, guard: {min_names: 0}}"
    before = (built.settings.policies / "feeds.yaml").read_text()
    installation.write_policy("feeds.yaml", f"{before}- {entry}\n")
    async with installation.open("ana") as context:
        await updating.update(context)
    assert feeds_of(built) == {"feeds.empty", "feeds.starter"}


REPORT = NodeReport("resolver-1", NOW, 0, 0, "", ready=True, lists={})


def canary_in(state: CanaryState) -> CanaryResult:
    return CanaryResult("police", "police.canary.example", state, "no answer", NOW, 0.0)


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (REPORT, []),
        (replace(REPORT, seen_at=NOW - 600), ["nodes.silent"]),
        (replace(REPORT, ready=False, missing=("no snapshot",)), ["nodes.not_ready"]),
        (replace(REPORT, ready=False, missing=(OTHER_HISTORY,)), ["nodes.other_history"]),
        (replace(REPORT, lag=40.0), ["nodes.behind"]),
        (replace(REPORT, not_durable=2), ["nodes.not_durable"]),
        (replace(REPORT, kept_orders=("O-7",)), ["nodes.kept_orders"]),
        (replace(REPORT, snapshot_digest="0" * 64), ["nodes.drifted"]),
        (replace(REPORT, canaries=(canary_in(CanaryState.BLOCKED),)), []),
        (replace(REPORT, canaries=(canary_in(CanaryState.PASSED),)), ["nodes.canary_passes"]),
        (replace(REPORT, canaries=(canary_in(CanaryState.UNJUDGED),)), ["nodes.canary_unjudged"]),
    ],
)
async def test_nodes(case: Case, installation: Installation, report: NodeReport, told: list[str]) -> None:
    async with installation.open("ana") as context:
        await node_operations.record(context, report)
    found = look(nodes.check, case)
    assert ids(found) == told
    assert "O-7" not in json.dumps([dict(each.values) for each in found])


async def test_an_order_that_a_node_lacks_or_has_not_lifted(case: Case, installation: Installation) -> None:
    async with installation.open("ana") as context:
        await node_operations.record(context, REPORT)
        await taking.add(context, REQUEST)
        for number, kind in ((2, "enforce"), (3, "lift")):
            async with context.store.report() as connection:
                effect = OrderEffect(number, 1, EffectKind(kind), NOW - 60, NOW - 60, 0)
                await order_times.add(connection, effect)
    found = look(nodes.check, case)
    assert values(found, "nodes.order_not_everywhere") == {"order": "O-2", "seconds": 60}
    assert values(found, "nodes.order_not_lifted") == {"order": "O-3", "seconds": 60}


async def test_an_order_that_is_seen_otherwise(case: Case, installation: Installation) -> None:
    contrary = NodeArrival(2, 1, "resolver-1", NOW - 59, exact=True, probe=ProbeState.CONTRARY)
    async with installation.open("ana") as context, context.store.report() as connection:
        await order_times.add(
            connection, OrderEffect(2, 1, EffectKind.ENFORCE, NOW - 60, NOW - 60, 0, NOW - 59, 1)
        )
        await order_times.arrived(connection, [contrary])
    assert values(look(nodes.check, case), "nodes.order_contrary") == {"order": "O-2"}


async def test_a_node_with_another_snapshot(built: Case, installation: Installation) -> None:
    digest = snapshot.facts(next((built.state / "snapshots").glob("*.snapshot")))[0].digest.hex()
    async with installation.open("ana") as context:
        await node_operations.record(context, replace(REPORT, snapshot_digest=digest))
        await node_operations.record(context, replace(REPORT, name="other", snapshot_digest="0" * 64))
    found = look(nodes.check, built)
    assert values(found, "nodes.other_snapshot")["node"] == "other"
    assert ids(found) == ["nodes.other_snapshot"]


async def test_both_roles_run_and_no_node_has_reported(case: Case, resolver: Process) -> None:
    running = replace(case, roles={"resolver": resolver, "control": resolver})
    assert ids(look(nodes.check, running)) == ["nodes.none"]


async def test_orders_that_wait_for_people(case: Case, installation: Installation) -> None:
    protected = replace(REQUEST, entries=(("portal.example", REQUEST.entries[0][1]),))
    async with installation.open("ana") as context:
        await subscribers.add(context, "casa-5")
        await taking.add(context, REQUEST)
        await taking.add(context, protected)
    found = look(nodes.check, case)
    assert ids(found) == ["nodes.orders_pending", "nodes.orders_quarantined"]
    assert {each.values["count"] for each in found} == {1}


async def test_notices_that_nobody_took(case: Case, installation: Installation, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    hook = WebhookSettings("crm", "http://127.0.0.1:9/", secret, (), None, Seconds(5))
    noticed = replace(installation.settings.notices, webhooks=(hook,))
    installation.settings = replace(installation.settings, notices=noticed)
    case = replace(case, settings=installation.settings)
    async with installation.open("ana") as context:
        await subscribers.add(context, "home")
        await subscribers.opt_out(context, "home", evidence=EVIDENCE)
        assert ids(look(notices.check, case)) == ["notices.secret"]
        secret.write_text("whsec_" + "A" * 43 + "=\n")
        assert look(notices.check, case) == []
        installation.now += 3601
        assert ids(look(notices.check, case)) == ["notices.waiting"]
        async with context.store.report() as connection:
            await notice_rows.give_up(connection, "crm", "gone", NOW, NOW + 1)
    assert ids(look(notices.check, case)) == ["notices.failed"]


async def test_lines_whose_holders_nobody_tells(
    case: Case, installation: Installation, tmp_path: Path
) -> None:
    assert look(notices.check, case) == []
    async with installation.open() as context:
        await subscribers.add(context, "S-1")
        assert look(notices.check, case) == []
        await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    assert values(look(notices.check, case), "notices.untold")["lines"] == 1
    secret = tmp_path / "hook"
    secret.write_text(f"whsec_{'A' * 32}\n")
    hook = WebhookSettings("crm", "https://crm.operator.example/", secret, (), None, Seconds(5))
    noticed = replace(case.settings.notices, webhooks=(hook,))
    told = replace(case, settings=replace(case.settings, notices=noticed))
    assert "notices.untold" not in ids(look(notices.check, told))
