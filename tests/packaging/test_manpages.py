"""The manual pages hold every command, option and setting, and groff reads them without a warning."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from filterd.cli.main import GROUPS, main
from tests.meta.generated import commands

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "packaging/manpages.py"), str(folder)]
    subprocess.run(command, env=environment, check=True)
    return folder


def plain(page: Path) -> str:
    """The page without the marks of roff."""
    text = page.read_text()
    for mark, shown in ((r"\fB", ""), (r"\fR", ""), (r"\-", "-"), (r"\&", ""), (r"\e", "\\")):
        text = text.replace(mark, shown)
    return text


@pytest.mark.parametrize("name", GROUPS)
def test_a_page_has_every_command_and_option(pages: Path, name: str) -> None:
    text = plain(pages / f"man1/filterd-{name}.1")
    command = main.get_command(click.Context(main), name)
    assert command is not None
    for path, each in commands(command, f"filterd {name}"):
        assert path in text
        for parameter in each.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.opts[0] in text


def test_the_page_of_the_configuration_has_every_setting(pages: Path) -> None:
    text = plain(pages / "man5/filterd.yaml.5")
    documented = (ROOT / "docs/configuration.md").read_text()
    keys = [line.split("`")[1] for line in documented.splitlines() if line.startswith("| `")]
    assert len(keys) > 30
    assert [key for key in keys if f".TP\n{key}\n" not in text] == []


@pytest.mark.system("groff")
def test_the_pages_are_good_roff(pages: Path) -> None:
    for page in sorted(pages.rglob("*.[15]")):
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "-z", str(page)], capture_output=True, text=True, check=False
        )
        assert (page.name, done.stderr, done.returncode) == (page.name, "", 0)
