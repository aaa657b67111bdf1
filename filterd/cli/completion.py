"""``filterd completion``: the script with which a shell completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from filterd.cli import output
from filterd.cli.options import json_option

PROGRAM = "filterd"
VARIABLE = "_FILTERD_COMPLETE"
"""set by the script when it asks the program; click derives the name from the program's"""
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@json_option
def completion(as_json: bool, shell: str) -> None:
    """Print the completion script of a shell.

    The Debian package brings the three of them; elsewhere, in the shell's own start file:

    \b
      bash, ~/.bashrc:                     eval "$(filterd completion bash)"
      zsh, ~/.zshrc, after compinit:       eval "$(filterd completion zsh)"
      fish, ~/.config/fish/config.fish:    filterd completion fish | source
    """
    script = script_of(shell)
    if as_json:
        output.show_json({"shell": shell, "script": script})
        return
    click.echo(script)


def script_of(shell: str) -> str:
    """The script of a shell. It is made without running that shell, which need not be here."""
    from filterd.cli.main import main

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - SHELLS are those of click
    return ShellComplete.source(kind(main, {}, PROGRAM, VARIABLE))
