"""``check`` says where ECH is taken out of a line's answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from filterd.cli.checking import show
from filterd.model.subscriber import RequestEvidence
from filterd.operations import exceptions, snapshots, subscribers
from filterd.operations.context import Context
from filterd.operations.explain import Explanation, explain
from filterd.operations.feeds import updating
from tests.worlds.installation import POLICIES, Installation

EVIDENCE = RequestEvidence("holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
WAYS = """
- {id: ech, title: {es: ECH, en: ECH}, level: signal, strip_ech: true}
"""
KEYS = "AAz+DQAIZWNoLWtleXM="


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """A child's line whose profile has ECH taken out, and a line that asked for nothing."""
    installation.write_policy("bypass.yaml", POLICIES["bypass.yaml"] + WAYS)
    child = POLICIES["profiles/child.yaml"].replace("bypass: [doh]", "bypass: [doh, ech]")
    installation.write_policy("profiles/child.yaml", child)
    async with installation.open() as context:
        await subscribers.add(context, "child", prefixes=("127.0.0.2",))
        await subscribers.add(context, "none", prefixes=("127.0.0.4",))
        await subscribers.opt_in(context, "child", "child", EVIDENCE)
        await updating.update(context)
        await snapshots.build(context)
        yield context


def answer(path: Path, service: str, name: str = "free.example") -> Path:
    """A file with an HTTPS answer to the name."""
    path.write_text(
        f"id 1\nopcode QUERY\nrcode NOERROR\nflags QR RD RA\n;QUESTION\n{name}. IN HTTPS\n"
        f";ANSWER\n{name}. 60 IN HTTPS {service}\n"
    )
    return path


async def ask(context: Context, path: Path, subscriber: str, name: str = "free.example") -> Explanation:
    return await explain(context, name, qtype="HTTPS", subscriber=subscriber, answer=path)


async def test_for_that_line_alone(context: Context, tmp_path: Path) -> None:
    path = answer(tmp_path / "answer", f"1 . alpn=h2 ech={KEYS}")
    found = await ask(context, path, "child")
    assert (found.verdict, found.ech_stripped, found.rcode, found.ede) == ("pass", True, "", (4,))
    found = await ask(context, path, "none")
    assert (found.verdict, found.ech_stripped, found.ede) == ("pass", False, ())


async def test_not_where_there_is_none_or_nothing_was_looked_at(context: Context, tmp_path: Path) -> None:
    found = await ask(context, answer(tmp_path / "answer", "1 . alpn=h2"), "child")
    assert (found.verdict, found.ech_stripped, found.ede) == ("pass", False, ())
    assert not (await explain(context, "free.example", qtype="HTTPS", subscriber="child")).ech_stripped


async def test_not_where_the_answer_is_blocked(context: Context, tmp_path: Path) -> None:
    found = await ask(context, answer(tmp_path / "answer", f"1 adult.example. ech={KEYS}"), "child")
    assert (found.verdict, found.ech_stripped, found.ede) == ("block", False, (17,))


@pytest.mark.ring("merge")
async def test_a_safe_hosts_answer(context: Context, tmp_path: Path) -> None:
    path = answer(tmp_path / "answer", f"1 . ech={KEYS}", "safe.search.example")
    found = await ask(context, path, "child", "search.example")
    assert (found.verdict, found.ech_stripped, found.ede) == ("rewrite", True, (4,))


async def test_a_pause_and_an_exception_lift_it(context: Context, tmp_path: Path) -> None:
    path = answer(tmp_path / "answer", f"1 . alpn=h2 ech={KEYS}")
    await exceptions.add(context, "free.example", 3600, reason="a bank that fails without it")
    assert not (await ask(context, path, "child")).ech_stripped
    await exceptions.end(context, "free.example", reason="mended")
    assert (await ask(context, path, "child")).ech_stripped
    await subscribers.pause(context, "child", 600)
    assert not (await ask(context, path, "child")).ech_stripped


async def test_a_person_reads_it(context: Context, tmp_path: Path) -> None:
    found = await ask(context, answer(tmp_path / "answer", f"1 . ech={KEYS}"), "child")
    with CliRunner().isolation() as (_, errors, _):
        show(found)
        assert b"this line gets it without" in errors.getvalue()
