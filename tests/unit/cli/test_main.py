"""The command as a whole: what it offers, what it imports, how it fails."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from filterd.cli.main import GROUPS, main

HEAVY = (
    "sqlalchemy",
    "pydantic",
    "rich",
    "yaml",
    "asyncio",
    "filterd.store",
    "filterd.config",
    "filterd.policy",
)


def commands(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    """Each command below, groups left out, with its full name."""
    if not isinstance(command, click.Group):
        return [(path, command)]
    below: list[tuple[str, click.Command]] = []
    for name in command.list_commands(click.Context(command)):
        child = command.get_command(click.Context(command), name)
        assert child is not None
        below += commands(child, f"{path} {name}")
    return below


ALL = commands(main, "filterd")


def test_every_group_is_there() -> None:
    for name, (line, place) in GROUPS.items():
        module, attribute = place.split(":")
        command = getattr(import_module(module), attribute)
        assert command.name == name
        assert line
        assert command.help


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from filterd.cli.main import main; "
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0; print('\\n'.join(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [name for name in HEAVY if name in loaded and name != "asyncio"] == []


@pytest.mark.ring("night")
@pytest.mark.parametrize(
    ("line", "unneeded"),
    [
        ("config show", ("sqlalchemy", "rich", "alembic", "asyncio", "ssl", "difflib", "pydantic_settings")),
        ("profile list", ("sqlalchemy", "rich", "alembic", "asyncio", "ssl", "difflib")),
        ("cache flush", ("sqlalchemy", "rich", "alembic", "filterd.store", "difflib")),
        ("subscriber list", ("rich", "alembic", "difflib", "filterd.dataplane", "dns")),
        ("order list", ("rich", "alembic", "difflib", "filterd.dataplane", "dns")),
    ],
)
def test_a_command_imports_only_what_it_needs(
    installation: Path, line: str, unneeded: tuple[str, ...]
) -> None:
    code = (
        "import sys; from filterd.cli.main import main; main(sys.argv[1:], standalone_mode=False) "
        "if sys.argv[1] != 'cache' else __import__('filterd.operations.flushing'); "
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    words = [*line.split(), "--config", str(installation)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert "filterd.cli.main" in loaded
    assert [name for name in unneeded if name in loaded] == []


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_command_has_help_and_json(path: str, command: click.Command) -> None:
    assert command.help, path
    options = {option for parameter in command.params for option in parameter.opts}
    assert path == "filterd serve" or "--json" in options


def test_wrong_use_is_exit_code_2_on_standard_error() -> None:
    for arguments in (["nonsense"], ["config", "nonsense"], ["config", "show", "--nonsense"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "--help" in result.stderr


def test_a_wrong_configuration_is_all_its_errors_and_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "filterd.yaml"
    file.write_text("dns: {liste: [], block_ttl: ten}\nnonsense: 1\n")
    result = CliRunner().invoke(main, ["config", "show", "--config", str(file)])
    assert result.exit_code == 2
    assert result.stdout == ""
    for part in ("dns.liste", "dns.block_ttl", "nonsense", "what to do"):
        assert part in result.stderr
