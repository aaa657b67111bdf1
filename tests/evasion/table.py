"""The table of ways in: how many forms each file tries, as a document."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from tests.evasion.form import Way
from tests.worlds.markdown import wrapped

FOLDER = Path(__file__).parent
LEAST = 150
"""forms that there must be"""
NOT_OF_FORMS = {"test_count"}
INTRODUCTION = """
This page lists the ways in which a blocked name might come through all the same, or a protected one be
lost. `tests/evasion` tries them on a running resolver in every `make test`: one file a way, with as many
forms as the table says. Behind the resolver stands an upstream that serves every name *positively*, so that
a block shows by its reason (EDE 16 for an order, 17 for a line's wish, 15 for security) and by the absence
of the data from the whole message, and never by NXDOMAIN alone.

A form is asked over UDP and over TCP, fresh and out of the cache, by a line that opted in, by a line with own
names (it allows the name that is asked, and the ordered one), and by an address of no line. Where a step in
time belongs to it (an order that begins, an answer that goes stale), it is a course of steps instead. The
[threat model](threat-model.md) says against whom all of it stands.
"""


def files() -> list[str]:
    """The modules with ways in, by name."""
    return sorted({path.stem for path in FOLDER.glob("test_*.py")} - NOT_OF_FORMS)


def forms(module: str) -> Sequence[Way]:
    """The forms of one."""
    found: Sequence[Way] = importlib.import_module(f"tests.evasion.{module}").FORMS
    return found


def _about(module: str) -> str:
    """The headline of a module's docstring, without its stop."""
    text = importlib.import_module(f"tests.evasion.{module}").__doc__ or ""
    return " ".join(text.split("\n\n")[0].split()).removesuffix(".")


def page(note: str) -> str:
    """docs/evasion.md."""
    rows = [f"| `tests/evasion/{name}.py` | {_about(name)} | {len(forms(name))} |" for name in files()]
    total = sum(len(forms(name)) for name in files())
    head = "| file | way in | forms |\n| --- | --- | --- |\n"
    table = head + "\n".join([*rows, f"| together | | {total} |"]) + "\n"
    return wrapped("\n".join(["# Ways around the filter\n", note, INTRODUCTION.strip() + "\n", table]))
