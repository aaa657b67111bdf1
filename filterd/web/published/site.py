"""Makes the files of the public pages from the facts: the same bytes for the same facts and stamp.

They are a whole site: links are relative, the stylesheet and the pictures are among them, and there is no
script. What a web server is given and what this program serves are the same files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from filterd.model.page_record import Stamp
from filterd.operations.service_page.facts import FACTS_FILE, ServiceFacts
from filterd.operations.service_page.mandatory import SMALL
from filterd.policy.help_lines import HelpLine
from filterd.web.pages.templating import Templates
from filterd.web.pages.translations import LANGUAGES, Translations, Words
from filterd.web.published.outline import (
    FOLDERS,
    FOR_WHOM,
    LISTS,
    MENU,
    PAGES,
    PICTURES,
    STATEMENTS,
    TRANSPARENCY,
    PublicPage,
)
from filterd.web.published.speech import Speech

STATIC = Path(__file__).parents[1] / "static"
HOME = FOLDERS["es"]
"""the folder that has the stylesheet, the icon and the pictures"""


def render(facts: ServiceFacts, stamp: Stamp) -> dict[str, bytes]:
    """Every file of the pages, by path."""
    files = dict(_static())
    for language in LANGUAGES:
        for each in PAGES:
            files[each.path(language)] = _page(each, language, facts, stamp)
    names = sorted((*files, FACTS_FILE))
    files[FACTS_FILE] = _facts(facts, stamp, names)
    return dict(sorted(files.items()))


@cache
def _templates() -> Templates:
    return Templates(Translations())


@cache
def _static() -> Mapping[str, bytes]:
    names = ("house.css", "icon.svg", *(f"{each}.svg" for each in PICTURES))
    return {f"{HOME}/{name}": (STATIC / name).read_bytes() for name in names}


def _facts(facts: ServiceFacts, stamp: Stamp, names: list[str]) -> bytes:
    """The file for programs: facts, record, and the names of all files."""
    record = {"number": stamp.number, "at": stamp.at, "digest": facts.digest}
    found = {"facts": facts.plain, "files": names, "record": record}
    return json.dumps(found, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"


def _page(page: PublicPage, language: str, facts: ServiceFacts, stamp: Stamp) -> bytes:
    templates = _templates()
    words = templates.translations.of(language)
    other = next(each for each in LANGUAGES if each != language)
    home = "" if FOLDERS[language] == HOME else f"../{HOME}/"
    body = templates.render(
        f"public/{page.template}.html",
        language,
        page=page,
        facts=facts,
        speech=Speech(words, facts),
        values={"minutes": words.number(max(1, -(-facts.answers.device_seconds // 60)))},
        small=SMALL,
        house_css=f"{home}house.css",
        house_icon=f"{home}icon.svg",
        pictures=home,
        facts_file=f"{home}{Path(FACTS_FILE).name}",
        request_path=page.file(language),
        other_file=f"../{page.path(other)}",
        menu=_links(MENU, language, words),
        for_whom=_links(FOR_WHOM, language, words),
        files={each.id: each.file(language) for each in PAGES},
        lines=_lines(facts, page.audience),
        statement_file=_served(facts, language, STATEMENTS),
        transparency_file=_served(facts, language, TRANSPARENCY),
        lists_file=_served(facts, language, LISTS) if facts.links.lists else "",
        stamp=_stamp(stamp, words),
    )
    return body.encode()


def _links(ids: tuple[str, ...], language: str, words: Words) -> list[tuple[str, str]]:
    known = {each.id: each for each in PAGES}
    return [(known[each].file(language), words.text(f"public.nav.{each}")) for each in ids]


def _served(facts: ServiceFacts, language: str, names: Mapping[str, str]) -> str:
    """The address of a page that is served and not exported: the daily signed statement, the
    transparency report, published lists. Empty where the public pages are not served under a URL."""
    review, _, page = facts.links.review.rpartition("/")
    return f"{review}/{FOLDERS[language]}/{names[language]}" if page else ""


def _lines(facts: ServiceFacts, audience: str) -> list[HelpLine]:
    return [each for each in facts.help_lines if audience in each.audiences]


def _stamp(stamp: Stamp, words: Words) -> dict[str, str]:
    """The stamp as the foot of a page shows it; the time is that of UTC, as the record has it. Without the
    store's revision, which rises with each change of any line: strangers could count them."""
    day = datetime.fromtimestamp(stamp.at, UTC)
    return {
        "day": words.day(day),
        "iso": day.date().isoformat(),
        "number": str(stamp.number),
    }
