"""Control publishes the pages where they are served, and says when an export no longer holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.operations.publishing import publish, withdrawing
from filterd.operations.service_page import records
from filterd.serve.page_watch import RETRY_SECONDS, PageWatch
from filterd.telemetry import log
from filterd.telemetry.publication_metrics import PublicationMetrics
from filterd.web.published.site import render
from tests.worlds.installation import NOW, POLICIES, Installation, install
from tests.worlds.service import PROVIDER, provided

SERVED = WebSettings(
    None, None, public=PagesSettings(Endpoint(ip_address("127.0.0.1"), 21301), 100, "https://f.example")
)


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        yield provided(context)


def serving(context: Context) -> Context:
    return replace(context, settings=replace(context.settings, web=SERVED))


async def test_pages_that_are_served_here_are_published_and_follow_what_runs(context: Context) -> None:
    served = serving(context)
    watch = PageWatch(served)
    await watch.look()
    await watch.look()
    assert await records.newest_number(context) == 1
    watch.change_settings(replace(served.settings, service=replace(PROVIDER, name="Otra")))
    await watch.look()
    found = await records.recorded(context)
    assert found.record.stamp.number == 2
    assert b"https://f.example/revision" in found.files["servicio/quejas.html"]


async def test_where_no_page_is_served_nothing_is_recorded(context: Context) -> None:
    watch = PageWatch(context)
    await watch.look()
    assert await records.newest_number(context) == 0
    assert watch.metrics == PublicationMetrics()


async def test_an_export_that_no_longer_holds_is_counted(context: Context) -> None:
    watch = PageWatch(context)
    await records.publish(context, render, exported=True)
    await watch.look()
    assert watch.metrics == PublicationMetrics(differs=False, exported_at=NOW)
    watch.change_settings(replace(context.settings, service=replace(PROVIDER, complaint_days=5)))
    await watch.look()
    assert watch.metrics == PublicationMetrics(differs=True, exported_at=NOW)


async def test_a_list_that_became_confidential_is_withdrawn_at_the_next_look(
    context: Context, installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("control")
    entries = POLICIES["feeds.yaml"]
    installation.write_policy("feeds.yaml", entries.replace(", confidential: true", ""))
    out = tmp_path / "out"
    own = replace(context.settings.publish, directory=out)
    context = replace(context, settings=replace(context.settings, publish=own))
    await updating.update(context)
    await publish.publish(context, ("worst-of",))
    installation.write_policy("feeds.yaml", entries)
    key = context.settings.publish.key_file
    good = key.read_bytes()
    key.write_bytes(b"no key")
    watch = PageWatch(context)
    await watch.look()
    assert not list(out.rglob("names.txt")), "its files go where nothing can be signed"
    assert watch.metrics.lists_barred == 1
    assert capsys.readouterr().err.count("are not withdrawn") == 1
    key.write_bytes(good)
    await withdrawing.unpublish(context, "worst-of", reason="as it must be")
    await watch.look()
    assert watch.metrics.lists_barred == 0


async def test_what_was_published_stays_while_the_policies_cannot_be_read(
    context: Context, installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("control")
    served = serving(context)
    await PageWatch(served).look()
    installation.write_policy("profiles/teen.yaml", "{")
    later = PageWatch(served)
    await later.look()
    await later.look()
    assert capsys.readouterr().err.count("the public pages are not current") == 1
    assert await records.newest_number(context) == 1
    assert (await records.recorded(context)).files


@pytest.mark.ring("merge")
async def test_changed_lists_are_published_again_where_a_person_published_them(
    context: Context, installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("control")
    out = tmp_path / "published"
    by_hand = replace(context.settings.publish, directory=out)
    off = replace(context, settings=replace(context.settings, publish=by_hand))
    await updating.update(off)
    await publish.publish(off, ("adult-starter",))
    on = replace(off.settings, publish=replace(by_hand, on_change=True))

    async def change(name: str) -> None:
        installation.now += 60
        installation.write_policy("lists/adult.txt", f"adult.example\nblue.example\n{name}.example\n")
        await updating.update(off, ("adult-starter",))

    await change("green")
    watch = PageWatch(off)
    await watch.look()
    assert (watch.metrics.lists_behind, watch.metrics.lists_at) == (1, NOW)  # off: nobody asked for it
    watch.change_settings(on)
    await watch.look()
    assert (watch.metrics.lists_behind, watch.metrics.lists_at) == (0, NOW + 60)
    names = out / "adult-starter/names.txt"
    assert b"green.example" in names.read_bytes()
    key = on.publish.key_file
    key.rename(key.with_name("aside"))
    await change("white")
    await watch.look()
    await watch.look()
    assert watch.metrics.lists_behind == 1
    said = capsys.readouterr().err
    assert said.count("a published list is not published again") == 1
    assert "put the key back" in said
    key.with_name("aside").rename(key)
    await watch.look()
    assert watch.metrics.lists_behind == 1, "it waits"
    installation.now += RETRY_SECONDS
    await watch.look()
    assert watch.metrics.lists_behind == 0
    assert b"white.example" in names.read_bytes()
    (out / "adult-starter").unlink()  # taken out by a person
    await change("black")
    await watch.look()
    assert not names.exists()
