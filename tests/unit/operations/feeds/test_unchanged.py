"""A feed whose source, definition and version are what they were is not parsed again; any other one is."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filterd.disk import checked_file
from filterd.feed.parsing import PARSER_VERSION
from filterd.operations.feeds import reading, rule_files, unchanged, updating
from filterd.operations.feeds.rule_files import rule_file
from filterd.operations.feeds.taking import FeedUpdate
from tests.worlds.installation import POLICIES, Installation

FEED = "adult-starter"
ENTRIES = POLICIES["feeds.yaml"]


class Reads:
    """Counts how often a source is parsed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Count from now on."""
        self.count = 0
        read = reading.read

        def counted(*arguments: Any) -> object:
            self.count += 1
            return read(*arguments)

        monkeypatch.setattr(reading, "read", counted)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


async def update(installation: Installation, feed: str = FEED) -> FeedUpdate:
    async with installation.open() as context:
        (done,) = await updating.update(context, [feed])
    return done


def note(installation: Installation) -> Path:
    return installation.settings.state_dir / "feeds" / FEED / unchanged.NOTE


@pytest.mark.ring("night")
@pytest.mark.parametrize("feed", [FEED, "worst-of"])
async def test_an_unchanged_feed_is_parsed_once(installation: Installation, reads: Reads, feed: str) -> None:
    first = await update(installation, feed)
    for _ in range(3):
        again = await update(installation, feed)
        assert (again.outcome, again.version) == ("unchanged", first.version)
    assert reads.count == 1


async def test_the_skipped_lines_stay_known(installation: Installation, reads: Reads) -> None:
    installation.write_policy("lists/adult.txt", "adult.example\nno name!\n")
    first = await update(installation)
    again = await update(installation)
    assert reads.count == 1
    assert again.report.count == first.report.count == 1


async def test_a_feed_of_which_names_are_held_back_is_parsed_again(
    installation: Installation, reads: Reads
) -> None:
    installation.write_policy("lists/adult.txt", "adult.example\npopular.example\n")
    for number in (1, 2):
        done = await update(installation)
        assert (done.held, done.popular) == (1, ("popular.example",))
        assert reads.count == number


def touch_nothing(made: Installation) -> None:
    """Change how the list arrives and the file's time: neither its content nor how it is read."""
    made.write_policy("feeds.yaml", ENTRIES.replace("category: adult", "category: adult, refresh: 12h"))
    os.utime(made.base / "policies/lists/adult.txt", (1, 1))


def another_line(made: Installation) -> None:
    with (made.base / "policies/lists/adult.txt").open("ab") as file:
        file.write(b"new.example\n")


def another_compression(made: Installation) -> None:
    path = made.base / "policies/lists/adult.txt"
    path.write_bytes(gzip.compress(path.read_bytes()))


def another_format(made: Installation) -> None:
    text = ENTRIES.replace("domains, category: adult", "wildcard, category: adult")
    made.write_policy("feeds.yaml", text)


def another_guard(made: Installation) -> None:
    text = ENTRIES.replace("category: adult", "category: adult, guard: {min_names: 2}")
    made.write_policy("feeds.yaml", text)


def other_popular_names(made: Installation) -> None:
    made.write_policy("expected.yaml", "popular.example: [adult]\n")


def other_protected_names(made: Installation) -> None:
    made.write_policy("protected.yaml", "public_suffixes: false\n")


def damaged_version(made: Installation) -> None:
    rule_file(made.settings.state_dir, FEED, 1).write_bytes(b"other.example\n")


def lost_version(made: Installation) -> None:
    rule_file(made.settings.state_dir, FEED, 1).unlink()


def lost_note(made: Installation) -> None:
    note(made).unlink()


def damaged_note(made: Installation) -> None:
    note(made).write_bytes(note(made).read_bytes()[:-5])


def note_of_another_shape(made: Installation) -> None:
    note(made).write_text(json.dumps({"source": 1, "version": [1]}))


def note_of_another_version(made: Installation) -> None:
    told = json.loads(checked_file.read(note(made)))
    checked_file.write(note(made), json.dumps({**told, "version": 2}).encode())


CHANGES: list[Callable[[Installation], None]] = [
    another_line,
    another_compression,
    another_format,
    another_guard,
    other_popular_names,
    other_protected_names,
    damaged_version,
    lost_version,
    lost_note,
    damaged_note,
    note_of_another_shape,
    note_of_another_version,
]


async def test_how_it_arrives_and_when_it_was_written_do_not_count(
    installation: Installation, reads: Reads
) -> None:
    await update(installation)
    touch_nothing(installation)
    assert (await update(installation)).outcome == "unchanged"
    assert reads.count == 1


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_whatever_else_changes_is_parsed_again(
    installation: Installation, reads: Reads, change: Callable[[Installation], None]
) -> None:
    await update(installation)
    change(installation)
    await update(installation)
    assert reads.count == 2
    sound = rule_files.digest_of(
        max((installation.settings.state_dir / "feeds" / FEED).glob("*.rules")), None
    )
    last = await update(installation)
    assert reads.count == 2, "and then no more"
    assert last.version is not None
    assert last.version.digest == sound


async def test_another_parser_reads_it_again(
    installation: Installation, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    await update(installation)
    monkeypatch.setattr(unchanged, "PARSER_VERSION", PARSER_VERSION + 1)
    await update(installation)
    assert reads.count == 2


async def test_a_version_that_is_held_back_is_judged_each_time(
    installation: Installation, reads: Reads
) -> None:
    await update(installation)
    installation.write_policy("lists/adult.txt", "adult.example\n")
    for _ in range(2):
        assert (await update(installation)).outcome == "quarantined"
    assert reads.count == 3


async def test_a_source_that_changes_while_it_is_read_is_read_again(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = reading.read

    def replaced_meanwhile(*arguments: Any) -> object:
        monkeypatch.undo()
        another_line(installation)
        return read(*arguments)

    monkeypatch.setattr(reading, "read", replaced_meanwhile)
    await update(installation)
    assert not note(installation).exists()
    reads = Reads(monkeypatch)
    await update(installation)
    assert reads.count == 1


async def test_a_pipe_in_the_place_of_a_source_is_refused_and_not_waited_for(
    installation: Installation,
) -> None:
    path = installation.base / "policies/lists/adult.txt"
    path.unlink()
    os.mkfifo(path)
    done = await update(installation)
    assert done.outcome == "failed"
    assert "no regular file" in done.problem


async def test_a_note_of_a_confidential_feed_confirms_no_source(installation: Installation) -> None:
    """Its digest is keyed: a guessed list cannot be compared with it."""
    await update(installation, "worst-of")
    found = (installation.settings.state_dir / "feeds/worst-of" / unchanged.NOTE).read_text()
    source = installation.base / "policies/lists/worst.txt"
    assert rule_files.digest_of(source, None) not in found
    assert "worst.example" not in found


async def test_the_reading_is_told_name_by_name(installation: Installation) -> None:
    told: list[tuple[str, int, int]] = []
    async with installation.open() as context:
        await updating.update(
            context, [FEED, "worst-of"], progress=lambda *what: told.append((what[0], what[1], what[2]))
        )
    assert told == [
        ("worst-of", 0, 2),
        ("worst-of: 1 names", 0, 2),
        (FEED, 1, 2),
        (f"{FEED}: 3 names", 1, 2),
        ("", 2, 2),
    ]
