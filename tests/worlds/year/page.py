"""The made parts of docs/year.md and docs/es/doce-meses.md: what happened, the table, and the figures."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from tests.worlds.year import table
from tests.worlds.year.clock import written
from tests.worlds.year.run import Outcome

ROOT = Path(__file__).parents[3]
ENGLISH, SPANISH = ROOT / "docs/year.md", ROOT / "docs/es/doce-meses.md"
MARK = "<!-- {name}: made by tests/e2e/test_year.py; UPDATE_DOCS=1 writes it -->\n"
END = "<!-- end -->\n"
WORDS = {
    "orders.received": ("orders received", "órdenes recibidas"),
    "orders.accepted": ("orders put in force", "órdenes puestas en vigor"),
    "orders.ended": ("orders that ended", "órdenes terminadas"),
    "orders.standing": ("orders that stand at the end", "órdenes vigentes al final"),
    "orders.emergency_ends": (
        "ended by one person in an emergency",
        "terminadas de emergencia por una persona",
    ),
    "deadlines.all.due": ("deadlines that were due", "plazos que vencieron"),
    "deadlines.all.kept": ("of these, kept", "de ellos, cumplidos"),
    "deadlines.enforce.missed": ("blocked late", "bloqueos fuera de plazo"),
    "deadlines.report.missed": ("reported late", "informes fuera de plazo"),
    "acceptance.p50_seconds": (
        "from the letter to the decision, median seconds",
        "del oficio a la decisión, mediana en segundos",
    ),
    "enforcement.p50_seconds": (
        "from the decision to the last resolver, median seconds",
        "de la decisión al último servidor, mediana en segundos",
    ),
    "enforcement.max_seconds": (
        "the longest, with a resolver that was down",
        "el más largo, con un servidor apagado",
    ),
    "lifting.max_seconds": ("the longest lifting, seconds", "el levantamiento más largo, en segundos"),
    "coverage.share": ("share of orders on every resolver", "parte de órdenes en todos los servidores"),
    "availability.resolver-1.available_share": ("availability of resolver-1", "disponibilidad de resolver-1"),
    "availability.resolver-3.available_share": ("availability of resolver-3", "disponibilidad de resolver-3"),
    "growth.2027-09.change": (
        "mandatory names that came in September",
        "nombres obligatorios nuevos en septiembre",
    ),
    "complaints.opened": ("complaints", "inconformidades"),
    "complaints.appealed": (
        "of these, appealed (a number below ten is not told)",
        "de ellas, apeladas (un número menor que diez no se dice)",
    ),
}
"""figure -> what it is called in English and in Spanish"""
_ENTRY = re.compile(r"entry .*checkpoint \(\d+,\): ")
_COUNTS = re.compile(r"[1-9]\d* (entries|figures|proven|from)")
HEADS = (
    "mes",
    "recibidas",
    "en vigor",
    "terminadas",
    "fuera de plazo",
    "nombres",
    "con filtro",
)


def parts(outcome: Outcome) -> dict[Path, dict[str, str]]:
    """Page -> name of a part -> its text."""
    rows = table.months(outcome.closed)
    return {
        ENGLISH: {
            "what happened": _happened(outcome),
            "months": table.as_markdown(rows),
            "figures": _figures(outcome, 0),
            "verdicts": "```text\n" + "".join(map(_wrapped, _verdicts(outcome))) + "```\n",
        },
        SPANISH: {
            "months": table.as_markdown([HEADS, *rows[1:]]),
            "figures": _figures(outcome, 1),
        },
    }


def _happened(outcome: Outcome) -> str:
    lines = [("when", "what"), *((written(at), text) for at, text in outcome.diary.told)]
    return table.as_markdown(lines)


def _figures(outcome: Outcome, language: int) -> str:
    found = outcome.closed.figures["compliance"]
    heads = (("figure", "value", "id"), ("cifra", "valor", "id"))[language]
    rows = [(words[language], table.shown(found[each]), f"`{each}`") for each, words in WORDS.items()]
    return table.as_markdown([heads, *rows])


def _wrapped(line: str) -> str:
    """A line as lines of a page's width."""
    return "".join(f"{each}\n" for each in textwrap.wrap(line, 96, subsequent_indent="    "))


def _verdicts(outcome: Outcome) -> list[str]:
    """What the verifiers said, without what differs from run to run, and without counts that depend on this
    version of filterd: of its figures and of its entries in the trail."""
    return [_COUNTS.sub("… \\1", _ENTRY.sub("", each)) for each in outcome.closed.said]


def filled(text: str, made: dict[str, str]) -> str:
    """A page with its made parts as they are now. ValueError for a part that it has no place for."""
    for name, part in made.items():
        begin = MARK.format(name=name)
        if text.count(begin) != 1:
            message = f"the page has no place for {name!r}"
            raise ValueError(message)
        before, _, rest = text.partition(begin)
        _, end, after = rest.partition(END)
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text
