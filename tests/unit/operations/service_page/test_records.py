"""Published pages can be written again byte for byte, and their differences from what runs are told."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from filterd.model.page_record import Stamp
from filterd.operations import audit
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.service_page import drift, places, records
from filterd.operations.service_page.drift import Drift
from filterd.operations.service_page.facts import FACTS_FILE, ServiceFacts
from filterd.operations.service_page.records import RecordedPages
from filterd.operations.service_page.writing import write_files
from filterd.store.errors import StoreDamagedError
from filterd.web.published.site import render
from tests.worlds.installation import NOW, Installation
from tests.worlds.service import provided

DAY = 86_400.0


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        await updating.update(context)
        yield provided(context)


async def export(context: Context) -> RecordedPages:
    return await records.publish(context, render, exported=True)


def changed(installation: Installation) -> None:
    """Let another profile close more."""
    installation.write_policy(
        "profiles/teen.yaml",
        "title: {es: Jóvenes, en: Teen}\ndescription: {es: Más, en: More}\n"
        "audience: {es: 13 a 15, en: 13 to 15}\ncategories: [adult, gambling]\n",
    )


@pytest.mark.ring("night")
async def test_two_exports_of_the_same_state_are_the_same_bytes(
    context: Context, installation: Installation
) -> None:
    first = await export(context)
    installation.now += DAY
    second = await export(context)
    assert first.files == second.files
    assert (first.made, second.made) == (True, False)
    assert first.record.digest == second.record.digest
    assert second.record.exported_at == NOW + DAY


@pytest.mark.ring("night")
async def test_the_pages_of_a_day_are_written_again_after_they_changed(
    context: Context, installation: Installation
) -> None:
    first = await export(context)
    installation.now += DAY
    changed(installation)
    second = await export(context)
    assert second.files != first.files
    again = await records.recorded(context, at=NOW + DAY - 1)
    assert again.files == first.files
    assert (await records.recorded(context, number=1)).files == first.files
    assert (await records.recorded(context, at=NOW + DAY)).files == second.files
    with pytest.raises(OperationError, match="no record of the public pages then"):
        await records.recorded(context, at=NOW - 1)


async def test_a_page_keeps_its_date_while_it_says_the_same(
    context: Context, installation: Installation
) -> None:
    first = await export(context)
    installation.now += DAY
    changed(installation)
    second = await export(context)
    since = {path: each.since for path, each in second.record.files.items()}
    assert {path for path, number in since.items() if number == 2} == {
        "servicio/perfiles.html", "service/profiles.html", FACTS_FILE,
        "servicio/index.html", "service/index.html",
    }, "the first page shows the digest of all facts"  # fmt: skip
    assert second.files["servicio/familias.html"] == first.files["servicio/familias.html"]
    assert "16 de enero de 2027" in second.files["servicio/perfiles.html"].decode()


async def test_each_record_and_each_export_is_in_the_audit_trail(context: Context) -> None:
    done = await export(context)
    await export(context)
    entries = [each.entry for each in await audit.tail(context)]
    found = [each for each in entries if each.subject == "page:1"]
    assert [each.action for each in found] == ["page.record", "page.export", "page.export"]
    assert done.record.digest in str(found[-1])


@pytest.mark.ring("night")
async def test_what_is_published_as_it_runs_has_no_difference(context: Context, tmp_path: Path) -> None:
    write_files(tmp_path / "site", (await export(context)).files)
    found = await drift.check(context, places.read_directory(tmp_path / "site"), render)
    assert (found.same, found.record) == (True, 1)
    assert (await drift.check_exported(context, render)).same


async def test_each_fact_that_changed_is_named(context: Context, installation: Installation) -> None:
    await export(context)
    changed(installation)
    found = (await drift.check_exported(context, render)).differences
    assert {(each.kind, each.place) for each in found} == {
        (Drift.FACT, "profiles.teen.description.es"),
        (Drift.FACT, "profiles.teen.description.en"),
        (Drift.FACT, "profiles.teen.categories"),
    }
    said = {each.place: (each.published, each.running) for each in found}
    assert said["profiles.teen.description.es"] == ("Jóvenes", "Más")


async def test_a_fact_that_came_and_one_that_went_are_named(
    context: Context, installation: Installation
) -> None:
    await export(context)
    (installation.base / "policies/profiles/child.yaml").unlink()
    places_of = [each.place for each in (await drift.check_exported(context, render)).differences]
    assert places_of == ["profiles.child"]


async def test_files_that_are_gone_changed_or_strange_are_named(context: Context) -> None:
    files = dict((await export(context)).files)
    del files["service/index.html"]
    files["servicio/quejas.html"] += b"<!-- mended by hand -->"
    files["servicio/nuevo.html"] = b"?"
    found = (await drift.check(context, files, render)).differences
    assert [(each.kind, each.place, each.published) for each in found] == [
        (Drift.FILE, "service/index.html", "is not there"),
        (Drift.FILE, "servicio/quejas.html", "has other bytes"),
        (Drift.FILE, "servicio/nuevo.html", "is there"),
    ]


async def test_other_words_for_the_same_facts_are_named(context: Context) -> None:
    def worded_otherwise(facts: ServiceFacts, stamp: Stamp) -> dict[str, bytes]:
        return {**render(facts, stamp), "servicio/familias.html": b"other words"}

    await export(context)
    found = (await drift.check_exported(context, worded_otherwise)).differences
    assert [(each.kind, each.place) for each in found] == [(Drift.TEXT, "servicio/familias.html")]


async def test_facts_of_another_installation_have_no_record_here(context: Context) -> None:
    files = dict((await export(context)).files)
    told = json.loads(files[FACTS_FILE])
    told["record"]["number"] = 77
    files[FACTS_FILE] = json.dumps(told).encode()
    found = (await drift.check(context, files, render)).differences
    assert [(each.kind, each.published) for each in found] == [(Drift.FILE, "record 77")]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"record": {"number": "1"}, "facts": {}, "files": []}']
)
async def test_what_has_no_facts_is_refused(context: Context, body: bytes) -> None:
    with pytest.raises(OperationError, match="holds no facts of filterd"):
        await drift.check(context, {FACTS_FILE: body}, render)
    with pytest.raises(OperationError, match="has no servicio"):
        await drift.check(context, {}, render)


async def test_an_unexported_installation_has_nothing_to_compare(context: Context) -> None:
    with pytest.raises(OperationError, match="never exported"):
        await drift.check_exported(context, render)
    await records.publish(context, render)
    with pytest.raises(OperationError, match="never exported"):
        await drift.check_exported(context, render)


async def test_a_record_with_a_damaged_file_is_not_written_out(
    context: Context, installation: Installation
) -> None:
    await export(context)
    with closing(sqlite3.connect(installation.database)) as raw, raw:
        raw.execute(
            "UPDATE page_content SET body = x'00' WHERE digest = (SELECT min(digest) FROM page_content)"
        )
    with pytest.raises(StoreDamagedError, match="damaged"):
        await records.recorded(context, number=1)


@pytest.mark.parametrize("address", ["http://isp.example/x", "ftp://isp.example", "isp.example", ""])
async def test_only_https_is_asked(address: str) -> None:
    with pytest.raises(OperationError, match="no address of a web server"):
        await places.read_site(address)


async def test_a_path_that_leads_elsewhere_is_not_followed(context: Context) -> None:
    told = {"record": {"number": 1}, "facts": {}, "files": ["../../etc/passwd"]}
    with pytest.raises(OperationError, match="no export has"):
        places.plain_paths(json.dumps(told).encode())
