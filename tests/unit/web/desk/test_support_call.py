"""The support call of docs/support-desk.md and docs/es/mesa-de-ayuda.md, made as it is written there."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

import pytest

from filterd.model.subscriber import RequestEvidence
from filterd.operations import snapshots, subscribers
from filterd.operations.feeds import updating
from tests.meta.test_known_failures import ROOT
from tests.unit.web.desk.conftest import Browser, DeskWorld
from tests.worlds.installation import NOW

_STEP = re.compile(r"(\d):(\d\d) (open|send|seen) ?(\S*) ?(\S*) => (.+)")
_DIGEST = re.compile(r'name="digest" value="([0-9a-f]{64})"')
EVIDENCE = {"role": "holder", "channel": "telephone"}
MOST_SECONDS = 180
"""of a call"""


@pytest.fixture
async def world(world: DeskWorld) -> AsyncIterator[DeskWorld]:
    """With the line of the call, and a snapshot."""
    for name in ("consent/2026-11.yaml", "desk/2026-11.yaml"):
        world.installation.write_policy(name, (ROOT / "policies" / name).read_text())
    await subscribers.add(world.context, "casa-5")
    evidence = RequestEvidence("holder", "counter", NOW, "2026-11", "paper 1")
    await subscribers.opt_in(world.context, "casa-5", "child", evidence)
    await updating.update(world.context)
    await snapshots.build(world.context)
    yield world


def _steps(document: str) -> list[re.Match[str]]:
    lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
    return [found for line in lines if (found := _STEP.fullmatch(line))]


async def _do(browser: Browser, step: re.Match[str], page: str) -> str:
    _, _, what, path, fields, _ = step.groups()
    if what == "seen":
        return page
    if what == "open":
        return (await browser.get(path)).text
    found = _DIGEST.search(page)
    sent = {**EVIDENCE, "digest": found[1] if found else "", **dict(parse_qsl(fields))}
    return (await browser.post(path, **sent)).text


@pytest.mark.ring("merge")
@pytest.mark.parametrize(
    ("language", "document"), [("en", "docs/support-desk.md"), ("es", "docs/es/mesa-de-ayuda.md")]
)
async def test_the_call_goes_as_it_is_written(world: DeskWorld, language: str, document: str) -> None:
    browser = await world.agent(language=language)
    steps, page = _steps(document), ""
    assert len(steps) == 9
    for step in steps:
        page = await _do(browser, step, page)
        assert step[6] in html.unescape(page), step[0]
        assert int(step[1]) * 60 + int(step[2]) < MOST_SECONDS
