"""The failures of commands: messages on standard error, the remedy, and the exit code.

::

    click.ClickException
      click.UsageError       2, click's own: the command line is wrong
      Failure                1
        Misconfigured        2: the configuration or the policies directory is wrong
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

import click


class Failure(click.ClickException):
    """A failed command: its messages, one a line, and the remedy."""

    def __init__(self, messages: str | Sequence[str], remedy: str = "") -> None:
        self.messages = [messages] if isinstance(messages, str) else list(messages)
        self.remedy = remedy
        super().__init__("\n".join(self.messages))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the messages and the remedy to ``file``, standard error unless given."""
        for message in self.messages:
            click.echo(f"filterd: {message}", file=file, err=True)
        if self.remedy:
            click.echo(f"  what to do: {self.remedy}", file=file, err=True)


class Misconfigured(Failure):
    """The configuration or the policies directory is wrong: every error of it."""

    exit_code = 2
