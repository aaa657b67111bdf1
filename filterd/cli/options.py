"""The options that commands share, and the settings that they select."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output, sudo
from filterd.cli.failure import Failure, Misconfigured
from filterd.disk.given_file import GivenFile

if TYPE_CHECKING:
    from filterd.config.settings import Settings
    from filterd.policy.documents import Policies

Command = Callable[..., Any]

DEFAULT_CONFIG = Path("/etc/filterd/filterd.yaml")


def config_option(command: Command) -> Command:
    """Add ``--config``; without it FILTERD_CONFIG, then DEFAULT_CONFIG if it exists, then all defaults."""
    return click.option(
        "--config",
        "config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="FILTERD_CONFIG",
        show_envvar=True,
        help=f"The configuration file; default {DEFAULT_CONFIG}.",
    )(command)


class ReadFile(click.Path):
    """The type of an argument that names a file to read: it is opened, judged (:mod:`filterd.cli.sudo`) and
    given as a :class:`~filterd.disk.given_file.GivenFile`."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The open file; it is closed with the command."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        try:
            # Not blocking: a named pipe would wait for its writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            self.fail(f"{path} cannot be read: {error.strerror}", param, ctx)
        if ctx is not None:
            ctx.call_on_close(lambda: os.close(descriptor))
        os.set_blocking(descriptor, True)
        sudo.require_readable(descriptor, str(path))
        return GivenFile(path, descriptor)


class ReadText(click.File):
    """The type of an option that names a text to read, or ``-`` for standard input; judged as ReadFile."""

    def __init__(self) -> None:
        super().__init__(encoding="utf-8", errors="backslashreplace")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The open text; it is closed with the command."""
        file = super().convert(value, param, ctx)
        if value != "-":
            try:
                sudo.require_readable(file.fileno(), str(value))
            except click.UsageError:
                file.close()
                raise
        return file


def json_option(command: Command) -> Command:
    """Add ``--json``: print the result as one JSON document."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def common(command: Command) -> Command:
    """Add ``--config`` and ``--json``."""
    return config_option(json_option(command))


def config_path(config: Path | None) -> Path | None:
    """The file to read: the given one, else the default one if it exists, else none (all defaults). Behind
    sudo it must be root's (:mod:`filterd.cli.sudo`)."""
    chosen = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    return None if chosen is None else sudo.configuration(chosen)


def refused(config: Path | None, message: str, remedy: str) -> Failure:
    """The failure for a refusal; if no configuration file was read, it tells that likely cause too."""
    if config_path(config) is not None:
        return Failure(message, remedy)
    unread = f"no configuration file was read ({DEFAULT_CONFIG} is not there): all settings are defaults"
    return Failure([message, unread], f"name the file with --config or in FILTERD_CONFIG; else {remedy}")


def settings_of(config: Path | None) -> Settings:
    """The settings to work with. Raises Misconfigured with every error of the file."""
    from filterd.config.load import ConfigErrors, load
    from filterd.operations.rights import kept_from

    path = config_path(config)
    try:
        return load(path)
    except ConfigErrors as errors:
        remedy = f"mend {path or 'the configuration'}; filterd config schema says what it may hold"
        if path is not None and (reader := kept_from(path)):
            remedy = f"run: sudo -u {reader} {shlex.join(sys.argv)}"
        elif path is not None and not path.is_file():
            remedy = "name the file with --config or in FILTERD_CONFIG"
        raise Misconfigured([str(error) for error in errors.errors], remedy) from None


def policies_of(settings: Settings) -> Policies:
    """The policies of the settings. Raises Misconfigured with every problem of their files."""
    from filterd.config.policies import PoliciesError, load_policies

    try:
        return load_policies(settings.policies, settings.policies_base, settings.jurisdiction)
    except PoliciesError as error:
        raise Misconfigured([str(problem) for problem in error.problems], error.remedy) from None


def scope_option(command: Command) -> Command:
    """Add ``--scope``: the names that are meant, relative to the given name."""
    return click.option(
        "--scope",
        type=click.Choice(("exact", "subtree", "below")),
        default="subtree",
        show_default=True,
        help="The name alone, the name and all below it, or only what is below.",
    )(command)


def own_scope_option(command: Command) -> Command:
    """Add ``--scope`` for a line's own name."""
    return click.option(
        "--scope",
        type=click.Choice(("exact", "subtree")),
        default="subtree",
        show_default=True,
        help="The name alone, or the name and all below it.",
    )(command)


def wide_option(command: Command) -> Command:
    """Add ``--wide``: a prefix that is wider than a line's is meant."""
    return click.option(
        "--wide", is_flag=True, help="Accept a prefix wider than a line has: IPv4 above /20, IPv6 above /40."
    )(command)


def accept_empty_option(command: Command) -> Command:
    """Add ``--accept-empty``: a profile is meant although a category of it was never read."""
    text = "Go on though no list of a category of the profile was ever read; the audit trail keeps it."
    return click.option("--accept-empty", is_flag=True, help=text)(command)


def warn_of_wide(prefixes: Iterable[str]) -> None:
    """Say on standard error which of the prefixes of a line are wider than a line's."""
    from filterd.operations.input_values import is_wide

    for each in filter(is_wide, prefixes):
        output.warn(
            f"{each} is one line now, and every client in it gets that line's choices",
            f"if that is not meant: filterd binding remove {each}",
        )


def duration(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """The callback of an option that takes a time span; returns seconds."""
    from filterd.config.value_types import parse_duration

    try:
        return parse_duration(int(value) if value.isdecimal() else value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


def optional_time_span(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """The same as :func:`time_span` where none may be given: 0."""
    if not value:
        return 0
    found = time_span(context, parameter, value)
    if found == 0:
        message = f"{value} is no time at all"
        raise click.BadParameter(message, context, parameter)
    return found


def time_span(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """The same of a time span that a person types for now: 2 alone may mean minutes or hours."""
    if value.strip().isdecimal():
        message = f"{value} of what? Write the unit: {value}m, {value}h or {value}d."
        raise click.BadParameter(message, context, parameter)
    return duration(context, parameter, value)
