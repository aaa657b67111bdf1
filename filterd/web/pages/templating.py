"""Templates: HTML by Jinja, always escaped, with the words of one language."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from filterd.web.pages.translations import Translations, Words

FOLDER = Path(__file__).parents[1] / "templates"


class Templates:
    """The templates of all pages, and the words for them."""

    def __init__(self, translations: Translations, folder: Path = FOLDER) -> None:
        self.translations = translations
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    def render(self, name: str, language: str, **values: object) -> str:
        """The page ``name`` (a path below the folder) in this language. In it ``_`` is :meth:`Words.text`,
        ``_n`` :meth:`Words.count`, and ``words`` has the rest."""
        words: Words = self.translations.of(language)
        template = self._environment.get_template(name)
        return template.render(_=words.text, _n=words.count, words=words, language=language, **values)
