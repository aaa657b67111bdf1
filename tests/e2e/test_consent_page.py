"""docs/es/consentimiento.md: every command and every call of the page does what the page says."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from filterd.config.load import load
from filterd.model.token import TokenRole
from filterd.operations import tokens
from filterd.operations.context import open_context
from filterd.operations.tokens import TokenRequest
from filterd.web.api.application import make_api
from tests.e2e.deployment import ROOT, Deployment

pytestmark = pytest.mark.ring("night")

PAGE = ROOT / "docs/es/consentimiento.md"
BLOCK = re.compile(r"^```(sh|http)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(GET|POST) (\S+)(?: (\{.*\}))?")


@pytest.fixture
def filterd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """An installation with the shipped policies and a snapshot, which is not started."""
    made = Deployment(tmp_path / "filterd", 1)
    made.cli("store", "migrate")
    made.cli("feed", "update")
    made.cli("snapshot", "build")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILTERD_CONFIG", str(made.config))
    return made


def typed(text: str) -> dict[str, str]:
    """Type the commands of a block: the output of each."""
    said = {}
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line)
        assert words[0] == "filterd"
        done = CliRunner().invoke(main, words[1:])
        assert done.exit_code == 0, f"{line}: {done.output}"
        said[" ".join(words[1:])] = done.output
    return said


async def called(config: Path, text: str) -> dict[str, Any]:
    """Make the calls of a block: the reply to each."""
    async with open_context(load(config), actor="ana") as context:
        secret = (await tokens.add(context, TokenRequest("daemon", TokenRole.OPERATOR))).secret
        app, _ = make_api(context, requests=1_000)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://api.test",
            headers={"Authorization": f"Bearer {secret}"},
        )
        replies = {}
        for line in text.splitlines():
            found = CALL.fullmatch(line)
            assert found is not None, line
            body = json.loads(found[3]) if found[3] else None
            reply = await client.request(found[1], found[2], json=body)
            assert reply.is_success, f"{line}: {reply.text}"
            replies[f"{found[1]} {found[2]}"] = reply.json()
        return replies


def test_every_command_and_call_does_what_the_page_says(filterd: Deployment) -> None:
    said: dict[str, list[str]] = {}
    replied: dict[str, list[Any]] = {}
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "sh":
            for command, output in typed(text).items():
                said.setdefault(command, []).append(output)
        else:
            for call, reply in asyncio.run(called(filterd.config, text)).items():
                replied.setdefault(call, []).append(reply)
    _never_asked(said, replied)
    _who_asked(said, replied)
    _restored(said, replied)


def _never_asked(said: dict[str, list[str]], replied: dict[str, list[Any]]) -> None:
    (proof,) = said["consent prove L-200"]
    assert "never asked for anything: only orders reach it" in proof
    (proven,) = replied["GET /api/v1/subscribers/L-200/consent/proof"]
    assert (proven["never_asked"], proven["unlike_unknown"], proven["requests"]) == (True, 0, 0)
    assert proven["control_blocked"] > 50, "the shipped lists have names that would be closed"
    assert "nothing was ever asked for" in said["consent show L-200"][0]
    assert replied["GET /api/v1/subscribers/L-200/consent"][0]["requests"] == []


def _who_asked(said: dict[str, list[str]], replied: dict[str, list[Any]]) -> None:
    shown = said["consent show L-123"][0]
    for part in ("opted in since", "by la titular (holder), llamada, llamada 4711", "text 2026-11"):
        assert part in shown
    consent = replied["GET /api/v1/subscribers/L-123/consent"][0]
    (request,) = consent["requests"]
    assert (request["who"], request["text_state"], consent["opted_in"]) == ("la titular", "as shown", True)
    assert "Filtro familiar de tu Internet de casa" in said["consent text 2026-11"][0]
    assert request["text"]["es"] == replied["GET /api/v1/consent-texts/2026-11"][0]["es"]
    report = replied["GET /api/v1/consent-report"][0]
    assert (report["own"], report["shared"], report["repeated"]) == (1, 0, 0)


def _restored(said: dict[str, list[str]], replied: dict[str, list[Any]]) -> None:
    assert "L-123: not opted in" in said["consent show L-123"][-1]
    assert "asks for nothing now" in said["consent prove L-123"][-1]
    after = replied["GET /api/v1/subscribers/L-123/consent"][-1]
    assert not after["opted_in"]
    assert [each["kind"] for each in after["requests"]] == ["opt_in"], "the backup had it, and it is off"
    ended = replied["POST /api/v1/subscribers/L-123/contract-events"][-1]
    assert (ended["opted_in"], ended["own_names_count"]) == (False, 0)
