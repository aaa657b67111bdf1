"""The names of the test page: closed as profiles close real sites, in no count, and gone with the setting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filterd.config.value_types import parse_endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations import exceptions, snapshots, subscribers
from filterd.operations.context import Context
from filterd.operations.explain import Explanation, explain
from filterd.operations.feeds import updating
from filterd.operations.snapshot_input import zones_of
from tests.worlds.backups import EVIDENCE
from tests.worlds.installation import Installation

ZONE = "prueba.isp.example"


def with_zone(installation: Installation, zone: str = ZONE) -> Installation:
    """The same installation with public pages and the zone of their test names."""
    public = PagesSettings(parse_endpoint("127.0.0.1:21299"), 10, test_zone=zone)
    web = WebSettings(api=None, tls=None, public=public)
    return replace(installation, settings=replace(installation.settings, web=web))


async def prepared(context: Context) -> None:
    """Lists in a snapshot, and a line for each profile."""
    await updating.update(context)
    await snapshots.build(context)
    for profile in ("child", "teen"):
        await subscribers.add(context, profile)
        await subscribers.opt_in(context, profile, profile, EVIDENCE)
    await subscribers.add(context, "plain")


async def asked(context: Context, label: str, line: str) -> Explanation:
    """The answer to a test name on a line."""
    return await explain(context, f"{label}.{ZONE}", subscriber=line)


async def closed(context: Context, line: str) -> set[str]:
    """The labels that are closed on a line."""
    labels = ("filtro", "adult", "gambling", "atajos", "abierto", "other")
    return {each for each in labels if (await asked(context, each, line)).verdict == "block"}


@pytest.mark.ring("night")
async def test_a_profile_closes_the_names_of_what_it_closes(installation: Installation) -> None:
    async with with_zone(installation).open() as context:
        await prepared(context)
        assert await closed(context, "child") == {"filtro", "adult", "gambling", "atajos"}
        assert await closed(context, "teen") == {"filtro", "adult"}
        assert await closed(context, "plain") == set()
        assert (await explain(context, f"filtro.{ZONE}")).verdict == "pass", "an unknown client"
        assert (await explain(context, ZONE, subscriber="child")).verdict == "pass"
        assert (await explain(context, f"www.adult.{ZONE}", subscriber="child")).verdict == "pass"


async def test_check_says_what_the_name_is(installation: Installation) -> None:
    async with with_zone(installation).open() as context:
        await prepared(context)
        found = await asked(context, "adult", "teen")
        assert (found.reason, found.test_name) == ("category", True)
        (stage,) = [each for each in found.stages if each.outcome == "decided"]
        assert (stage.list, stage.category, stage.matched_name) == ("adult-starter", "adult", f"adult.{ZONE}")
        assert not (await explain(context, "adult.example", subscriber="teen")).test_name


@pytest.mark.ring("night")
async def test_choices_and_pauses_bear_on_them(installation: Installation) -> None:
    async with with_zone(installation).open() as context:
        await prepared(context)
        await subscribers.pause(context, "teen", 600)
        assert await closed(context, "teen") == set()
        await subscribers.resume(context, "teen")
        assert "filtro" in await closed(context, "teen")


@pytest.mark.ring("night")
async def test_no_list_counts_them_and_no_digest_of_a_list_has_them(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        plain = await snapshots.build(context)
        before = snapshots.open_current(context).meta["lists"]
    async with with_zone(installation).open() as context:
        tested = await snapshots.build(context)
        meta = snapshots.open_current(context).meta
    assert meta["lists"] == before
    assert meta["test_zone"] == ZONE
    assert tested.digest != plain.digest, "what a node enforces has another digest"
    async with with_zone(installation, "otra.isp.example").open() as context:
        assert (await snapshots.build(context)).digest != tested.digest


async def test_an_exception_opens_a_test_name_as_any_other(installation: Installation) -> None:
    async with with_zone(installation).open() as context:
        await prepared(context)
        await exceptions.add(context, f"adult.{ZONE}", 60, reason="try")
        assert await closed(context, "teen") == {"filtro"}


@pytest.mark.ring("night")
async def test_the_open_name_stays_open_when_everything_is_closed(installation: Installation) -> None:
    text = (installation.base / "policies/profiles/teen.yaml").read_text()
    always = 'schedule: [{days: [thu, fri], from: "00:00", until: "23:59", block: everything}]\n'
    installation.write_policy("profiles/teen.yaml", text + always)
    async with with_zone(installation).open() as context:
        await prepared(context)
        assert (await explain(context, "any.example", subscriber="teen")).verdict == "block"
        assert "abierto" not in await closed(context, "teen")
        assert "other" in await closed(context, "teen")


@pytest.mark.parametrize("zone", ["", ZONE])
def test_the_zone_is_part_of_what_a_snapshot_is_made_of(installation: Installation, zone: str) -> None:
    assert zones_of(with_zone(installation, zone).settings) == ("", zone)
    assert zones_of(installation.settings) == ("", "")
