"""``filterd doctor``: look for everything that is wrong with this installation and its machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.options import common, config_path

if TYPE_CHECKING:
    from filterd.operations.doctor.examine import Report
    from filterd.operations.doctor.finding import Described

COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
WORDS = {
    "en": {
        "error": "error",
        "warning": "warning",
        "note": "note",
        "do": "what to do",
        "sound": "nothing is wrong",
    },
    "es": {
        "error": "error",
        "warning": "aviso",
        "note": "nota",
        "do": "qué hacer",
        "sound": "todo está bien",
    },
}
"""the words around the findings, by language"""
PLURALS = {
    "en": {"error": "errors", "warning": "warnings", "note": "notes"},
    "es": {"error": "errores", "warning": "avisos", "note": "notas"},
}


@click.command()
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option(
    "--lang",
    type=click.Choice(("en", "es")),
    default="en",
    show_default=True,
    help="The language of findings and remedies.",
)
@common
@click.pass_context
def doctor(context: click.Context, config: Path | None, as_json: bool, strict: bool, lang: str) -> None:
    """Say what is wrong with this installation and its machine, each with its remedy.

    Nothing is written, and nothing is asked but the configured upstreams and this filterd itself. It works
    while everything is down and with a broken configuration, and ends within 15 seconds. As root it sees all;
    what another user may not look at is a warning. The exit code is 1 if anything is an error, else 0.
    """
    from filterd.operations.doctor.examine import examine
    from filterd.operations.doctor.finding import Severity, describe

    with output.progress("looking") as tell:
        report = examine(config_path(config), tell=tell)
    findings = [describe(each, lang) for each in report.findings]
    counts = {each.value: report.count(each) for each in Severity}
    failed = bool(counts["error"] or (strict and counts["warning"]))
    if as_json:
        summary = {**counts, "seconds": round(report.seconds, 2), "failed": failed}
        output.show_json({"findings": findings, "summary": summary})
    else:
        _show(findings, WORDS[lang])
        output.done(_sums(counts, lang) if findings else WORDS[lang]["sound"])
    _leave(context, report, int(failed))


def _sums(counts: dict[str, int], lang: str) -> str:
    """``1 error, 2 warnings, 0 notes``."""
    words = ((number, WORDS[lang][name], PLURALS[lang][name]) for name, number in counts.items())
    return ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in words)


def _show(findings: list[Described], words: dict[str, str]) -> None:
    width = max(len(words[each]) for each in COLOURS) + 1
    for each in findings:
        label = click.style(words[each.severity].ljust(width), fg=COLOURS[each.severity], bold=True)
        click.echo(f"{label}{each.message}  [{each.id}]")
        click.echo(f"{' ' * width}{words['do']}: {each.remedy}")


def _leave(context: click.Context, report: Report, code: int) -> None:
    """End with the exit code. A thread that waits for a disk that hangs would keep the process for good."""
    if report.hanging:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    context.exit(code)
