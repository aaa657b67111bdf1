"""The policies of the provider of the year, and the lists that change on its shelf."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

SHIPPED = Path(__file__).parents[3] / "policies"
REGISTER, FEED = "padron", "padron-list"
"""the register and the feed that its list becomes"""
ROOM = 50
"""names of the tax office that are declared"""
MOST_REMOVALS = 10
"""of the register at once, without a person"""
COUNTRIES = ("mx.yaml",)
WORST = "lists/worst.txt"
GAMBLING = "lists/gambling.txt"
FILES = {
    "categories.yaml": """
- {id: adult, title: {es: Adultos, en: Adult}, description: {es: Sexo, en: Sex}}
- {id: gambling, title: {es: Apuestas, en: Gambling}, description: {es: Juego, en: Bets}}
""",
    "feeds.yaml": """
- {id: adult-list, source: lists/adult.txt, format: domains, category: adult}
- {id: gambling-list, source: lists/gambling.txt, format: domains, category: gambling}
- id: worst-of
  source: lists/worst.txt
  format: domains
  mandatory: {authority: interpol, ground: adopted-list, confidential: true}
""",
    "services.yaml": "[]\n",
    "safesearch.yaml": "[]\n",
    "bypass.yaml": "[]\n",
    "protected.yaml": """
public_suffixes: true
names: {subtree: [ayuda.example], exact: [escuela.example]}
""",
    "expected.yaml": "{}\n",
    "profiles/children.yaml": """
title: {es: Niños, en: Children}
description: {es: Niños, en: Children}
audience: {es: 5 a 12, en: 5 to 12}
categories: [adult, gambling]
""",
    "profiles/teens.yaml": """
title: {es: Jóvenes, en: Teens}
description: {es: Jóvenes, en: Teens}
audience: {es: 13 a 15, en: 13 to 15}
categories: [adult]
""",
}


def write_policies(folder: Path, now: float) -> None:
    """The whole directory: small lists, and the jurisdictions as they are shipped."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copytree(SHIPPED / "consent", folder / "consent")
    (folder / "jurisdictions").mkdir()
    for country in COUNTRIES:
        shutil.copy(SHIPPED / "jurisdictions" / country, folder / "jurisdictions")
    put_list(folder, "lists/adult.txt", numbered("adultos", 1, 200), now)
    put_list(folder, GAMBLING, numbered("apuestas", 1, 120), now)
    put_list(folder, WORST, numbered("lista-interna", 1, 60), now)


def register_setting(base: Path) -> dict[str, object]:
    """The register as the configuration has it."""
    return {
        "id": REGISTER,
        "kind": "poland",
        "authority": "sat",
        "ground": "liva-18h",
        "source": str(base / "padron.xml"),
        "list": FEED,
        "guard": {"max_removals": MOST_REMOVALS},
        "capacity": {"names": ROOM},
    }


def numbered(word: str, first: int, last: int) -> list[str]:
    """Names that nobody has, ``word-0001.example``."""
    return [f"{word}-{number:04}.example" for number in range(first, last + 1)]


GROWN = numbered("lista-interna", 5, 62) + numbered("lista-nueva", 1, 1_140)
"""the adopted list after its sudden growth"""


def put_list(folder: Path, name: str, names: Iterable[str], now: float) -> None:
    """A new version of a list, as of now."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text("".join(f"{each}\n" for each in names), encoding="utf-8")
    os.utime(draft, (now, now))
    draft.rename(path)
