"""Reports as files and on the public page: words for all, nothing of a person, the same bytes again."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from filterd.config.web_settings import WebSettings
from filterd.operations.context import Context
from filterd.operations.reports import figures, reading
from filterd.operations.reports.making import AskedReport
from filterd.operations.reports.ranges import AskedRange
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from filterd.web.pages.translations import LANGUAGES
from filterd.web.public import transparency
from filterd.web.published.reporting.giving import ReportForm, give
from tests.worlds.installation import NOW, Installation, install
from tests.worlds.page_words import templates, translations
from tests.worlds.reported import BEGINS, DAY, ENDS, PLANTED, fill

RANGE = AskedRange(first="2026-12-01", last="2027-03-01")


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """Filled."""
    async with installation.open("ana", approvals=1) as opened:
        await fill(opened, installation)
        yield opened


def _clean(text: str) -> None:
    for each in PLANTED:
        assert each.lower() not in text.lower()


@pytest.mark.ring("night")
@pytest.mark.parametrize("kind", sorted(figures.REPORTS))
async def test_every_form_is_the_same_again_and_tells_of_nobody(context: Context, kind: str) -> None:
    for language in LANGUAGES:
        for form in set(ReportForm) - {ReportForm.PDF}:
            asked = AskedReport(kind, RANGE)
            made = await give(context, asked, form, language)
            _clean(made.decode())
            assert await give(context, asked, form, language) == made


@pytest.mark.ring("night")
async def test_every_table_and_row_has_words(context: Context) -> None:
    record = await reading.read(context, BEGINS, ENDS)
    for words in (translations().of(each) for each in LANGUAGES):
        for make in figures.REPORTS.values():
            for table in make(record).tables():
                rows = [row.label.text for row in table.rows if row.label.kind.value == "word"]
                lacking = [each for each in rows if not words.has(f"report.row.{each}")]
                assert not lacking


@pytest.mark.ring("night")
@pytest.mark.system("pdftotext")
async def test_the_pdf_says_it_and_has_the_figures_attached(context: Context, tmp_path: Path) -> None:
    asked = AskedReport("transparency", RANGE, "lmtr-183-xii")
    made = await give(context, asked, ReportForm.PDF, "es")
    path = tmp_path / "report.pdf"
    path.write_bytes(made)
    text = subprocess.run(["pdftotext", str(path), "-"], check=True, capture_output=True, text=True).stdout
    assert "Informe anual a la CRT" in text and "LMTR 183-XII" in text
    _clean(text)
    assert b"report.json" in made


@pytest.mark.ring("night")
async def test_the_public_page_is_of_the_last_whole_half_year(
    context: Context, installation: Installation
) -> None:
    installation.now = NOW + 180 * DAY
    state = PagesState(context, WebSettings(None, None), templates())
    app = make_pages(transparency.routes(), state)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://public.test") as client:
        for path, words in (("/servicio/transparencia", "enero de 2027"), ("/service/transparency", "2027")):
            page = await client.get(path)
            assert page.status_code == 200
            assert words in page.text and "style=" not in page.text and len(page.content) < 150_000
            _clean(page.text)
        data = (await client.get("/servicio/transparencia.json")).json()
        assert data["figures"]["totals.received"] == 8
        assert (await client.get("/service/transparency.csv")).text.startswith("figure,value")
        assert "set-cookie" not in page.headers


@pytest.mark.ring("night")
async def test_the_head_tells_the_thresholds_of_the_settings(context: Context) -> None:
    growth = replace(context.settings.reports.growth, percent=50, names=7)
    settings = replace(context.settings, reports=replace(context.settings.reports, growth=growth))
    head = await reading.head_of(replace(context, settings=settings), BEGINS, ENDS)
    assert (head.growth_share, head.growth_names) == (0.5, 7)
