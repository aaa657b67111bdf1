"""A list that became confidential is told by its label and under the key alone, wherever it is public."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.operations.publishing import comparing, digests, foreign
from filterd.operations.publishing.comparing import GivenDigests
from filterd.operations.reports import figures, reading
from filterd.operations.service_page.gathering import service_facts
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating, statements
from filterd.web.public.transparency import LastHalf
from tests.worlds.installation import POLICIES, Installation, install

DAY = 86400.0
OPEN = POLICIES["feeds.yaml"].replace(", confidential: true", "")


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """``worst-of`` was read while it was open."""
    installation.write_policy("feeds.yaml", OPEN)
    async with installation.open() as context:
        await updating.update(context)
        yield context


async def plain_digest(context: Context) -> str:
    """The digest that anybody could try out, as it was told while the list was open."""
    (found,) = [each for each in (await digests.body_of(context))["lists"] if each["id"] == "worst-of"]
    return str(found["digest"])


def confidential(installation: Installation) -> None:
    """The authority's word comes; the list is not read again yet."""
    installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"])


def gives_nothing_away(text: str, plain: str) -> bool:
    return not any(each in text for each in ("worst-of", "INTERPOL", plain))


async def test_digests_statement_and_public_page_tell_neither_id_nor_plain_digest(
    context: Context, installation: Installation
) -> None:
    plain = await plain_digest(context)
    confidential(installation)
    told = await digests.make(context)
    signed = (await statements.make(context)).text
    assert gives_nothing_away(told, plain)
    assert gives_nothing_away(signed, plain)
    assert gives_nothing_away(repr(await service_facts(context)), plain)
    (ours,) = [each for each in json.loads(told)["body"]["lists"] if each["confidential"]]
    (stated,) = [each for each in json.loads(signed)["body"]["lists"] if each["confidential"]]
    assert len(ours["digest"]) == 64
    assert stated["digest"] == ours["digest"], "under the key"


async def test_a_confidential_list_whose_file_is_gone_cannot_be_compared(
    context: Context, installation: Installation, tmp_path: Path
) -> None:
    """And the other lists of the text can."""
    other = await install(tmp_path / "other")
    async with other.open() as theirs:
        await updating.update(theirs)
        for path in other.settings.state_dir.rglob("*worst-of*"):
            if path.is_dir():
                for each in path.iterdir():
                    each.unlink()
            elif path.is_file():
                path.unlink()
        text = (await statements.make(theirs)).text
        keys = (await rotating.public_pem(theirs, Purpose.CHECKPOINT)).encode()
    confidential(installation)
    (done,) = await comparing.compare(context, [GivenDigests("theirs", text.encode())], [keys])
    found = {each["list"][:13]: each["result"] for each in done.lists}
    assert found == {"adult-starter": "same", "gambling-star": "same", "confidential-": "not_comparable"}


async def test_an_earlier_comparison_tells_it_by_its_label(
    context: Context, installation: Installation, tmp_path: Path
) -> None:
    plain = await plain_digest(context)
    other = await install(tmp_path / "other")
    other.write_policy("feeds.yaml", OPEN)
    async with other.open() as theirs:
        await updating.update(theirs)
        text = (await digests.make(theirs)).encode()
        keys = (await rotating.public_pem(theirs, Purpose.CHECKPOINT)).encode()
    foreign.read(text, foreign.read_keys([keys]), "theirs")
    await comparing.compare(context, [GivenDigests("theirs", text)], [keys])
    assert not gives_nothing_away(repr(await comparing.last(context)), plain)
    confidential(installation)
    (kept,) = await comparing.last(context)
    assert gives_nothing_away(repr(kept), plain)
    assert [each["result"] for each in kept.lists] == ["same"] * 3


async def test_the_transparency_report_tells_it_so_at_the_next_request(
    context: Context, installation: Installation
) -> None:
    plain = await plain_digest(context)
    installation.now += 365 * DAY
    last = LastHalf()
    assert await last.report(context) is await last.report(context)
    assert plain in repr(await last.report(context))
    confidential(installation)
    await updating.update(context, ("adult-starter",))  # the store has its new definition
    record = await reading.read(context, installation.now - DAY, installation.now)
    for report in (await last.report(context), figures.transparency(record)):
        assert gives_nothing_away(repr(report), plain)
        assert report.figures()["totals.received"] == 0
