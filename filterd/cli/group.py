"""The class of the command groups: their help shows each command's whole first sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from filterd.cli.failure import Failure

_SENTENCE = re.compile(r"(?s)(.*?\.)(\s|$)")


class Group(click.Group):
    """A group whose list of commands is never cut; a long line is folded instead."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("subcommand_metavar", "COMMAND [ARGUMENTS]")
        super().__init__(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. A wrong command line leads to a help: this one, where click does not say which.
        A value that an operation refuses before anything is opened fails as the operation itself does."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if error.ctx is not None:
                raise
            raise click.UsageError(error.format_message(), ctx) from None
        except Exception as error:
            failure = _failure(error)
            if failure is None:
                raise
            raise failure from None

    def command_lines(self, context: click.Context) -> Sequence[tuple[str, str]]:
        """Each command with its line in the help."""
        found = [(name, self.get_command(context, name)) for name in self.list_commands(context)]
        return [(name, first_sentence(command.help)) for name, command in found if command is not None]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.command_lines(ctx)))


def _failure(error: Exception) -> Failure | None:
    """The failure that an operation's own error is shown as; None for any other error."""
    from filterd.cli.failure import Failure
    from filterd.operations.errors import OperationError

    return Failure(str(error), error.remedy) if isinstance(error, OperationError) else None


def first_sentence(text: str | None) -> str:
    """The first sentence of a help text, on one line."""
    paragraph = " ".join((text or "").split("\n\n")[0].split())
    match = _SENTENCE.match(paragraph)
    return match[1] if match else paragraph
