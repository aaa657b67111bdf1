"""``filterd feed parse``: what a list would give, in each format, and what is refused."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from filterd.cli.feeds import FORMATS
from filterd.policy.documents import Format

Run = Callable[..., Result]


def test_the_command_offers_every_format() -> None:
    assert list(FORMATS) == [each.value for each in Format]


def test_the_contract(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("! a list\n||b.example^\n@@||x.b.example^\na.example\nc.example##.advert\n")
    result = run("feed", "parse", str(file), "--format", "adblock", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "names": [
            {"name": "a.example", "scope": "exact", "action": "block"},
            {"name": "b.example", "scope": "subtree", "action": "block"},
            {"name": "x.b.example", "scope": "subtree", "action": "allow"},
        ],
        "skipped": [
            {
                "line": 5,
                "text": "c.example##.advert",
                "reason": "a cosmetic rule: changes pages, not names",
            }
        ],
    }


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    file = tmp_path / "lists.tar.gz"
    with tarfile.open(file, "w:gz") as tar:
        for name, content in (
            ("lists/adult/domains", b"a.example\n"),
            ("lists/adult/urls", b"b.example/page\n"),
            ("lists/games/domains", b"g.example\n"),
        ):
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return file


def test_an_archive(run: Run, archive: Path) -> None:
    whole = run("feed", "parse", str(archive), "--format", "ut1")
    assert whole.stdout == "block subtree a.example\nblock subtree g.example\n"
    assert f"{archive}:lists/adult/urls:1: a URL or path: not executable by DNS" in whole.stderr
    assert "2 names, 1 skipped, of them 1 not executable by DNS" in whole.stderr
    one = json.loads(
        run("feed", "parse", str(archive), "--format", "ut1", "--part", "adult", "--json").stdout
    )
    assert [each["name"] for each in one["names"]] == ["a.example"]
    assert [each["member"] for each in one["skipped"]] == ["lists/adult/urls"]


def test_what_is_refused(run: Run, archive: Path, tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.write_text("<!DOCTYPE html>\n<form><input type='password'></form>\n")
    for words, problem, remedy in (
        ((str(page), "--format", "domains"), "an HTML page with a form to log in", "give the list itself"),
        ((str(archive), "--format", "domains"), "a tar archive", "give the list itself"),
        ((str(archive), "--format", "ut1", "--part", "x"), "has no category x", "give the list itself"),
        ((str(page), "--format", "hosts", "--part", "x"), "a part is a category", "--format ut1"),
    ):
        result = run("feed", "parse", *words)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert problem in result.stderr
        assert remedy in result.stderr
