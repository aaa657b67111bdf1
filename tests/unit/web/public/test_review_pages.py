"""``/revision``: the form, its folio, the state and the appeal; what is wrong, hostile or too much."""

from __future__ import annotations

import asyncio
import os
import re

import httpx
import pytest

from filterd.model.review import ReviewOutcome
from filterd.operations.context import Context
from filterd.operations.reviews import asking, deciding
from filterd.operations.reviews.asking import IssuedFolio, ReviewAsked
from filterd.operations.reviews.deciding import DecisionGiven
from filterd.operations.reviews.limits import ASKING, WINDOW, NetworkLimits
from filterd.web.pages.application import make_pages
from filterd.web.public.reviews import ReviewPages
from tests.unit.web.public.conftest import BASE, PublicPages
from tests.worlds.installation import as_person

ASKED = {
    "site": "https://Clinic.example/salud?x=1",
    "claim": "closed",
    "kind": "parental",
    "text": "para la tarea",
}
_FOLIO = re.compile(r"R-\d{4}-[2-9A-Z]{6}")
_CODE = re.compile(r">([2-9A-Z]{5}-[2-9A-Z]{5})<")


def folio_of(reply: httpx.Response) -> dict[str, str]:
    """Folio and code of the answer to a form."""
    assert reply.status_code == 201, reply.text
    folio, code = _FOLIO.search(reply.text), _CODE.search(reply.text)
    assert folio is not None and code is not None
    return {"folio": folio[0], "code": code[1]}


async def test_from_the_form_to_the_appeal(pages: PublicPages) -> None:
    client = pages.client()
    assert "Pide que se revise un sitio" in (await client.get("/revision?sitio=clinic.example")).text
    made = await client.post("/revision", data=ASKED)
    both = folio_of(made)
    assert "22 de enero de 2027" in made.text
    seen = await client.post("/revision/folio", data=both)
    assert "La estamos revisando" in seen.text
    refused = DecisionGiven(ReviewOutcome.REFUSED, "es un sitio de <apuestas>")
    await deciding.decide(as_person(pages.context, "ana"), both["folio"], refused)
    seen = await client.post("/revision/folio", data=both)
    assert "es un sitio de &lt;apuestas&gt;" in seen.text
    assert not re.search(r"\bana\b", seen.text), "who decided is nobody's business"
    appealed = await client.post("/revision/inconformidad", data=both)
    assert "Otra persona la está revisando de nuevo" in appealed.text
    assert (await client.post("/revision/inconformidad", data=both)).status_code == 200, "pressed twice"
    assert "profeco" in appealed.text
    for reply in (made, seen, appealed):
        assert "set-cookie" not in reply.headers
        assert reply.headers["cache-control"] == "no-store"
        assert len(reply.content) < 150_000


async def test_what_was_upheld_is_not_said_to_be_mended_before_it_is(pages: PublicPages) -> None:
    client = pages.client()
    both = folio_of(await client.post("/revision", data=ASKED))
    upheld = DecisionGiven(ReviewOutcome.UPHELD, "es una clínica")
    await deciding.decide(as_person(pages.context, "ana"), both["folio"], upheld)
    text = (await client.post("/revision/folio", data=both)).text
    assert "Tenías razón" in text and "Todavía falta hacerlo" in text
    assert "corregimos" not in text


async def test_an_authority_that_decides_is_named(pages: PublicPages) -> None:
    client = pages.client(language="en")
    both = folio_of(await client.post("/revision", data=ASKED))
    given = DecisionGiven(ReviewOutcome.FORWARDED, "a court ordered it", authority="judge")
    await deciding.decide(as_person(pages.context, "ana"), both["folio"], given)
    seen = await client.post("/revision/folio", data=both)
    assert "Who decides: Court." in seen.text


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"site": ""}, "no es el nombre de un sitio"),
        ({"site": "192.0.2.1"}, "no es el nombre de un sitio"),
        ({"site": "x" * 3000}, "no es el nombre de un sitio"),
        ({"claim": ""}, "Elige una de las dos"),
        ({"claim": "'; drop table review; --"}, "Elige una de las dos"),
        ({"text": "x" * 501}, "demasiado largo"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_written_stays(
    pages: PublicPages, wrong: dict[str, str], says: str
) -> None:
    reply = await pages.client().post("/revision", data={**ASKED, **wrong})
    assert (reply.status_code, says in reply.text) == (422, True)
    assert "Corrige lo que está marcado" in reply.text
    assert ("para la tarea" in reply.text) is ("text" not in wrong)
    assert (await deciding.page(pages.context))[0] == []


async def test_markup_in_a_form_stays_text(pages: PublicPages) -> None:
    text = '"><script>alert(1)</script>{{ 7*7 }}'
    reply = await pages.client().post("/revision", data={**ASKED, "site": text, "text": text})
    assert reply.status_code == 422
    assert "<script" not in reply.text
    assert "49" not in reply.text
    typed = await pages.client().post("/revision/folio", data={"folio": text, "code": text})
    assert (typed.status_code, "<script" in typed.text) == (403, False)


async def test_all_that_is_wrong_is_marked_at_once(pages: PublicPages) -> None:
    wrong = {**ASKED, "site": "no es un sitio", "claim": "", "text": "x" * 501}
    reply = await pages.client().post("/revision", data=wrong)
    for says in ("no es el nombre de un sitio", "Elige una de las dos", "demasiado largo"):
        assert says in reply.text


async def test_mistakes_use_up_nothing(pages: PublicPages) -> None:
    client = pages.client()
    for number in range(2 * ASKING.of_one):
        reply = await client.post("/revision", data={**ASKED, "site": f"no es un sitio {number}"})
        assert reply.status_code == 422
    folio_of(await client.post("/revision", data=ASKED))


async def test_another_site_sends_nothing(pages: PublicPages) -> None:
    for path in ("/revision", "/revision/folio", "/revision/inconformidad"):
        reply = await pages.client().post(path, data=ASKED, headers={"Origin": "http://elsewhere.example"})
        assert reply.status_code == 403
    assert (await deciding.page(pages.context))[0] == []


async def test_a_folio_that_exists_and_one_that_does_not_look_alike(pages: PublicPages) -> None:
    client = pages.client()
    both = folio_of(await client.post("/revision", data=ASKED))
    wrong = await client.post("/revision/folio", data={**both, "code": "22222-22222"})
    none = await client.post("/revision/folio", data={"folio": "R-2027-222222", "code": "22222-22222"})
    assert wrong.status_code == none.status_code == 403
    assert wrong.text.replace(both["folio"], "F") == none.text.replace("R-2027-222222", "F")


async def test_each_name_gets_the_same_answer(pages: PublicPages) -> None:
    """Of ``worst.example``, which a confidential list has, nothing is told."""
    answers = set()
    for site in ("worst.example", "plain.example", "adult.example"):
        reply = await pages.client().post("/revision", data={**ASKED, "site": site})
        both = folio_of(reply)
        text = reply.text.replace(both["folio"], "F").replace(both["code"], "C").replace(site, "S")
        answers.add((reply.status_code, text))
    assert len(answers) == 1


async def test_a_network_asks_so_often_and_another_still_may(pages: PublicPages) -> None:
    client = pages.client()
    for number in range(ASKING.of_one):
        folio_of(await client.post("/revision", data={**ASKED, "site": f"n{number}.example"}))
    refused = await client.post("/revision", data=ASKED)
    assert (refused.status_code, "por teléfono" in refused.text) == (429, True)
    assert len((await deciding.page(pages.context))[0]) == ASKING.of_one
    folio_of(await pages.client("198.51.100.7").post("/revision", data=ASKED))


async def test_when_too_many_wait_it_says_what_to_do(
    pages: PublicPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MOST_OPEN", 0)
    reply = await pages.client().post("/revision", data=ASKED)
    assert (reply.status_code, "demasiadas solicitudes" in reply.text) == (503, True)


async def test_guessing_codes_is_limited(pages: PublicPages) -> None:
    client = pages.client()
    both = folio_of(await client.post("/revision", data=ASKED))
    replies = [
        (await client.post("/revision/folio", data={**both, "code": f"2222{n}"})).status_code
        for n in range(40)
    ]
    assert (replies[0], replies[-1]) == (403, 429)


async def test_a_form_that_is_sent_again_makes_no_second_request(pages: PublicPages) -> None:
    """A reload of the answer, or a second tap, shows the same folio; a form that was changed is another."""
    client = pages.client()
    marks = [
        found[1]
        for _ in range(2)
        if (found := re.search(r'name="mark" value="([a-p]{16})"', (await client.get("/revision")).text))
    ]
    assert len(set(marks)) == 2
    sent = {**ASKED, "mark": marks[0]}
    tapped = await asyncio.gather(*(client.post("/revision", data=sent) for _ in range(8)))
    assert len({folio_of(each)["code"] for each in tapped}) == 1, (
        "and none of them counts against the network"
    )
    folios = {folio_of(tapped[0])["folio"]}
    for other in ({"mark": marks[1]}, {"site": "other.example"}, {"mark": ""}, {"mark": ""}):
        folios.add(folio_of(await client.post("/revision", data={**sent, **other}))["folio"])
    assert len(folios) == 5
    wrong = await client.post("/revision", data={**sent, "claim": ""})
    assert marks[0] in wrong.text, "the mark stays while a form is corrected"


async def test_forms_of_several_people_wait_for_the_store_together(
    pages: PublicPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen: while the store was locked each waited for those before it, and was refused later than they."""
    ask, waiting, both = asking.ask, 0, asyncio.Event()

    async def wait(context: Context, asked: ReviewAsked) -> IssuedFolio:
        nonlocal waiting
        waiting += 1
        if waiting == 2:
            both.set()
        await both.wait()
        return await ask(context, asked)

    monkeypatch.setattr(asking, "ask", wait)
    client = pages.client()
    forms = ({**ASKED, "site": f"{site}.example", "mark": site * 16} for site in "ab")
    async with asyncio.timeout(30):
        sent = await asyncio.gather(*(client.post("/revision", data=each) for each in forms))
    assert [each.status_code for each in sent] == [201, 201]


async def test_the_answer_to_a_form_is_forgotten_after_an_hour(pages: PublicPages) -> None:
    """By then its code is nowhere any more."""
    now = 0.0
    made = ReviewPages(NetworkLimits(ASKING, lambda: now, os.urandom))
    transport = httpx.ASGITransport(make_pages(made.routes(), pages.state))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        sent = {**ASKED, "mark": "a" * 16}
        first = folio_of(await client.post("/revision", data=sent))
        assert folio_of(await client.post("/revision", data=sent)) == first
        now = WINDOW + 1
        assert folio_of(await client.post("/revision", data=sent)) != first
