"""The options for the evidence that a line's holder asked for something."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from filterd.model.subscriber import RequestEvidence

Command = Callable[..., Any]


def evidence_options(command: Command) -> Command:
    """Add the options for the evidence that the line's holder asked."""
    for option in reversed(
        (
            click.option("--who", default="", help="Who asked, and on what authority over the line."),
            click.option(
                "--role",
                type=click.Choice(("holder", "authorised")),
                default="holder",
                show_default=True,
                help="Whether the holder asked, or a person whom the holder authorised.",
            ),
            click.option("--channel", default="operator", show_default=True, help="By which way."),
            click.option("--asked-at", default="", help="When, ISO 8601 with offset; default now."),
            click.option(
                "--text-version",
                default="",
                help="Version of the text that was read out or shown; filterd consent texts lists them.",
            ),
            click.option("--reference", default="", help="The recording, ticket or document."),
        )
    ):
        command = option(command)
    return command


def credential_option(command: Command) -> Command:
    """Add the option for the credential of an authorised person."""
    return click.option(
        "--credential",
        type=click.File(),
        help="A file with the credential of the authorised person; - reads it from standard input.",
    )(command)


def credential_in(file: TextIO | None) -> str:
    """The credential in a file; empty where there is none."""
    return "" if file is None else file.readline(256).strip()


def evidence_of(**typed_options: str) -> RequestEvidence:
    """The evidence as typed, with the present time if none was; the operation checks it."""
    typed = evidence_typed(**typed_options)
    return replace(typed, at=typed.at or time.time())


def evidence_typed(
    who: str, channel: str, asked_at: str, text_version: str, reference: str, role: str = "holder"
) -> RequestEvidence:
    """The evidence as typed; ``at`` is 0 if no time was."""
    from filterd.model.subscriber import AskerRole, RequestEvidence
    from filterd.operations import input_values

    at = float(input_values.when(asked_at, "the time of the request")) if asked_at else 0.0
    return RequestEvidence(who, channel, at, text_version, reference, AskerRole(role))
