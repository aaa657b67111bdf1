"""A PDF of a receipt is always the same, has the signed JSON attached, and takes texts as texts."""

from __future__ import annotations

import asyncio
import re
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filterd.model import signed_text
from filterd.operations.errors import NotReachedError, OperationError, UnusableError
from filterd.operations.receipts import sheet, typesetting
from filterd.operations.receipts.body import Issuer, body_of
from filterd.operations.receipts.pieces import REPERTOIRE, fixed, pieces, shown
from filterd.operations.receipts.typesetting import pdf_of
from filterd.operations.receipts.words import SheetLanguage, texts
from tests.worlds.receipts import HIDDEN, HOSTILE, demand, facts, many, order, samples, sign

SAMPLES = samples()
ES, EN = SheetLanguage.ES, SheetLanguage.EN


def streams(pdf: bytes) -> list[bytes]:
    """Every stream of a PDF, inflated."""
    found = []
    for raw in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(raw))
        except zlib.error:
            found.append(raw)
    return found


def text_of(pdf: bytes, folder: Path) -> str:
    """The text of a PDF as another program reads it."""
    (folder / "sheet.pdf").write_bytes(pdf)
    command = ["pdftotext", "-layout", "sheet.pdf", "-"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return done.stdout.decode()


def squeezed(text: str) -> str:
    """The text without any space."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("language", SheetLanguage)
@pytest.mark.parametrize("name", SAMPLES)
async def test_the_same_receipt_gives_the_same_bytes(
    name: str, language: SheetLanguage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = await pdf_of(SAMPLES[name], language)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LANG", "tr_TR.UTF-8")
    assert await pdf_of(SAMPLES[name], language) == first
    assert b"<pdfaid:part>3</pdfaid:part>" in first
    assert SAMPLES[name].encode() in streams(first)
    for active in (b"/JavaScript", b"/Launch", b"/URI", b"/OpenAction"):
        assert active not in first


@pytest.mark.system("pdfdetach")
async def test_another_program_takes_out_exactly_what_was_signed(tmp_path: Path) -> None:
    (tmp_path / "sheet.pdf").write_bytes(await pdf_of(SAMPLES["on-time"], ES))
    subprocess.run(["pdfdetach", "-saveall", "sheet.pdf"], cwd=tmp_path, check=True, capture_output=True)
    taken = tmp_path / "O-17-20260304T150000Z.json"
    assert taken.read_bytes() == SAMPLES["on-time"].encode()


async def test_a_confidential_name_is_in_no_stream() -> None:
    assert HIDDEN not in SAMPLES["confidential"]
    for language in SheetLanguage:
        made = await pdf_of(SAMPLES["confidential"], language)
        for each in (made, *streams(made)):
            assert HIDDEN.encode() not in each
            assert HIDDEN.encode("utf-16-be") not in each


@pytest.mark.system("pdftotext")
async def test_a_confidential_name_is_on_no_page(tmp_path: Path) -> None:
    text = text_of(await pdf_of(SAMPLES["confidential"], ES), tmp_path)
    assert "3 entradas" in text
    assert "unspeakable" not in squeezed(text)


@pytest.mark.system("pdftotext")
async def test_hostile_texts_are_shown_and_do_nothing(tmp_path: Path) -> None:
    text = text_of(await pdf_of(SAMPLES["hostile"], EN), tmp_path)
    for each in HOSTILE:
        assert squeezed(shown(each)) in squeezed(text)
    assert "\u202e" not in text
    assert "\u200b" not in text
    assert "[U+202E]gnp.exe[U+202C]" in text


@pytest.mark.system("pdftotext")
async def test_a_hostile_provider_is_text_in_the_head_and_the_metadata(tmp_path: Path) -> None:
    name = '</rdf:li>#panic("x") \\ $ <a> & ' + HOSTILE[3]
    made = facts(order(), issuer=Issuer("00" * 16, name, "mx", "Nowhere/Land", "0.2.0"))
    text = text_of(await pdf_of(sign(body_of(made)), EN), tmp_path)
    assert squeezed(shown(name)) in squeezed(text)


@pytest.mark.ring("night")
@pytest.mark.system("pdftotext")
async def test_ten_thousand_names_run_over_pages_with_a_head(tmp_path: Path) -> None:
    names = many(10_000)
    text = text_of(await pdf_of(sign(body_of(facts(order(wanted=demand(names=names))))), ES), tmp_path)
    pages = text.removesuffix("\f").split("\f")
    assert len(pages) > 50
    for number, page in enumerate(pages, start=1):
        assert "Constancia de cumplimiento" in page
        assert f"Página {number} de {len(pages)}" in page
    for name, _ in names:
        assert name in text


@pytest.mark.system("pdftotext")
@pytest.mark.parametrize(
    ("name", "spanish", "english"),
    [
        ("on-time", "En plazo: bloquear.", "In time: enforce."),
        ("late", "Fuera de plazo: bloquear, informar", "Late: enforce, report"),
        ("lifted", "fue levantada", "was lifted"),
        ("suspended", "Suspendida hasta el 2 de abril de 2026", "Suspended until 2 April 2026"),
        ("outside-dns", "por un medio distinto del DNS", "by other means than DNS"),
        ("300-names", "300 nombres", "300 names"),
    ],
)
async def test_a_page_says_what_became_of_the_order(
    name: str, spanish: str, english: str, tmp_path: Path
) -> None:
    for language, said in ((ES, spanish), (EN, english)):
        assert squeezed(said) in squeezed(text_of(await pdf_of(SAMPLES[name], language), tmp_path))


async def test_the_fonts_have_the_whole_repertoire() -> None:
    every = "".join(sorted(REPERTOIRE))
    whole = demand(official=every, names=tuple((each, scope) for each, scope in ((every, many(1)[0][1]),)))
    assert (await pdf_of(sign(body_of(facts(order(wanted=whole)))), ES)).startswith(b"%PDF")


def test_pieces_are_the_shown_text_and_none_is_long() -> None:
    for text in (*HOSTILE, "", "a" * 24, "a" * 25, "a.b-c/" * 50, "x" * 1000):
        assert "".join(pieces(text)) == shown(text)
        assert all(len(word) <= 24 for each in pieces(text) for word in each.split())
        assert "".join(fixed(text)) == shown(text)
    assert pieces("short words stay whole") == ["short words stay whole"]


def test_both_languages_have_the_same_words() -> None:
    spanish, english = texts(ES), texts(EN)
    assert _keys(spanish) == _keys(english)


def _keys(table: dict[str, Any], above: str = "") -> dict[str, object]:
    """Every key with the placeholders of its text."""
    found: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= _keys(value, f"{above}{key}.")
        else:
            found[above + key] = (
                sorted(re.findall(r"\{\w+\}", value)) if isinstance(value, str) else len(value)
            )
    return found


@pytest.mark.parametrize(("country", "paper"), [("mx", "us-letter"), ("it", "a4"), ("pl", "a4")])
def test_the_paper_is_that_of_the_country(country: str, paper: str) -> None:
    issuer = replace(facts(order()).issuer, jurisdiction=country)
    text = sign(body_of(facts(order(), issuer=issuer)))
    assert sheet.sheet_of(text, ES)["paper"] == paper


async def test_without_typst_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "typst.py").write_text("raise ImportError('no typst')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with pytest.raises(UnusableError, match="typst, which is not installed") as refused:
        await pdf_of(SAMPLES["on-time"], ES)
    assert "pip install" in refused.value.remedy


async def test_one_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "typst.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with pytest.raises(NotReachedError, match="within 1 seconds"):
        await pdf_of(SAMPLES["on-time"], ES, seconds=1)


@pytest.mark.parametrize(
    "body",
    [
        "raise MemoryError",
        "import os; os._exit(9)",
        "class Fonts:\n    def __init__(self, **_): raise ValueError('unspeakable \"name\"')",
    ],
)
async def test_one_that_fails_says_so_and_tells_no_content(
    body: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "typst.py").write_text(body)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with pytest.raises(NotReachedError, match="the PDF was not made") as refused:
        await pdf_of(SAMPLES["on-time"], ES)
    assert "unspeakable" not in str(refused.value)
    assert "the receipt itself is its JSON" in refused.value.remedy


@pytest.mark.ring("night")
async def test_a_pdf_that_says_something_else_is_found() -> None:
    made = await pdf_of(SAMPLES["on-time"], EN)
    await typesetting.require_same(SAMPLES["on-time"], made)
    for wrong in (made + b"\n", made.replace(b"Receipt", b"Recieve"), b""):
        with pytest.raises(OperationError, match="not what this filterd makes"):
            await typesetting.require_same(SAMPLES["on-time"], wrong)
    with pytest.raises(OperationError):
        await typesetting.require_same(SAMPLES["late"], made)


def test_samples_are_signed_texts() -> None:
    for text in SAMPLES.values():
        assert signed_text.read(text).body["order"]["reference"] == "O-17"


async def test_two_sheets_are_set_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for a place, and of these one that waits too long is told to try again."""
    at_work, most, go = 0, 0, asyncio.Event()

    async def run(*_: object) -> tuple[int, bytes, bytes]:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        try:
            await go.wait()
            await asyncio.sleep(0)
        finally:
            at_work -= 1
        return 0, b"%PDF", b""

    monkeypatch.setattr(typesetting, "_run", run)
    waiting = [asyncio.ensure_future(pdf_of(next(iter(SAMPLES.values())), ES)) for _ in range(5)]
    while at_work < typesetting.AT_ONCE:
        await asyncio.sleep(0.01)
    with pytest.raises(NotReachedError, match="other PDFs"):
        await pdf_of(next(iter(SAMPLES.values())), ES, seconds=0.05)
    go.set()
    assert await asyncio.gather(*waiting) == [b"%PDF"] * 5
    assert most == typesetting.AT_ONCE
