"""The table of terms in docs/es/derechos-arco.md: every class of data that leads to a holder."""

from __future__ import annotations

from pathlib import Path

from filterd.config.load import from_value
from filterd.config.settings import Settings
from filterd.operations.privacy.classes import DataClass, classes

PAGE = Path(__file__).parents[2] / "docs/es/derechos-arco.md"
BEGIN = "<!-- terms: generated from classes.toml; UPDATE_DOCS=1 make test PYTEST=tests/meta -->\n"
END = "<!-- end of terms -->\n"
OF_STAFF = "tokens"
"""leads to people of the provider, to no holder"""
DAY, YEAR = 86_400, 365 * 86_400


def page(text: str) -> str:
    """The page with the table written anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def table() -> str:
    """The table itself, by the terms of a configuration that changes none."""
    settings = from_value({}, base=PAGE.parent)
    rows = [
        f"| {each.holds['es']} | {_term(each, settings)} | {each.counted['es'].partition('; el plazo')[0]} |"
        for each in classes()
        if each.personal and each.id != OF_STAFF
    ]
    return "\n".join(("| dato | plazo | cuenta desde, o hasta cuándo |", "| --- | --- | --- |", *rows)) + "\n"


def _term(found: DataClass, settings: Settings) -> str:
    seconds = settings.notices.keep if found.id == "notices" else found.seconds_in(settings)
    if not seconds:
        return "—"
    if seconds % YEAR == 0:
        return f"{seconds // YEAR:.0f} años"
    return "1 día" if seconds == DAY else f"{seconds // DAY:.0f} días"
