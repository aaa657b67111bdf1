"""Spanish texts use one word for each thing: the words of docs/es/glossary.md."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs/es/glossary.md"
CATALOGUE = ROOT / "filterd/operations/doctor/catalogue.toml"
CODE = re.compile(r"`[^`]*`|\{[^}]*\}|\]\([^)]*\)|[\w.-]*[-./:=][\w./:=-]*")
"""names of programs, settings and files, and commands as far as a mark shows them: they are not translated"""
VERB = re.compile(r"puede resolver nombres")
COMMANDS = re.compile(r"(?:filterd|systemctl|grep) [a-z][\w -]*")


def avoided() -> list[str]:
    """The words of the last column."""
    rows = re.findall(r"^\| .+ \| .+ \| (.*?) ?\|$", GLOSSARY.read_text(), re.MULTILINE)[2:]
    return [word for row in rows for word in row.split(", ") if word]


def texts() -> dict[str, str]:
    """Every Spanish text of the pages and of the doctor, by where it stands."""
    pages = {f"docs/es/{name}": (ROOT / "docs/es" / name).read_text() for name in ("README.md", "faq.md")}
    found = tomllib.loads(CATALOGUE.read_text())
    return pages | {
        f"{group}.{name} {part}": value["es"]
        for group, entries in found.items()
        if isinstance(entries, dict)
        for name, entry in entries.items()
        if isinstance(entry, dict)
        for part, value in entry.items()
        if isinstance(value, dict) and "es" in value
    }


def wrong(text: str) -> list[str]:
    """The words of a text that the glossary has another one for."""
    plain = CODE.sub(" ", COMMANDS.sub(" ", VERB.sub(" ", text)))
    plain = (
        " ".join(plain.split()).replace("servidor superior (upstream)", "").replace("(snapshot refused)", "")
    )
    return [word for word in [*avoided(), "upstream"] if re.search(rf"(?i)\b{word}s?\b", plain)]


def test_every_spanish_text_uses_the_words_of_the_glossary() -> None:
    found = texts()
    assert len(found) > 200
    assert {place: words for place, text in found.items() if (words := wrong(text))} == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("la bitácora de auditoría está rota", ["bitácora de auditoría"]),
        ("el historial y el digest", ["historial", "digest"]),
        ("dos resolvers", ["resolver"]),
        ("el upstream {upstream} no responde", ["upstream"]),
        ("el servidor superior (upstream) {upstream}, de dns.upstreams", []),
        ("no puede resolver nombres: `filterd snapshot build`, resolver.sock, filterd-resolver", []),
    ],
)
def test_the_look_sees_what_it_should(text: str, words: list[str]) -> None:
    assert wrong(text) == words
