"""Each command that fails, for whatever reason, says on standard error what to do next."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from filterd.cli.main import main

Break = Callable[[Path], None]


def leaves(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from leaves(child, (*path, name))


SERVING = ("serve", "top")
"""commands that run until they are ended"""
COMMANDS = [(path, command) for path, command in leaves(main) if path[0] not in SERVING]
IDS = [" ".join(path) for path, _ in COMMANDS]
MORE = {
    ("order", "add"): [
        *("a.test.example", "--authority", "A", "--official", "O", "--document", "D", "--ground", "G"),
        *("--reason", "R"),
    ],
    ("restore",): ["DIR/nowhere"],
    ("subscriber", "allow"): ["a.test.example"],
    ("subscriber", "deny"): ["a.test.example"],
}
"""what the command lines have beside what the commands require"""


def arguments(path: tuple[str, ...], command: click.Command, folder: Path) -> list[str]:
    """A command line with everything that is required, each value well-formed and of nothing that exists."""
    found: list[str] = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            if parameter.required and path not in MORE:
                found.append(_value(parameter, folder))
            elif parameter.name == "id":
                found.append("nobody")
        elif parameter.required:
            found += [parameter.opts[0], _value(parameter, folder)]
    return found + [each.replace("DIR", str(folder)) for each in MORE.get(path, [])]


def _value(parameter: click.Parameter, folder: Path) -> str:
    if isinstance(parameter.type, click.Path):
        file = folder / "file.csv"
        file.write_text("subscriber\nA\n")
        return str(file)
    if isinstance(parameter.type, click.Choice):
        return str(parameter.type.choices[0])
    return "203.0.113.9" if parameter.name in ("prefix", "address") else "nobody"


def no_file(config: Path) -> None:
    config.unlink()


def half_a_file(config: Path) -> None:
    config.write_text(config.read_text()[:40])


def emptied_file(config: Path) -> None:
    config.write_text("")


def wrong_values(config: Path) -> None:
    value = json.loads(config.read_text())
    config.write_text(json.dumps({**value, "dns": {"listen": 53}, "nonsense": 1}))


def no_store(config: Path) -> None:
    for each in config.parent.glob("filterd.db*"):
        each.unlink()


def damaged_store(config: Path) -> None:
    (config.parent / "filterd.db").write_bytes(b"garbage " * 2000)


def no_policies(config: Path) -> None:
    (config.parent / "policies/feeds.yaml").unlink()


def nothing(config: Path) -> None:
    """The installation is in order: only the command line is of nothing that exists."""


BREAKS: tuple[Break, ...] = (
    *(no_file, half_a_file, emptied_file, wrong_values, no_store, damaged_store, no_policies, nothing),
)


NEED_NO_CONFIGURATION = {("config", "schema"), ("feed", "parse"), ("completion",)}


def says_what_to_do(result: Result) -> bool:
    """A remedy, or the way to the help for a wrong command line. That of the doctor is its result."""
    if " warnings, " in result.stderr:
        return "  what to do: " in result.stdout
    return "  what to do: " in result.stderr or "--help' for help.\n" in result.stderr


def invoke(path: tuple[str, ...], rest: list[str], config: Path) -> Result:
    """Run a command line; a traceback fails the test."""
    words = [*path, *rest, "--config", str(config)]
    result = CliRunner().invoke(main, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
    return result


@pytest.mark.ring("night")
@pytest.mark.parametrize("fault", BREAKS, ids=lambda each: each.__name__)
def test_a_failure_says_what_to_do(installation: Path, fault: Break) -> None:
    lines = [arguments(path, command, installation.parent) for path, command in COMMANDS]
    fault(installation)
    done = set()
    for (path, _), rest in zip(COMMANDS, lines, strict=True):
        result = invoke(path, rest, installation)
        assert result.exit_code in (0, 1, 2)
        if result.exit_code:
            assert says_what_to_do(result), (path, rest, result.stderr)
        else:
            done.add(path)
    if fault in (no_file, half_a_file, emptied_file, wrong_values):
        assert done <= NEED_NO_CONFIGURATION


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_a_wrong_command_line_leads_to_the_help(path: tuple[str, ...], command: click.Command) -> None:
    variadic = any(each.nargs == -1 for each in command.params)
    for rest in (["--nonsense"], ["--config"], *([] if variadic else [["a", "b", "c", "d"]])):
        result = CliRunner().invoke(main, [*path, *rest])
        assert (result.exit_code, result.stdout) == (2, "")
        assert says_what_to_do(result), result.stderr
