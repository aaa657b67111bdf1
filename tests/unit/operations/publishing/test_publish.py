"""Lists are published signed, the same list with the same bytes; another installation takes them."""

from __future__ import annotations

import errno
import json
import subprocess
from pathlib import Path

import pytest

from filterd.operations.context import OperationError
from filterd.operations.errors import NotAllowedError, UnusableError
from filterd.operations.feeds import listing, updating
from filterd.operations.publishing import editions, manifests, publish
from tests.worlds.fetched import fetched
from tests.worlds.installation import Installation

FORMS = (
    "plain.example\n||whole.example^\n|https://one.example^\n||*.below.example^\n@@||spared.whole.example^\n"
)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


async def published(installation: Installation, out: Path, *lists: str) -> publish.PublishedList:
    async with installation.open() as context:
        await updating.update(context, lists)
        (done,) = await publish.publish(context, lists, out=out)
        return done


def believed(folder: Path, name: str, signature: str, public_key: str) -> str:
    """The trusted comment that Debian's program believes."""
    command = ["minisign", "-V", "-Q", "-P", public_key, "-m", name, "-x", signature]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.system("minisign")
async def test_the_same_list_has_the_same_bytes_and_minisign_believes_them(
    installation: Installation, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = await published(installation, out, "adult-starter")
    assert first.changed
    before = contents(out / "adult-starter")
    assert before["names.txt"] == b"adult.example\nblue.example\nred.example\n"
    assert b"*.red.example CNAME .\n" in before["list.rpz"]
    installation.now += 86400
    again = await published(installation, out, "adult-starter")
    other = await published(installation, tmp_path / "other", "adult-starter")
    assert (again.changed, again.serial, other.serial) == (False, first.serial, first.serial)
    assert contents(out / "adult-starter") == contents(tmp_path / "other/adult-starter") == before
    said = f"serial:{first.serial} feed:adult-starter"
    folder = out / "adult-starter"
    for name in ("names.txt.sha256", "manifest.json"):
        assert believed(folder, name, f"{name}.minisig", first.public_key) == said
    subprocess.run(["sha256sum", "-c", "names.txt.sha256"], cwd=folder, check=True, capture_output=True)
    assert first.public_key in (out / "minisign.pub").read_text()
    manifest = manifests.read(before["manifest.json"])
    async with installation.open() as context:
        status = await listing.show(context, "adult-starter")
    assert status.version is not None
    assert manifest.body["digest"] == status.version.digest == first.digest
    assert manifest.body["previous"] == ""


async def test_editions_are_a_chain_that_a_lost_store_goes_on_with(
    installation: Installation, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = await published(installation, out, "adult-starter")
    installation.write_policy("lists/adult.txt", "adult.example\nblue.example\ngreen.example\n")
    second = await published(installation, out, "adult-starter")
    assert second.serial > first.serial
    there = editions.standing(out, "adult-starter", second.public_key)
    assert there is not None
    assert there.body["previous"] == first.manifest_digest
    async with installation.open() as context, context.store.write("ana", 0.0) as write:
        await write.connection.exec_driver_sql("DELETE FROM publication")
        write.audit("feed.publish", "feed:adult-starter", after={})
    installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nlast.example\n")
    third = await published(installation, out, "adult-starter")
    assert third.serial > second.serial
    there = editions.standing(out, "adult-starter", second.public_key)
    assert there is not None
    assert there.body["previous"] == second.manifest_digest
    kept = sorted(path.name for path in (out / "_editions").iterdir())
    assert kept == [f"adult-starter-{each.serial}" for each in (second, third)]


def held(installation: Installation, out: Path) -> dict[Path, bytes]:
    """A backup brings back these: every file but those that were published."""
    found = (each for each in installation.base.rglob("*") if each.is_file() and out not in each.parents)
    return {each: each.read_bytes() for each in found}


def put_back(files: dict[Path, bytes]) -> None:
    for path, content in files.items():
        path.write_bytes(content)


@pytest.mark.ring("night")
async def test_no_serial_goes_back_where_the_store_did(installation: Installation, tmp_path: Path) -> None:
    """A store that was put back knows an older edition of just what is in force."""
    out = tmp_path / "out"
    await published(installation, out, "adult-starter")
    old = held(installation, out)
    installation.write_policy("lists/adult.txt", "adult.example\nblue.example\ngreen.example\n")
    second = await published(installation, out, "adult-starter")
    put_back(old)
    third = await published(installation, out, "adult-starter")
    there = editions.standing(out, "adult-starter", third.public_key)
    assert there is not None
    assert (there.serial, there.body["previous"]) == (third.serial, second.manifest_digest)
    assert third.serial > second.serial
    put_back(old)  # again: what stands there is just that, and is taken as it is
    same = await published(installation, out, "adult-starter")
    assert (same.serial, same.manifest_digest, same.changed) == (third.serial, third.manifest_digest, False)
    put_back(old)
    (out / "adult-starter/manifest.json.minisig").unlink()  # as of a key that this store does not know
    last = await published(installation, out, "adult-starter")
    assert last.serial > third.serial


async def test_a_disk_without_room_keeps_no_draft(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "out"
    first = await published(installation, out, "adult-starter")
    installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
    with monkeypatch.context() as patch:
        patch.setattr(editions, "sync_directory", full)
        with pytest.raises(UnusableError, match="No space left"):
            await published(installation, out, "adult-starter")
    assert [path.name for path in (out / "_editions").iterdir()] == [f"adult-starter-{first.serial}"]
    assert (await published(installation, out, "adult-starter")).changed


async def test_a_list_with_all_kinds_of_rules_is_read_back_as_it_was(
    installation: Installation, tmp_path: Path
) -> None:
    installation.write_policy(
        "feeds.yaml", "- {id: own, source: lists/own.txt, format: adblock, category: adult}\n"
    )
    installation.write_policy("lists/own.txt", FORMS)
    done = await published(installation, tmp_path / "out", "own")
    assert done.format == "adblock"
    zone = (tmp_path / "out/own/list.rpz").read_text().splitlines()
    assert {"one.example CNAME .", "*.below.example CNAME .", "spared.whole.example CNAME rpz-passthru."} <= {
        *zone
    }
    assert "*.one.example CNAME ." not in zone
    assert "below.example CNAME ." not in zone


@pytest.mark.ring("merge")
async def test_a_confidential_list_is_refused_and_nothing_is_written(
    installation: Installation, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    async with installation.open() as context:
        await updating.update(context)
        with pytest.raises(NotAllowedError, match="confidential"):
            await publish.publish(context, ("adult-starter", "worst-of"), out=out)
        with pytest.raises(OperationError, match="no mandatory one"):
            await publish.publish(context, (), all_mandatory=True, out=out)
        with pytest.raises(OperationError, match="where to publish"):
            await publish.publish(context, ("adult-starter",))
    assert not out.exists()


@pytest.mark.ring("night")
async def test_another_installation_takes_it_and_refuses_what_is_old_or_altered(
    installation: Installation, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = await published(installation, out, "adult-starter")
    old = contents(out / "adult-starter")
    installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nred.example\nnew.example\n")
    await published(installation, out, "adult-starter")
    new = contents(out / "adult-starter")
    (tmp_path / "taker").mkdir()
    async with fetched(tmp_path / "taker") as taker:

        def serve(files: dict[str, bytes]) -> None:
            taker.server.files |= {f"/adult-starter/{name}": body for name, body in files.items()}

        source = taker.server.url("isp", "/adult-starter/names.txt")
        taker.entries["adult-starter"] = (
            f"{{id: adult-starter, source: '{source}', format: domains, refresh: 1h,"
            f" mandatory: {{authority: Court, ground: law}}, signature: {{public_key: {first.public_key}}}}}"
        )
        taker.write()
        serve(new)
        (taken,) = await taker.update("adult-starter")
        assert (taken.outcome, taken.version and taken.version.names) == ("updated", 4)
        serve(old)
        (back,) = await taker.update("adult-starter")
        assert "old list" in str(back.problem)
        serve({**new, "names.txt": new["names.txt"].replace(b"new", b"odd")})
        (altered,) = await taker.update("adult-starter")
        assert "not the one that was signed" in str(altered.problem)
        async with taker.open() as context:
            status = await listing.show(context, "adult-starter")
        assert status.version is not None
        assert status.version.digest == json.loads(new["manifest.json"])["digest"]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("serial", -1),
        ("serial", True),
        ("digest", "0" * 63),
        ("list", "../up"),
        ("files", []),
        ("files", [{"format": "rpz", "name": "../x", "size": 1, "sha256": "0" * 64}]),
        ("provider", "x" * 501),
        ("previous", None),
        ("at", "yesterday"),
        ("form", "other"),
    ],
)
async def test_a_manifest_of_a_stranger_is_checked_part_by_part(part: str, value: object) -> None:
    body = {
        "form": manifests.FORM,
        "list": "own",
        "digest": "a" * 64,
        "previous": "",
        "serial": 1,
        "version": 1,
        "entries": 1,
        "at": "2026-11-27T00:00:00Z",
        "files": [{"format": "rpz", "name": "list.rpz", "size": 1, "sha256": "b" * 64}],
    }
    assert manifests.read(manifests.text_of(body)).serial == 1
    with pytest.raises(manifests.ManifestError):
        manifests.read(manifests.text_of({**body, part: value}))
    text = manifests.text_of(body)
    for odd in (text[:-2] + b',"z":"\\ud800"}\n', text[:-2] + b',"z":NaN}\n', b"[" * 10_000, text[:-1]):
        with pytest.raises(manifests.ManifestError):
            manifests.read(odd)
