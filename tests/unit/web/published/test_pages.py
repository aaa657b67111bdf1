"""The public pages in both languages: whole, short enough to be read, and true to the facts."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from filterd.config.service_settings import ServiceSettings
from filterd.model.page_record import UNSTAMPED, Stamp
from filterd.operations.service_page.facts import ChangeFact, LinkFact, ServiceFacts
from filterd.policy.documents import Text
from filterd.web.pages.translations import LANGUAGES
from filterd.web.published.outline import FOR_WHOM, PAGES
from filterd.web.published.site import render
from tests.worlds.installation import NOW, install
from tests.worlds.page_words import translations
from tests.worlds.service import shipped_facts

STAMP = Stamp(3, NOW, 41)
MOST_WORDS = {
    "children": 180,
    "game": 180,
    "teenagers": 400,
    "teachers": 400,
    "families": 400,
    "libraries": 400,
}
LARGEST = 150_000
"""bytes of a page"""
VOID = frozenset(("meta", "link", "img", "br", "hr", "input"))
ANYWHERE = "https://filtro.operador.example"


class Page(HTMLParser):
    """What a page has: the words of its main part, its links, its ids, its elements."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self._main = False
        self.feed(body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes |= found.keys()
        self._main = self._main or tag == "main"
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []
        self.sources += [found[name] for name in ("src", "href") if name in found and tag in ("img", "link")]

    def handle_endtag(self, tag: str) -> None:
        self._main = self._main and tag != "main"

    def handle_data(self, data: str) -> None:
        if self._main:
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> ServiceFacts:
    async def gathered() -> ServiceFacts:
        return await shipped_facts(await install(tmp_path_factory.mktemp("service")))

    return asyncio.run(gathered())


@pytest.fixture(scope="module")
def files(facts: ServiceFacts) -> dict[str, bytes]:
    return render(facts, STAMP)


@pytest.fixture(scope="module")
def pages(files: dict[str, bytes]) -> dict[str, Page]:
    return {path: Page(body) for path, body in files.items() if path.endswith(".html")}


def main_of(facts: ServiceFacts, page: str, language: str = "es") -> str:
    path = next(each.path(language) for each in PAGES if each.id == page)
    return Page(render(facts, STAMP)[path]).text


@pytest.mark.ring("night")
def test_every_page_is_there_in_both_languages(pages: dict[str, Page]) -> None:
    assert pages.keys() == {each.path(language) for each in PAGES for language in LANGUAGES}


@pytest.mark.ring("night")
def test_the_same_facts_make_the_same_bytes(facts: ServiceFacts, files: dict[str, bytes]) -> None:
    assert render(facts, STAMP) == files
    assert render(facts, UNSTAMPED) != files


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("page", "most"), MOST_WORDS.items())
def test_an_audience_has_few_words_to_read(
    pages: dict[str, Page], language: str, page: str, most: int
) -> None:
    path = next(each.path(language) for each in PAGES if each.id == page)
    words = [each for each in pages[path].words if any(map(str.isalnum, each))]
    assert 60 < len(words) <= most, path


def test_a_page_is_small_and_has_no_script_style_or_form(
    files: dict[str, bytes], pages: dict[str, Page]
) -> None:
    assert [path for path, body in files.items() if len(body) > LARGEST] == []
    for path, page in pages.items():
        assert not {"script", "style", "form", "iframe"} & set(page.tags), path
        assert not {each for each in page.attributes if each.startswith("on")} | (
            page.attributes & {"style"}
        ), path
        assert [each for each in page.sources if ":" in each] == [], f"{path}: elsewhere"


def test_every_link_within_leads_somewhere(files: dict[str, bytes], pages: dict[str, Page]) -> None:
    broken = []
    for path, page in pages.items():
        folder = path.partition("/")[0]
        for link in [*page.links, *page.sources]:
            if ":" in link:
                continue
            file, _, anchor = link.partition("#")
            target = path if not file else file[3:] if file.startswith("../") else f"{folder}/{file}"
            if target not in files or (anchor and anchor not in pages[target].ids):
                broken.append(f"{path}: {link}")
    assert broken == []


def test_no_id_stands_twice_and_each_page_has_one_heading(pages: dict[str, Page]) -> None:
    for path, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), path
        assert page.tags.count("h1") == 1, path


def test_each_page_says_of_which_record_it_is(files: dict[str, bytes], pages: dict[str, Page]) -> None:
    for path in pages:
        text = files[path].decode()
        assert '<time datetime="2027-01-15">' in text, path
        assert re.search(r"(Registro|Record) 3\.", text), path
        assert "41" not in text, "the store's revision tells strangers how many changes there were"


@pytest.mark.ring("night")
def test_each_help_line_is_shown_with_the_day_of_its_check(facts: ServiceFacts) -> None:
    lines = {each.id: each for each in facts.help_lines}
    assert {"emergency", "linea-de-la-vida", "guardia-nacional"} <= lines.keys()
    for page in (each for each in PAGES if each.audience):
        text = main_of(facts, page.id)
        shown = [each for each in facts.help_lines if page.audience in each.audiences]
        assert shown, page.id
        assert all(each.phone in text and each.title.es in text for each in shown)
        assert "27 de noviembre de 2026" in text
    other = tuple(replace(each, checked="2027-01-02") for each in facts.help_lines if each.id == "emergency")
    text = main_of(replace(facts, help_lines=(*other, lines["linea-de-la-vida"])), "children")
    assert "2 de enero de 2027" in text
    assert "27 de noviembre de 2026" in text


def test_help_numbers_can_be_dialled(pages: dict[str, Page]) -> None:
    assert {"tel:911", "tel:8009112000"} <= set(pages["servicio/ninas-y-ninos.html"].links)


def test_the_first_page_says_price_what_it_does_and_what_it_does_not(facts: ServiceFacts) -> None:
    text = main_of(facts, "index")
    assert "Sin costo" in text
    assert "No funciona con datos móviles ni en otra casa" in text
    assert "No guarda qué páginas visita nadie" in text
    assert "hasta 5 minutos" in text
    assert "DNS_PROBE_FINISHED_NXDOMAIN" in text
    assert "800 123 4567" in text


def test_what_nobody_wrote_no_page_says(facts: ServiceFacts) -> None:
    bare = replace(facts, provider=ServiceSettings())
    assert "Precio" not in main_of(bare, "index")
    assert "Sin costo" not in " ".join(main_of(bare, each.id) for each in PAGES if each.id == "index")
    assert "no ha publicado todavía" in main_of(bare, "complaints")


@pytest.mark.parametrize("mode", ["closed", "open"])
def test_the_failure_mode_is_the_one_that_is_set(facts: ServiceFacts, mode: str) -> None:
    words = {"closed": "no abren las páginas", "open": "navegan sin él"}
    text = main_of(replace(facts, answers=replace(facts.answers, parental_fail=mode)), "index")
    assert [each for each in words if words[each] in text] == [mode]


def test_the_protection_against_malware_is_told_as_it_is_set(facts: ServiceFacts) -> None:
    assert "no cierra sitios de virus y fraudes por su cuenta" in main_of(facts, "categories")
    on = replace(facts, security=replace(facts.security, enabled=True))
    assert "Puedes salir de esto cuando quieras" in main_of(on, "categories")


def test_a_review_without_account_is_offered_only_where_it_is_served(facts: ServiceFacts) -> None:
    assert "sin avisar a nadie de tu casa" not in main_of(facts, "teenagers")
    served = replace(facts, links=LinkFact("", "", f"{ANYWHERE}/revision"))
    assert "sin avisar a nadie de tu casa" in main_of(served, "teenagers")
    assert "No se avisa a quien contrató" in main_of(served, "complaints")
    assert "No se avisa a quien contrató" not in main_of(facts, "complaints")


def test_the_signed_statement_is_linked_where_it_is_served(facts: ServiceFacts) -> None:
    served = replace(facts, links=LinkFact("", "", f"{ANYWHERE}/revision"))
    linked, plain = render(served, STAMP), render(facts, STAMP)
    for path, name in (("servicio/index.html", "declaracion"), ("service/categories.html", "statement")):
        address = f"{ANYWHERE}/{path.partition('/')[0]}/{name}"
        assert address in Page(linked[path]).links
        assert not any(each.endswith(name) for each in Page(plain[path]).links)
    assert not any("declaracion" in each or "statement" in each for each in linked), "it is no file of them"


@pytest.mark.ring("night")
def test_published_lists_and_the_report_are_linked_where_they_are_served(facts: ServiceFacts) -> None:
    served = LinkFact("", "", f"{ANYWHERE}/revision", lists=True)
    without = replace(served, lists=False)
    assert "Listas que publicamos" in main_of(replace(facts, links=served), "index")
    assert "Informe de transparencia" in main_of(replace(facts, links=without), "index")
    assert "Listas que publicamos" not in main_of(replace(facts, links=without), "index")
    for links in (without, served):
        page = Page(render(replace(facts, links=links), STAMP)["service/categories.html"])
        assert (f"{ANYWHERE}/service/lists" in page.links) == links.lists


def test_changes_are_told_with_their_dates(facts: ServiceFacts) -> None:
    assert "No hay cambios anunciados" in main_of(facts, "changes")
    change = ChangeFact(
        "teen", Text("Jóvenes", "Teens"), "2027-01-15", "2027-02-14", Text("Se agrega: Apuestas", "x")
    )
    text = main_of(replace(facts, changes=(change,)), "changes")
    assert "Anunciado el 15 de enero de 2027. Vale desde el 14 de febrero de 2027" in text


def test_profiles_are_told_with_limits_warnings_and_hours(facts: ServiceFacts) -> None:
    text = main_of(facts, "profiles")
    for each in facts.profiles:
        assert each.title.es in text and each.limits is not None
        assert " ".join(each.limits.es.split()) in text
        assert each.warning is None or " ".join(each.warning.es.split()) in text
    assert "de 21:00 a 06:00" in text


def test_a_hostile_name_is_shown_as_text(facts: ServiceFacts) -> None:
    hostile = replace(facts.provider, name="<script>alert(1)</script>")
    found = render(replace(facts, provider=hostile), STAMP)["servicio/index.html"]
    assert b"<script" not in found
    assert b"&lt;script&gt;" in found


def test_subscribers_read_none_of_our_words(pages: dict[str, Page]) -> None:
    ours = re.compile(r"\b(resolvedor|sinkhole|evasión|EDE|perfil(es)?|categorías?)\b", re.IGNORECASE)
    for each in PAGES:
        if each.id in ("index", "children", "game", "teenagers", "families"):
            text = pages[each.path("es")].text.replace("DNS privado", "").replace("DNS_PROBE", "")
            assert ours.findall(text) == [], each.id
            assert not re.search(r"\bDNS\b", text), each.id


def test_every_text_of_the_pages_is_used() -> None:
    words = translations().of("es")
    assert all(words.has(f"public.{each}.title") for each in FOR_WHOM)
