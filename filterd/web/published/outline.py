"""The public pages: their files in both languages, and how they lead to each other."""

from __future__ import annotations

from dataclasses import dataclass

FOLDERS = {"es": "servicio", "en": "service"}
"""of each language, below the directory of an export"""
STATEMENTS = {"es": "declaracion", "en": "statement"}
"""the daily signed statement, below the folder of each language; served alone, in no export"""
TRANSPARENCY = {"es": "transparencia", "en": "transparency"}
"""the report of the last whole half-year, below the folder of each language; served alone, in no export"""
LISTS = {"es": "listas", "en": "lists"}
"""the lists that the provider publishes, signed, below the folder of each language; served alone"""
AUDIENCES = ("teenagers", "teachers", "families", "libraries")
"""pages made of sections of words alone"""


@dataclass(frozen=True, slots=True)
class PublicPage:
    """A page in both languages."""

    id: str
    es: str
    """the stem of its file in Spanish"""
    en: str
    template: str
    audience: str = ""
    """whose help lines it shows"""

    def file(self, language: str) -> str:
        """The name of its file."""
        return f"{self.es if language == 'es' else self.en}.html"

    def path(self, language: str) -> str:
        """Its path below the directory of an export."""
        return f"{FOLDERS[language]}/{self.file(language)}"


PAGES = (
    PublicPage("index", "index", "index", "index"),
    PublicPage("categories", "temas", "categories", "categories"),
    PublicPage("profiles", "perfiles", "profiles", "profiles"),
    PublicPage("devices", "aparatos", "devices", "sections"),
    PublicPage("privacy", "privacidad", "privacy", "privacy"),
    PublicPage("complaints", "quejas", "complaints", "complaints", "complaints"),
    PublicPage("changes", "cambios", "changes", "changes"),
    PublicPage("children", "ninas-y-ninos", "children", "children", "children"),
    PublicPage("game", "que-harias", "what-would-you-do", "game"),
    PublicPage("teenagers", "adolescentes", "teenagers", "sections", "teenagers"),
    PublicPage("teachers", "docentes", "teachers", "sections", "teachers"),
    PublicPage("families", "familias", "families", "sections", "families"),
    PublicPage("libraries", "bibliotecas", "libraries", "libraries", "libraries"),
)
MENU = ("index", "categories", "profiles", "devices", "privacy", "complaints", "changes")
"""in the head of each page"""
FOR_WHOM = ("children", "teenagers", "teachers", "families", "libraries")
PICTURES = ("traffic-red", "traffic-yellow", "traffic-green", "rule-data", "rule-photos", "rule-secrets")
"""files of static/ that pages show, as SVG"""
