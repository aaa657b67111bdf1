"""docs/doctor.md and docs/es/doctor.md: every finding of ``filterd doctor``, from its catalogue."""

from __future__ import annotations

from itertools import groupby

from filterd.operations.doctor.finding import CatalogueEntry, catalogue
from tests.worlds.markdown import wrapped

HEADS = {
    "en": (
        "# The findings of filterd doctor\n",
        "`filterd doctor` looks for what is wrong with an installation and its machine. It writes nothing,\n"
        "and asks the configured upstreams and filterd itself, nobody else. An *error* stops the service or\n"
        "endangers it, a *warning* will, a *note* may be as you want it. The exit code is 1 where there is\n"
        "an error, with `--strict` also where there is a warning. The ids are stable; a script reads them\n"
        "with `--json`. Words in braces stand for what was found. [En español](es/doctor.md).\n",
        "| finding | severity | what is said | what it means | what to do |",
    ),
    "es": (
        "# Los hallazgos de filterd doctor\n",
        "`filterd doctor --lang es` busca lo que está mal en una instalación y en su máquina. No escribe\n"
        "nada, y solo pregunta a los upstreams configurados y al propio filterd. Un *error* detiene el\n"
        "servicio o lo pone en riesgo, un *aviso* lo hará, una *nota* puede ser justo lo que usted quiere.\n"
        "El código de salida es 1 si hay un error; con `--strict`, también si hay un aviso. Los\n"
        "identificadores son estables; un programa los lee con `--json`. Las palabras entre llaves son lo\n"
        "encontrado. [In English](../doctor.md).\n",
        "| hallazgo | gravedad | lo que dice | lo que significa | qué hacer |",
    ),
}
SEVERITIES = {"en": {}, "es": {"warning": "aviso", "note": "nota"}}


def page(language: str, note: str) -> str:
    """The page in one language, a table for each area."""
    title, text, head = HEADS[language]
    parts = [title, note, text]
    for area, entries in groupby(catalogue().values(), key=lambda each: each.id.partition(".")[0]):
        rows = "\n".join(_row(each, language) for each in entries)
        parts.append(f"## {area}\n\n{head}\n| --- | --- | --- | --- | --- |\n{rows}\n")
    return wrapped("\n".join(parts))


def _row(entry: CatalogueEntry, language: str) -> str:
    severity = SEVERITIES[language].get(entry.severity, entry.severity.value)
    cells = (
        f"`{entry.id}`",
        severity,
        entry.message[language],
        entry.meaning[language],
        entry.remedy[language],
    )
    return f"| {' | '.join(each.replace('|', '&#124;') for each in cells)} |"
