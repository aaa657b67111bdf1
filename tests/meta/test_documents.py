"""The documents say what the program does: generated pages are fresh, links lead on, examples are real."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from tests.meta.generated import DOCUMENTS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(language: str) -> list[tuple[Path, str]]:
    """The code blocks of all pages in one language."""
    return [
        (page, text) for page in PAGES for kind, text in BLOCK.findall(page.read_text()) if kind == language
    ]


def lines(starts: str) -> list[tuple[Path, str]]:
    """The lines of shell examples that begin with a command, continuation lines joined."""
    found = []
    for page, text in blocks("sh"):
        joined = text.replace("\\\n", " ").splitlines()
        found += [(page, line.split(" #")[0]) for line in joined if line.startswith(starts + " ")]
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_generated_pages_are_fresh(name: str) -> None:
    text = DOCUMENTS[name]()
    page = ROOT / name
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(text)
    assert page.is_file(), f"{name} is missing: UPDATE_DOCS=1 make test PYTEST=tests/meta"
    assert page.read_text() == text, f"{name} is stale: UPDATE_DOCS=1 make test PYTEST=tests/meta"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_reachable_from_the_readme() -> None:
    seen, queue = set(), [ROOT / "README.md"]
    while queue:
        page = queue.pop().resolve()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        queue += [page.parent / target for target in LINK.findall(page.read_text()) if "://" not in target]
    fragments = {page for page in PAGES if page.parent.name == "changelog.d"}
    assert {page.resolve() for page in PAGES} - seen - fragments == set()


def test_every_command_in_the_documents_exists() -> None:
    from filterd.cli.main import main

    shown = lines("filterd")
    assert shown
    for page, line in shown:
        command: click.Command = main
        words = shlex.split(line)[1:]
        while isinstance(command, click.Group) and words:
            found = command.get_command(click.Context(command), words[0])
            assert found is not None, f"{page.name}: {line}"
            command, words = found, words[1:]
        known = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        used = {word.split("=")[0] for word in words if word.startswith("--")}
        assert used <= known, f"{page.name}: {line}"


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, line in lines("make"):
        word = line.split()[1]
        assert word in targets, f"{page.name}: {line}"


def test_every_configuration_example_loads(tmp_path: Path) -> None:
    from filterd.config.load import from_value

    for _, text in blocks("yaml"):
        value = yaml.safe_load(text)
        if isinstance(value, dict) and not text.startswith("# profiles/"):
            value.setdefault("dns", {}).setdefault("upstreams", ["192.0.2.53"])
            from_value(value, base=tmp_path)


def test_every_test_in_the_documents_exists() -> None:
    for page, line in lines("make test"):
        for word in re.findall(r"tests/[\w/]+", line):
            assert (ROOT / word).exists(), f"{page.name}: {line}"
