"""What a parent changes after the filter is on: pauses, ages, subjects, applications, sites."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from filterd.model.rule import Action
from filterd.operations import meanings, subscribers, view_codes
from filterd.operations.ends import midnight
from filterd.operations.plan_file import childrens_things
from filterd.operations.policies import policies
from filterd.operations.privacy.holders_copy import words as holders_words
from filterd.web.pages.translations import LANGUAGES
from filterd.web.portal.line_state import until, when
from filterd.web.portal.opting import paragraphs
from tests.unit.web.portal.conftest import PIN, Browser, PortalPages
from tests.worlds.installation import NOW
from tests.worlds.page_words import translations

LINE = "/portal/filtro/1"
GAMES = """
- {id: adult, title: {es: Adultos, en: Adult}, description: {es: Sexo, en: Sex}}
- {id: gambling, title: {es: Apuestas, en: Gambling}, description: {es: Juego, en: Bets}}
- {id: games, title: {es: Juegos en línea, en: Games}, description: {es: Juegos, en: Games}, empty: true}
"""


@pytest.fixture
async def browser(portal: PortalPages) -> Browser:
    """A browser on the page of a line with the children's profile."""
    portal.installation.write_policy("categories.yaml", GAMES)
    return await portal.turned_on()


async def test_a_pause_says_for_whom_and_until_when(portal: PortalPages, browser: Browser) -> None:
    await browser.follow(f"{LINE}/pausa")
    assert "toda la casa" in browser.words and "Vuelve solo" in browser.words
    assert "1 hora, hasta las 03:00" in browser.words  # 02:00 in Mexico City
    await browser.send(f"{LINE}/pausa", number=1)
    assert (await portal.choices()).paused_until == NOW + 3_600
    assert "En pausa, hasta las 03:00" in browser.words and "vuelve solo" in browser.words
    await browser.send(f"{LINE}/seguir")
    assert (await portal.choices()).paused_until == 0
    assert "Tu filtro está encendido" in browser.words


@pytest.mark.parametrize(
    ("word", "seconds"),
    [("15m", 900), ("3h", 10_800), ("hoy", 22 * 3_600), ("manana", 29 * 3_600)],
)
async def test_the_lengths_of_a_pause(portal: PortalPages, browser: Browser, word: str, seconds: int) -> None:
    await browser.open(f"{LINE}/pausa")
    await browser.send(f"{LINE}/pausa", {"hasta": word})
    assert (await portal.choices()).paused_until == NOW + seconds
    portal.after(seconds)
    fresh = await portal.signed_in()
    assert "Tu filtro está encendido" in fresh.words, "it comes back by itself"


async def test_a_pause_of_no_length_that_is_offered(portal: PortalPages, browser: Browser) -> None:
    await browser.open(f"{LINE}/pausa")
    await browser.send(f"{LINE}/pausa", {"hasta": "999d"})
    assert browser.reply.status_code == 422 and "No se cambió nada" in browser.words
    assert (await portal.choices()).paused_until == 0


async def test_closing_for_a_while(portal: PortalPages, browser: Browser) -> None:
    await browser.follow(f"{LINE}/cerrar")
    await browser.send(f"{LINE}/cerrar", {"que": "ninos", "hasta": "45m"})
    once = (await portal.choices()).adjustments.once
    assert [(each.end - each.begin, each.everything, each.categories) for each in once] == [
        (2_700, False, childrens_things(policies(portal.context))[0])
    ]
    assert "Ahora está cerrado: juegos, videos y redes sociales" in browser.words
    assert "por horario" not in browser.words, "it was closed by hand"
    await browser.send(f"{LINE}/abrir")
    assert (await portal.choices()).adjustments.once == ()
    await browser.open(f"{LINE}/cerrar")
    await browser.send(f"{LINE}/cerrar", {"que": "todo", "hasta": "1h"})
    assert (await portal.choices()).adjustments.once[0].everything


@pytest.mark.ring("night")
async def test_another_age_says_what_it_opens_first(portal: PortalPages, browser: Browser) -> None:
    await browser.follow(f"{LINE}/edad")
    await browser.follow(f"{LINE}/edad/nueva?edad=families")
    assert "Se abre Temas: Apuestas Aplicaciones: Chat Búsqueda segura: Busca" in browser.words
    assert (await portal.choices()).profile == "children"
    await browser.send(f"{LINE}/edad/nueva")
    assert (await portal.choices()).profile == "families"
    await browser.open(f"{LINE}/edad/nueva?edad=nothing")
    assert browser.path == f"{LINE}/edad"


@pytest.mark.ring("night")
async def test_topics_are_kept_as_differences(portal: PortalPages, browser: Browser) -> None:
    await browser.follow(f"{LINE}/temas")
    assert "Todavía no hay lista" in browser.words
    assert (
        "Aplicaciones que siguen cerradas aparte" in browser.words and f"{LINE}/aplicaciones" in browser.text
    )
    await browser.send(f"{LINE}/temas", {"cerrado": ["adult", "games"]})
    assert "mira también «Aplicaciones»" in browser.words, "gambling was opened, and chat stays closed"
    await browser.open(f"{LINE}/cartel")
    assert "Adultos" in browser.words and "Juegos en línea" not in browser.words, "no list fills it yet"
    own = (await portal.choices()).adjustments.categories
    assert own.added == ("games",) and own.taken == ("gambling",)
    await browser.open(f"{LINE}/temas")
    assert 'value="games" checked' in browser.text and 'value="gambling" checked' not in browser.text
    await browser.send(f"{LINE}/temas", {"cerrado": ["adult", "gambling"]})
    assert not (await portal.choices()).adjustments.categories.added
    await browser.open(f"{LINE}/temas")
    await browser.send(f"{LINE}/temas", {"cerrado": []})
    assert (await portal.choices()).adjustments.categories.taken == ("adult", "gambling")


@pytest.mark.ring("night")
async def test_applications_search_and_ways(portal: PortalPages, browser: Browser) -> None:
    await browser.follow(f"{LINE}/aplicaciones")
    assert 'value="chat" checked' in browser.text
    await browser.send(f"{LINE}/aplicaciones", {"cerrado": []})
    assert (await portal.choices()).adjustments.services.taken == ("chat",)
    await browser.open(f"{LINE}/busqueda")
    await browser.send(f"{LINE}/busqueda", {"cerrado": []})
    assert (await portal.choices()).adjustments.safe_search.taken == ("search-strict",)
    await browser.open(f"{LINE}/atajos")
    assert "DNS privado" in browser.words and 'value="cerrar" checked' in browser.text
    await browser.send(f"{LINE}/atajos", {"atajos": "abrir"})
    assert (await portal.choices()).adjustments.bypass.taken == ("doh",)
    assert "siguen abiertos" in browser.words and "se queda sin Internet" not in browser.words
    await browser.open(f"{LINE}/edad/nueva?edad=families-closed")
    assert "puede quedarse sin Internet" not in browser.words, "the line's own choice stays"
    await browser.open(f"{LINE}/atajos")
    await browser.send(f"{LINE}/atajos", {"atajos": "cerrar"})
    assert (await portal.choices()).adjustments.bypass.taken == ()
    assert "se queda sin Internet" in browser.words
    await browser.open(f"{LINE}/atajos")
    await browser.send(f"{LINE}/atajos", {"atajos": "otra"})
    assert browser.reply.status_code == 422


@pytest.mark.ring("night")
async def test_youtube_has_levels(portal: PortalPages, browser: Browser) -> None:
    engines = "".join(
        f"- {{id: youtube-{level}, engine: youtube, title: {{es: YouTube, en: YouTube}},"
        f" target: {level}.example,"
        f" names: {{exact: [www.youtube.example]}}}}\n"
        for level in ("strict", "moderate")
    )
    old = (portal.installation.base / "policies" / "safesearch.yaml").read_text()
    portal.installation.write_policy("safesearch.yaml", f"{old}{engines}")
    await browser.open(f"{LINE}/busqueda")
    assert 'value="off" checked' in browser.text
    for level in ("strict", "moderate"):
        await browser.send(f"{LINE}/busqueda", {"youtube": level, "cerrado": ["search-strict"]})
        assert (await portal.choices()).adjustments.safe_search.added == (f"youtube-{level}",)
        await browser.open(f"{LINE}/busqueda")
        assert f'value="{level}" checked' in browser.text
    await browser.send(f"{LINE}/busqueda", {"youtube": "off", "cerrado": ["search-strict"]})
    assert not (await portal.choices()).adjustments.safe_search.added


async def test_a_pasted_address_becomes_its_site(portal: PortalPages, browser: Browser) -> None:
    await browser.follow(f"{LINE}/sitios")
    await browser.send(
        f"{LINE}/sitios",
        {"sitio": "https://www.Tarea.example/clase?q=1#a", "que": "permitir", "hasta": "45m"},
    )
    own = (await portal.choices()).own_names
    assert [(each.name, each.action, each.until) for each in own] == [
        ("www.tarea.example", Action.ALLOW, NOW + 2_700)
    ]
    assert "De la dirección tomamos el sitio: www.tarea.example" in browser.words
    assert "Termina hoy a las 02:45" in browser.words
    await browser.send(f"{LINE}/sitios/quitar")
    assert (await portal.choices()).own_names == ()
    await browser.post(
        f"{LINE}/sitios/quitar",
        {"csrf": browser.fields_of(f"{LINE}/sitios")["csrf"], "sitio": "gone.example"},
    )
    assert browser.reply.status_code == 200


async def test_a_site_is_closed_for_today(portal: PortalPages, browser: Browser) -> None:
    await browser.open(f"{LINE}/sitios")
    await browser.send(f"{LINE}/sitios", {"sitio": "malo.example", "que": "cerrar", "hasta": "hoy"})
    own = (await portal.choices()).own_names
    assert own[0].action is Action.BLOCK and own[0].until == NOW + 22 * 3_600
    await browser.open(f"{LINE}/sitios")
    await browser.send(f"{LINE}/sitios", {"sitio": "malo.example", "que": "permitir", "hasta": "hoy"})
    assert browser.reply.status_code == 422 and "de la otra manera" in browser.words


@pytest.mark.ring("night")
@pytest.mark.parametrize(
    ("site", "words"),
    [
        ("portal.example", "no se puede cerrar"),
        ("ayuda.portal.example", "no se puede cerrar"),
        ("https://help.example/112", "no se puede cerrar"),
        ("com.mx", "no se puede cerrar"),
        ("mx", "no parece un sitio"),
        ("<script>alert(1)</script>", "no parece un sitio"),
        ("no es un sitio", "no parece un sitio"),
        ("", "Escribe un sitio"),
        ("a" * 2_000, "no parece un sitio"),
    ],
)
async def test_a_site_that_cannot_be_closed(
    portal: PortalPages, browser: Browser, site: str, words: str
) -> None:
    await browser.open(f"{LINE}/sitios")
    await browser.send(f"{LINE}/sitios", {"sitio": site, "que": "cerrar", "hasta": ""})
    assert browser.reply.status_code == 422 and words in browser.words, browser.words
    assert (await portal.choices()).own_names == ()
    assert "<script>alert" not in browser.text and "filterd " not in browser.words


async def test_a_full_list_of_sites(
    portal: PortalPages, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers, "MAX_OWN_NAMES", 1)
    await subscribers.deny(portal.context, "home", "one.example")
    await browser.open(f"{LINE}/sitios")
    await browser.send(f"{LINE}/sitios", {"sitio": "two.example", "que": "cerrar", "hasta": ""})
    assert browser.reply.status_code == 422 and "Tu lista está llena" in browser.words


@pytest.mark.ring("night")
async def test_the_pin_is_changed(portal: PortalPages, browser: Browser) -> None:
    await browser.follow(f"{LINE}/pin")
    assert "PIN de ahora" not in browser.words, "a link of the provider is enough"
    await browser.send(f"{LINE}/pin", {"pin": "123456"})
    assert browser.reply.status_code == 422 and "en fila" in browser.words
    await browser.send(f"{LINE}/pin", {"pin": "739 154"})
    assert "Anótalo" in browser.words
    child = await portal.browser("10.0.0.1").open("/portal/entrar")
    await child.send("/portal/pin", {"pin": PIN})
    assert child.reply.status_code == 403
    portal.after(120)
    await child.send("/portal/pin", {"pin": "739154"})
    await child.open(f"{LINE}/pin")
    assert "PIN de ahora" in child.words
    await child.send(f"{LINE}/pin", {"pin": "820394", "anterior": "111222"})
    assert child.reply.status_code == 403 and "Ese PIN no abre" not in child.words
    assert "Revísalo" in child.words


@pytest.mark.parametrize(
    ("pin", "words"),
    [("123456", "en fila"), ("111111", "se repiten"), ("12345", "de 6 a 12"), ("abc123", "solo números"),
     ("14032014", "fecha")],
)  # fmt: skip
async def test_nothing_is_turned_on_with_a_bad_pin(portal: PortalPages, pin: str, words: str) -> None:
    browser = await portal.signed_in()
    await browser.open(f"{LINE}/encender?edad=families")
    await browser.send(f"{LINE}/encender", {"pin": pin, "cerrado": "1"})
    assert browser.reply.status_code == 422 and words in browser.words
    assert 'name="cerrado" value="1" checked' in browser.text, "what was ticked stays so"
    assert not (await portal.choices()).opted_in


async def test_the_pin_can_wait(portal: PortalPages) -> None:
    browser = await portal.signed_in()
    await browser.open(f"{LINE}/encender?edad=families")
    await browser.send(f"{LINE}/encender", {"cerrado": "1"})
    assert (await portal.choices()).profile == "families-closed"
    assert "Todavía no tienes PIN" in browser.words
    await browser.open(LINE)
    assert "sin él necesitas un enlace" in browser.words


async def test_protection_that_the_provider_does_not_offer_is_not_shown_as_on(portal: PortalPages) -> None:
    settings = portal.context.settings
    security = replace(settings.security, enabled=False)
    portal.use(replace(portal.context, settings=replace(settings, security=security)))
    browser = await portal.turned_on()
    await browser.open(f"{LINE}/proteccion")
    assert "Tu proveedor no ofrece esta protección" in browser.words
    assert "Encendida" not in browser.words and f'action="{LINE}/proteccion"' not in browser.text


async def test_protection_against_malware(portal: PortalPages, browser: Browser) -> None:
    await browser.follow(f"{LINE}/proteccion")
    await browser.send(f"{LINE}/proteccion")
    assert (await portal.choices()).security_left and "Apagada" in browser.words
    await browser.send(f"{LINE}/proteccion")
    assert not (await portal.choices()).security_left


async def test_the_history_names_no_site(portal: PortalPages, browser: Browser) -> None:
    await browser.open(f"{LINE}/sitios")
    await browser.send(f"{LINE}/sitios", {"sitio": "secreto.example", "que": "cerrar", "hasta": ""})
    await subscribers.pause(portal.context, "home", 3_600)
    await browser.open(f"{LINE}/cambios")
    for each in (
        "Se cerró un sitio",
        "Se hizo una pausa",
        "Se encendió el filtro",
        "por tu proveedor",
        "en esta página",
    ):
        assert each in browser.words
    assert "secreto" not in browser.text
    assert browser.words.index("Se hizo una pausa") < browser.words.index("Se encendió el filtro")


async def test_the_history_tells_what_came_from_the_house(portal: PortalPages) -> None:
    await portal.turned_on()
    child = await portal.browser("10.0.0.1").open("/portal/entrar")
    await child.send("/portal/pin", {"pin": "739154"})
    parent = await portal.signed_in()
    await parent.open(f"{LINE}/cambios")
    assert re.search(r"Se escribió un PIN equivocado [^·]*· desde tu Wi.Fi", parent.words)
    assert re.search(r"Alguien entró aquí [^·]*· en esta página", parent.words)
    assert re.search(r"Se hizo un enlace o una clave para entrar aquí [^·]*· por tu proveedor", parent.words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_history_has_words_for_each_act(language: str) -> None:
    words = translations().of(language)
    acts = [each.removeprefix("subscriber.") for each in holders_words()["acts"]]
    assert [each for each in acts if not words.has(f"portal.act.{each}")] == []


def test_a_moment_at_midnight_is_not_told_as_tomorrow() -> None:
    words, zone = translations().of("es"), "America/Mexico_City"
    end = midnight(zone, NOW)
    assert when(words, end, NOW, zone) == "a medianoche"
    assert until(words, end, NOW, zone) == "hasta medianoche"
    assert until(words, end + 7 * 3_600, NOW, zone) == "hasta las 07:00 de mañana"
    assert until(words, end - 60, NOW, zone) == "hasta las 23:59"
    assert until(words, end + 86_400 * 3, NOW, zone).startswith("hasta el ")


@pytest.mark.ring("night")
async def test_a_copy_of_the_data_is_the_holders(portal: PortalPages, browser: Browser) -> None:
    await browser.follow(f"{LINE}/datos")
    fields = browser.fields_of(f"{LINE}/datos/copia")
    await browser.send(f"{LINE}/datos/copia")
    assert browser.reply.headers["content-disposition"] == 'attachment; filename="mis-datos.txt"'
    assert "Datos que se guardan de la línea home" in browser.text
    child = await portal.browser("10.0.0.1").open("/portal/entrar")
    await child.send("/portal/pin", {"pin": PIN})
    await child.open(f"{LINE}/datos")
    assert "Descargar mis datos" not in child.words
    await child.post(f"{LINE}/datos/copia", {**fields, "csrf": child.fields_of("/portal/salir")["csrf"]})
    assert child.reply.status_code == 403


async def test_a_code_for_who_helps_is_not_made_with_a_pin(portal: PortalPages, browser: Browser) -> None:
    await subscribers.deny(portal.context, "home", "secreto.example")
    await browser.follow(f"{LINE}/codigo")
    fields = browser.fields_of(f"{LINE}/codigo")
    await browser.send(f"{LINE}/codigo")
    code = re.search(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}\b", browser.words)
    assert code and "Sirve hasta las 02:10" in browser.words, browser.words
    seen = await view_codes.view(portal.context, "home", code[0])
    assert [each.name for each in seen.choices.own_names] == ["secreto.example"]
    child = await portal.browser("10.0.0.1").open("/portal/entrar")
    await child.send("/portal/pin", {"pin": PIN})
    await child.open(f"{LINE}/codigo")
    assert "Hacer un código" not in child.words and "Entraste con el PIN" in child.words
    await child.post(f"{LINE}/codigo", {**fields, "csrf": child.fields_of("/portal/salir")["csrf"]})
    assert child.reply.status_code == 403
    await browser.open(f"{LINE}/cambios")
    assert re.search(r"código para enseñar tu lista de sitios [^·]*· en esta página", browser.words)


async def test_a_school_prints_a_notice(portal: PortalPages) -> None:
    browser = await portal.signed_in("home", also=("other",), organisation="Escuela <b>Juárez</b> & Cía")
    assert browser.path == "/portal/filtro"
    assert "Escuela &lt;b&gt;Juárez&lt;/b&gt; &amp; Cía" in browser.text
    assert "Filtro apagado" in browser.words
    await browser.follow("/portal/filtro/2")
    assert "Lugar: other" in browser.words
    await browser.open("/portal/filtro/2/encender?edad=children")
    await browser.send("/portal/filtro/2/encender", {})
    assert (await portal.choices("other")).opted_in and not (await portal.choices("home")).opted_in
    await browser.open("/portal/filtro/2/cartel")
    assert "Esta red tiene un filtro" in browser.words and "<b>" not in browser.text
    assert (await portal.browser().open("/portal/filtro/2/cartel")).path == "/portal/entrar"


async def test_an_announced_change_is_told_and_can_be_taken(portal: PortalPages, browser: Browser) -> None:
    documents = policies(portal.context)
    await meanings.note(portal.context, documents, ())
    name = "profiles/children.yaml"
    old = (portal.installation.base / "policies" / name).read_text()
    portal.installation.write_policy(name, old.replace("[adult, gambling]", "[adult, gambling, games]"))
    await meanings.note(portal.context, policies(portal.context), ())
    await browser.open(LINE)
    assert "Tu filtro va a cambiar el 14 de febrero de 2027" in browser.words
    assert "Juegos en línea" in browser.words
    await browser.send(f"{LINE}/aceptar")
    assert (await portal.choices()).meaning == 2
    assert "El cambio vale desde hoy" in browser.words and "va a cambiar" not in browser.words


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Uno.\nDos sigue\nen otra línea.\n\n¿Tres?\n", ["Uno.", "Dos sigue en otra línea.", "¿Tres?"]),
        ("", []),
    ],
)
def test_lines_of_the_file_are_no_paragraphs(text: str, wanted: list[str]) -> None:
    assert paragraphs(text) == wanted
