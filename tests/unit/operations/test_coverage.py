"""Coverage of small policies by small lists: every figure is known."""

from __future__ import annotations

import lzma
import os
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from filterd.config.policies import load_policies
from filterd.operations.coverage.engine import Engine, compiled, in_force
from filterd.operations.coverage.folder import MAX_DESCRIPTION, Area, read_folder, sample_of
from filterd.operations.coverage.measuring import Coverage, Request, Row, blocking_everything, measure
from filterd.operations.errors import OperationError
from filterd.operations.feeds.updating import update
from filterd.operations.snapshots import build
from tests.worlds.installation import NOW, Installation, settings_in, write_policies

NIGHT = """
title: {es: Noche, en: Night}
description: {es: Noche, en: Night}
audience: {es: 5 a 12, en: 5 to 12}
categories: [adult]
schedule:
  - {days: [mon, tue, wed, thu, fri, sat, sun], from: "20:00", until: "06:00", block: everything}
warning: {es: Cierra todo, en: It closes everything}
"""
LISTS = {
    "engines.txt": "search.example\nother-search.example\n",
    "ways.txt": "doh.example\nresolver.example\nlocalhost-helper.example\n",
    "chat.txt": "||chat.example^\n||media.chat.example^\n||chat-cdn.example^\n! a comment\n",
    "letters.txt": "letters.example\n",
    "adult.txt": "adult.example\nwww.blue.example\ngreen.example\nworst.example\n",
    "bets.txt": "*.bets.example\ncasino.example\n",
    "schools.txt": "school.example\nred.example\nhelp.example\n",
    "visited.txt": "popular.example\nadult.example\nsearch.example\n",
}
DESCRIPTION = """
- {area: search-engines, title: engines, file: engines.txt}
- {area: ways-around, title: resolvers, id: doh, file: ways.txt}
- {area: services, title: "a chat", file: chat.txt, format: adblock}
- {area: services, title: "letters", file: letters.txt}
- {area: categories, id: adult, file: adult.txt}
- {area: categories, id: gambling, title: bets, file: bets.txt, format: wildcard}
- {area: must-pass, title: schools, file: schools.txt}
- {area: popular, title: visited, file: [visited.txt]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The independent lists."""
    place = tmp_path / "lists"
    place.mkdir()
    for name, text in {**LISTS, "coverage.yaml": DESCRIPTION}.items():
        (place / name).write_text(text)
    return place


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """The small policies, compiled."""
    directory = write_policies(tmp_path / "policies")
    (directory / "profiles/night.yaml").write_text(NIGHT)
    return compiled(load_policies(directory), directory)


def of(found: Coverage, profile: str, title: str) -> Row:
    """The row of that list on that profile."""
    (each,) = (each for each in found.profiles if each.profile == profile)
    (row,) = (row for row in each.rows if row.title == title)
    return row


def request(folder: Path, **other: Any) -> Request:
    return replace(Request(folder, int(NOW), "UTC", names=True), **other)


def test_each_name_gets_the_verdict_of_a_line(engine: Engine, folder: Path) -> None:
    found = measure(engine, request(folder), nullcontext)
    child = {
        row.title: (row.asked, row.blocked, row.rewritten, row.passing) for row in found.profiles[0].rows
    }
    assert found.profiles[0].profile == "child"
    assert child == {
        "engines": (2, 0, 1, 1),
        "resolvers": (3, 1, 0, 2),
        "a chat": (3, 2, 0, 1),
        "letters": (1, 0, 0, 1),
        "adult": (4, 2, 0, 2),
        "bets": (2, 2, 0, 0),
        "schools": (3, 1, 0, 2),
        "visited": (3, 1, 0, 2),
    }


def test_names_that_pass_and_names_that_must(engine: Engine, folder: Path) -> None:
    found = measure(engine, request(folder), nullcontext)
    assert of(found, "child", "engines").names == ("other-search.example",)
    assert of(found, "child", "bets").names == ()
    assert of(found, "child", "schools").names == ("red.example (category adult-starter)",)
    assert found.blocked_wrongly == ("red.example (category adult-starter)",)
    silent = measure(engine, request(folder, names=False), nullcontext)
    assert of(silent, "child", "engines").names == ()
    assert silent.blocked_wrongly == found.blocked_wrongly, "named whether or not names are asked for"


def test_what_a_profile_leaves_open_is_no_gap(engine: Engine, folder: Path) -> None:
    found = measure(engine, request(folder), nullcontext)
    (teen,) = (each for each in found.profiles if each.profile == "teen")
    assert {row.title for row in teen.rows if row.wanted} == {"adult"}
    assert of(found, "teen", "bets").names == ()
    assert teen.totals(Area.SERVICES).share is None
    assert teen.totals(Area.CATEGORIES).share == 0.5
    assert teen.totals(Area.MUST_PASS).asked == 3


def test_a_list_of_a_service_finds_ours(engine: Engine, folder: Path) -> None:
    found = measure(engine, request(folder), nullcontext)
    offered = {row.title: (row.id, row.blocked, row.asked) for row in found.offered}
    assert offered["a chat"] == ("chat", 2, 3)
    assert offered["letters"] == ("", 0, 1)
    assert of(found, "child", "a chat").wanted
    assert not of(found, "child", "letters").wanted
    assert offered["adult"] == ("adult", 2, 4), "with the category alone"


def test_orders_and_mandatory_lists_take_no_part(engine: Engine, folder: Path) -> None:
    """``worst.example`` stands in a confidential list: nobody learns that from a bulk of names."""
    found = measure(engine, request(folder), nullcontext)
    assert "worst.example" in of(found, "child", "adult").names


async def test_the_snapshot_in_force_is_measured_without_its_mandatory_lists(
    installation: Installation, folder: Path
) -> None:
    assert in_force(installation.settings) is None
    async with installation.open() as context:
        await update(context)
        await build(context)
    engine = in_force(installation.settings)
    assert engine is not None
    assert "in force" in engine.made_of
    assert any(each.kind is None for each in engine.classes.lists), "it has a mandatory list"
    found = measure(engine, request(folder, profiles=["child"]), nullcontext)
    assert "worst.example" in of(found, "child", "adult").names
    assert of(found, "child", "adult").blocked == 2


def test_a_snapshot_that_is_damaged_is_told(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    directory = settings.state_dir / "snapshots"
    directory.mkdir(parents=True)
    name = "00000000000000000001-00000000000000000001.snapshot"
    (directory / "current").write_text(name)
    (directory / name).write_bytes(b"nothing")
    with pytest.raises(OperationError, match="snapshot in force cannot be") as told:
        if in_force(settings) is None:
            pytest.fail("it is not passed over in silence")
    assert "--compile" in told.value.remedy


def test_the_time_of_the_questions(engine: Engine, folder: Path) -> None:
    """Outside of hours unless told otherwise: at 21:00 the profile ``night`` blocks everything."""
    evening = int(datetime(2026, 11, 26, 21, tzinfo=UTC).timestamp())
    found = measure(engine, request(folder, now=evening), nullcontext)
    (night,) = (each for each in found.profiles if each.profile == "night")
    assert datetime.fromtimestamp(night.at, UTC).hour == 6
    assert of(found, "night", "letters").blocked == 0
    asked = measure(engine, request(folder, now=evening, at=evening), nullcontext)
    assert of(asked, "night", "letters").blocked == 1
    assert of(asked, "night", "schools").blocked == 1, "but for what stays open, and what is protected"


def test_a_sample_does_not_depend_on_the_order(tmp_path: Path, folder: Path) -> None:
    names = [f"name-{number}.example" for number in range(5000)]
    (each,) = (one for one in read_folder(folder, nullcontext) if one.title == "adult")
    kept = []
    for order in (names, names[::-1]):
        with lzma.open(folder / "adult.txt.xz", "wt") as file:
            file.write("".join(f"{name}\n" for name in order))
        kept.append(sample_of(replace(each, files=("adult.txt.xz",)), folder, nullcontext, 100, seed=1).names)
    assert kept[0] == kept[1]
    assert len(kept[0]) == 100
    packed = replace(each, files=("adult.txt.xz",))
    other = sample_of(packed, folder, nullcontext, 100, seed=2)
    assert other.names != kept[0]
    assert other.listed == 5000
    assert len(sample_of(packed, folder, nullcontext, 0, seed=1).names) == 5000
    staying = replace(packed, area=Area.MUST_PASS)
    assert len(sample_of(staying, folder, nullcontext, 100, seed=1).names) == 5000, "asked whole"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "names no list"),
        ("- {area: services}", "file: is missing"),
        ("- {area: nonsense, file: a.txt}", "'nonsense' is none of search-engines"),
        ("- {area: categories, file: a.txt}", "says which category it is"),
        ("- {area: popular, file: a.txt, colour: red}", "colour: unknown key"),
        ("- {area: popular, file: a.txt, format: csv}", "'csv' is none of domains"),
        ("- {area: popular, file:}", "has no value"),
        ("- {area: popular", "is not YAML"),
    ],
)
def test_a_description_that_is_wrong(folder: Path, text: str, told: str) -> None:
    (folder / "coverage.yaml").write_text(text)
    with pytest.raises(OperationError, match=told):
        read_folder(folder, nullcontext)


@pytest.mark.parametrize("by_link", [False, True])
@pytest.mark.parametrize("name", ["outside.txt", "/outside.txt"])
def test_a_list_outside_of_the_folder_is_not_read(
    engine: Engine, folder: Path, name: str, *, by_link: bool
) -> None:
    outside = folder.parent / "outside.txt"
    outside.write_text("secret.example\n")
    named = str(outside) if name.startswith("/") else f"../{name}"
    if by_link:
        (folder / "link.txt").symlink_to(named)
        named = "link.txt"
    (folder / "coverage.yaml").write_text(f"- {{area: popular, file: {named}}}")
    with pytest.raises(OperationError, match="lies outside of the folder") as raised:
        measure(engine, request(folder), nullcontext)
    assert "secret" not in str(raised.value)


def test_a_link_inside_of_the_folder_is_read(engine: Engine, folder: Path) -> None:
    (folder / "link.txt").symlink_to("visited.txt")
    (folder / "coverage.yaml").write_text("- {area: popular, title: linked, file: link.txt}")
    assert of(measure(engine, request(folder), nullcontext), "child", "linked").asked == 3


def test_a_description_without_an_end_is_not_read(folder: Path) -> None:
    path = folder / "coverage.yaml"
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(OperationError, match="lies outside of the folder"):
        read_folder(folder, nullcontext)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OperationError, match="is no regular file of at most 4 MiB"):
        read_folder(folder, nullcontext)
    path.unlink()
    with path.open("wb") as file:
        file.truncate(MAX_DESCRIPTION + 1)
    with pytest.raises(OperationError, match="is no regular file of at most 4 MiB"):
        read_folder(folder, nullcontext)


def test_a_list_that_is_not_there(engine: Engine, folder: Path) -> None:
    (folder / "bets.txt").unlink()
    with pytest.raises(OperationError, match=r"bets\.txt"):
        measure(engine, request(folder), nullcontext)
    (folder / "coverage.yaml").unlink()
    with pytest.raises(OperationError, match=r"coverage\.yaml cannot be read: No such file"):
        measure(engine, request(folder), nullcontext)


def test_a_profile_that_is_not_there(engine: Engine, folder: Path) -> None:
    with pytest.raises(OperationError, match="unknown profile 'chidl'") as told:
        measure(engine, request(folder, profiles=["chidl"]), nullcontext)
    assert "child" in told.value.remedy


def test_each_step_is_told(engine: Engine, folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    measure(engine, request(folder), nullcontext, lambda *step: told.append(step))
    assert [what for what, _, _ in told][-3:] == ["child", "night", "teen"]
    assert [done for _, done, _ in told] == list(range(len(told)))
    assert {total for _, _, total in told} == {len(told)}


def test_a_feed_from_a_server_takes_no_part_and_is_named(tmp_path: Path, folder: Path) -> None:
    directory = write_policies(tmp_path / "policies")
    with (directory / "feeds.yaml").open("a") as file:
        file.write("- {id: far, source: 'https://lists.example/a', format: domains, category: adult}\n")
    engine = compiled(load_policies(directory), directory)
    assert measure(engine, request(folder), nullcontext).left_out == ("far",)


def test_a_list_of_the_policies_that_cannot_be_read(tmp_path: Path) -> None:
    directory = write_policies(tmp_path / "policies")
    (directory / "lists/adult.txt").unlink()
    with pytest.raises(OperationError, match="cannot be compiled"):
        compiled(load_policies(directory), directory)


def test_a_schedule_that_blocks_everything_is_named_and_no_list(engine: Engine, folder: Path) -> None:
    at_night = int(NOW) - int(NOW) % 86400 + 22 * 3600
    found = measure(engine, request(folder, at=at_night), nullcontext)
    assert of(found, "night", "schools").names == ("red.example (schedule, everything)",)
    assert of(found, "night", "schools").by_hours == 1
    assert blocking_everything(found) == (("night",), True), "the child's list blocks it too"
    alone = measure(engine, request(folder, at=at_night, profiles=["night"]), nullcontext)
    assert blocking_everything(alone) == (("night",), False)
    by_day = measure(engine, request(folder), nullcontext)
    assert blocking_everything(by_day) == ((), True)
