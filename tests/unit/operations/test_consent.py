"""Each line's consent: who asked in which role, on which text, and what ends it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.changelog import PARENTAL, LineChange, decode
from filterd.model.line import LineChoices
from filterd.model.subscriber import AskerRole, RequestEvidence
from filterd.operations import audit, authorisations, consent, erasure, subscribers
from filterd.operations.consent import ContractEvent, TextState
from filterd.operations.context import Context, OperationError
from filterd.operations.importing import import_file
from tests.worlds.installation import NOW, Installation

EVIDENCE = RequestEvidence("the holder", "phone", NOW - 60, "2026-11", "T-1")
TEXT = "since: 2026-11-01\ntext: {es: ¿Quieres encender el filtro?, en: Do you want to turn the filter on?}\n"


@pytest.fixture
def text(installation: Installation) -> Path:
    """The file of the text of version 2026-11."""
    folder = installation.settings.policies / "consent"
    folder.mkdir(exist_ok=True)
    file = folder / "2026-11.yaml"
    file.write_text(TEXT)
    return file


@pytest.fixture
async def context(installation: Installation, text: Path) -> AsyncIterator[Context]:
    async with installation.open() as context:
        await subscribers.add(context, "S-1", prefixes=("192.0.2.7",))
        yield context


async def test_who_asked_and_the_text_that_was_shown_are_shown_again(context: Context) -> None:
    made = await authorisations.add(context, "S-1", "her brother", reference="call 9")
    evidence = replace(EVIDENCE, role=AskerRole.AUTHORISED)
    await subscribers.opt_in(context, "S-1", "child", evidence, credential=made.credential)
    found, (request,) = await consent.requests(context, "S-1")
    assert request.evidence.authorisation == made.authorisation.number
    assert found.choices.opted_in
    assert (request.kind, request.evidence.who, request.evidence.role) == (
        "opt_in",
        "the holder",
        "authorised",
    )
    assert request.text is not None
    assert request.text.text.es == "¿Quieres encender el filtro?"
    assert request.text_is_as_shown
    assert len(request.evidence.text_digest) == 64


async def test_a_text_that_was_changed_or_removed_since_is_not_taken_for_the_shown_one(
    context: Context, text: Path, installation: Installation
) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    installation.now += 1
    text.write_text(TEXT.replace("turn the filter on", "be filtered"))
    _, (request,) = await consent.requests(context, "S-1")
    assert request.text is not None
    assert request.text.text.en == "Do you want to turn the filter on?", "what was shown, not the file"
    assert request.text_state is TextState.ALTERED
    await subscribers.opt_in(context, "S-1", "child", replace(EVIDENCE, reference="T-2"))
    used = await consent.used_texts(context, "2026-11")
    assert [each.state for each in used] == [TextState.ALTERED, TextState.AS_SHOWN]
    text.rename(text.with_name("2026-12.yaml"))
    _, (request, newer) = await consent.requests(context, "S-1")
    assert request.text is not None
    assert newer.text is not None
    assert newer.text.text.en == "Do you want to be filtered?"
    assert request.text_state is newer.text_state is TextState.ABSENT
    first = await consent.text_or_used(context, "2026-11", request.evidence.text_digest[:12])
    assert first.text.es == "¿Quieres encender el filtro?"
    assert (await consent.text_or_used(context, "2026-11")).text.en == "Do you want to be filtered?"
    with pytest.raises(OperationError, match="no request rests on"):
        await consent.text_or_used(context, "2026-11", "00")


async def test_nobody_opts_in_on_a_text_that_cannot_be_shown_again(context: Context, text: Path) -> None:
    with pytest.raises(OperationError, match="no text of consent of the version '2026-1'") as refused:
        await subscribers.opt_in(context, "S-1", "child", replace(EVIDENCE, text_version="2026-1"))
    assert refused.value.remedy is not None
    assert "did you mean 2026-11?" in refused.value.remedy
    text.write_text("since: soon\ntext: {es: a, en: b}\n")
    with pytest.raises(OperationError, match="no day like 2026-11-01"):
        await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    assert not (await subscribers.show(context, "S-1")).choices.opted_in


@pytest.mark.parametrize("event", [each for each in ContractEvent if each.ends_consent])
async def test_an_event_of_the_contract_ends_all_that_was_asked_for(
    event: ContractEvent, context: Context, installation: Installation
) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    await subscribers.deny(context, "S-1", "unwanted.example")
    await subscribers.leave_security(context, "S-1")
    before = await subscribers.show(context, "S-1")
    ended = await consent.end(context, "S-1", event, reference="C-9")
    assert ended.choices == LineChoices(before.line, zone=before.choices.zone)
    assert ended.bindings == before.bindings
    with closing(sqlite3.connect(installation.database)) as raw:
        newest = "SELECT kind, payload FROM change WHERE stream = ? ORDER BY revision DESC LIMIT 1"
        assert decode(*raw.execute(newest, (PARENTAL,)).fetchone()) == LineChange(ended.choices)
    _, asked = await consent.requests(context, "S-1")
    assert [each.kind for each in asked] == ["opt_in", event.value]
    assert (asked[-1].evidence.reference, asked[-1].evidence.who) == ("C-9", context.actor)
    (entry,) = await audit.tail(context, 1)
    assert entry.entry.action == f"subscriber.{event.value}"
    again = await subscribers.opt_in(context, "S-1", "child", replace(EVIDENCE, at=NOW, reference="T-2"))
    assert again.choices.own_names == ()


@pytest.mark.parametrize("event", [ContractEvent.SUSPENDED, ContractEvent.REACTIVATED])
async def test_a_suspension_and_its_end_change_nothing_and_are_on_record(
    event: ContractEvent, context: Context
) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    made = await authorisations.add(context, "S-1", "her brother", reference="call 9")
    before = await subscribers.show(context, "S-1")
    assert (await consent.end(context, "S-1", event, reference="C-9")).choices == before.choices
    _, asked = await consent.requests(context, "S-1")
    assert [each.kind for each in asked] == ["opt_in", event.value]
    again = replace(EVIDENCE, role=AskerRole.AUTHORISED)
    await subscribers.opt_in(context, "S-1", "teen", again, credential=made.credential)


@pytest.mark.parametrize("event", [each for each in ContractEvent if each.ends_holder])
async def test_another_holder_is_told_nothing_of_the_one_before(
    event: ContractEvent, context: Context, installation: Installation
) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    await authorisations.add(context, "S-1", "her brother", reference="call 9")
    installation.now += 60
    await consent.end(context, "S-1", event, reference="C-9")
    installation.now += 60
    next_one = replace(EVIDENCE, who="the next one", reference="T-2", at=installation.now)
    await subscribers.opt_in(context, "S-1", "teen", next_one)
    held = await erasure.export(context, "S-1")
    assert [each["who"] for each in held["requests"]] == ["the next one"]
    assert held["authorisations"] == []
    assert "her brother" not in repr(held)
    assert [each["action"] for each in held["history"]][-1] == "subscriber.opt_in"


async def test_an_event_needs_its_document(context: Context) -> None:
    with pytest.raises(OperationError, match="reference of the document is empty"):
        await consent.end(context, "S-1", ContractEvent.MOVED, reference=" ")


async def test_the_texts_are_in_the_order_of_their_days(context: Context, text: Path) -> None:
    text.with_name("a-later-one.yaml").write_text(TEXT.replace("2026-11-01", "2027-01-01"))
    text.with_name("z-first.yaml").write_text(TEXT.replace("2026-11-01", "2026-01-01"))
    assert [each.id for each in consent.texts(context)] == ["z-first", "2026-11", "a-later-one"]


async def test_the_export_of_a_line_has_roles_and_digests(context: Context) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    (request,) = (await erasure.export(context, "S-1"))["requests"]
    assert (request["role"], len(request["text_digest"])) == ("holder", 64)


async def test_policies_without_texts_keep_theirs_elsewhere(context: Context, text: Path) -> None:
    text.unlink()
    await subscribers.opt_in(context, "S-1", "child", replace(EVIDENCE, text_version="book 7"))
    _, (request,) = await consent.requests(context, "S-1")
    assert (request.evidence.text_version, request.evidence.text_digest) == ("book 7", "")


async def test_a_row_of_an_import_names_a_text_of_its_time(context: Context, tmp_path: Path) -> None:
    """Evidence that an opt-in of one line refuses came in by a file."""
    file = tmp_path / "lines.csv"
    file.write_text(
        "subscriber,profile,who,channel,at,text_version,reference\n"
        "S-1,child,Ana,phone,2019-03-01T09:00:00-06:00,2026-11,T-8\n"
        "S-2,child,Eva,phone,2026-11-25T09:00:00-06:00,2026-11,T-9\n"
    )
    result = await import_file(context, file)
    assert [each.line for each in result.rejections] == [2]
    assert "the text 2026-11 is shown since" in result.rejections[0].reason
    opted = [each.id async for each in subscribers.list_subscribers(context) if each.choices.opted_in]
    assert (result.rejected, opted) == (1, ["S-2"])
