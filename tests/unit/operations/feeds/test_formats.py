"""Feeds of the formats that need more than one line at a time, from their files into force."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

from filterd.config.value_types import Bytes
from filterd.operations.feeds import rule_files, updating
from filterd.operations.feeds.taking import FeedUpdate
from tests.worlds.installation import Installation

ADULT = "- {id: adult, source: lists/adult, format: adblock, category: adult}\n"
GAMES = "- {id: games, source: lists/all.tar, format: ut1, part: games, category: adult}\n"


def archive(path: Path, *categories: str) -> None:
    """Write an archive with one name in each category."""
    with tarfile.open(path, "w") as tar:
        for category in categories:
            content = f"{category}.example\n".encode()
            header = tarfile.TarInfo(f"lists/{category}/domains")
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))


async def updated(installation: Installation) -> list[FeedUpdate]:
    async with installation.open() as context:
        return list(await updating.update(context))


def text(installation: Installation, feed: str, version: int) -> str:
    return rule_files.rule_file(installation.settings.state_dir, feed, version).read_text()


async def test_a_page_in_place_of_a_list_leaves_the_last_version_in_force(installation: Installation) -> None:
    installation.write_policy("feeds.yaml", ADULT)
    installation.write_policy("lists/adult", "||a.example^\n@@||x.a.example^\n")
    (first,) = await updated(installation)
    assert first.outcome == "updated"
    assert text(installation, "adult", 1) == "a.example\nx.a.example allow\n"
    installation.write_policy("lists/adult", "<!DOCTYPE html>\n<html>sign in</html>\n")
    (second,) = await updated(installation)
    assert (second.outcome, second.version) == ("failed", first.version)
    assert "is no list: it looks like an HTML page" in second.problem


async def test_a_category_of_an_archive_that_vanishes_leaves_the_last_version(
    installation: Installation,
) -> None:
    installation.write_policy("feeds.yaml", GAMES)
    file = installation.settings.policies / "lists/all.tar"
    archive(file, "adult", "games")
    (first,) = await updated(installation)
    assert first.outcome == "updated"
    assert text(installation, "games", 1) == "games.example\n"
    archive(file, "adult", "play")
    (second,) = await updated(installation)
    assert (second.outcome, second.version) == ("failed", first.version)
    assert "has no category games; it has adult, play" in second.problem


async def test_the_largest_list_is_a_setting(installation: Installation) -> None:
    installation.write_policy("feeds.yaml", ADULT)
    installation.write_policy("lists/adult", "||a.example^\n" * 1000)
    feeds = replace(installation.settings.feeds, largest=Bytes(1024))
    installation.settings = replace(installation.settings, feeds=feeds)
    (first,) = await updated(installation)
    assert first.outcome == "failed"
    assert "larger than 1024 bytes" in first.problem
