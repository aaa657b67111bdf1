"""Persons whom a holder authorised: each has a credential of their own, which proves it until it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

import pytest

from filterd.model.subscriber import MOST_FAILURES, AskerRole, AuthorisationState, RequestEvidence
from filterd.operations import audit, authorisations, consent, erasure, subscribers
from filterd.operations.consent import ContractEvent
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, NotAllowedError, UnknownError
from tests.worlds.installation import Installation

HOLDER = RequestEvidence("the holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
BROTHER = replace(HOLDER, who="her brother", role=AskerRole.AUTHORISED)


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        await subscribers.add(context, "S-1")
        await subscribers.add(context, "S-2")
        yield context


async def authorised(context: Context, line: str = "S-1") -> authorisations.NewAuthorisation:
    return await authorisations.add(context, line, "her brother", reference="call 9", channel="phone")


async def opt_in(context: Context, credential: str, line: str = "S-1") -> None:
    await subscribers.opt_in(context, line, "child", BROTHER, credential=credential)


async def test_who_has_the_credential_asks_and_the_record_names_it(context: Context) -> None:
    made = await authorised(context)
    spoken = made.credential.lower().replace("-", " ")
    await opt_in(context, spoken)
    _, (request,) = await consent.requests(context, "S-1")
    assert (request.evidence.role, request.evidence.authorisation) == (
        "authorised",
        made.authorisation.number,
    )


async def test_the_store_and_the_trail_have_neither_credential_nor_name_in_clear(
    context: Context, installation: Installation
) -> None:
    made = await authorised(context)
    with closing(sqlite3.connect(installation.database)) as raw:
        dump = "\n".join(raw.iterdump())
    assert made.credential.replace("-", "") not in dump.replace("-", "")
    trail = repr(await audit.tail(context, 50))
    assert "authorise" in trail
    assert "her brother" not in trail


@pytest.mark.parametrize("credential", ["", "x", "1-AAAA-AAAA-AAAA-AAAA", "9" * 200, "\x00" * 20])
async def test_nobody_asks_as_authorised_without_a_right_credential(
    credential: str, context: Context
) -> None:
    await authorised(context)
    with pytest.raises(OperationError):
        await opt_in(context, credential)
    assert not (await subscribers.show(context, "S-1")).choices.opted_in


async def test_a_credential_is_of_one_line(context: Context) -> None:
    made = await authorised(context)
    with pytest.raises(NotAllowedError):
        await opt_in(context, made.credential, "S-2")
    _, (kept,) = await authorisations.list_authorisations(context, "S-1")
    assert kept.failures == 0, "nobody locks it by another line"


async def test_wrong_ones_are_counted_recorded_and_lock_it(context: Context) -> None:
    made = await authorised(context)
    wrong = made.credential[:-4] + ("AAAA" if not made.credential.endswith("AAAA") else "BBBB")
    for _ in range(MOST_FAILURES - 1):
        with pytest.raises(NotAllowedError):
            await opt_in(context, wrong)
    await opt_in(context, made.credential)
    for _ in range(MOST_FAILURES):
        with pytest.raises(NotAllowedError):
            await opt_in(context, wrong)
    with pytest.raises(NotAllowedError, match="does not authorise anybody"):
        await opt_in(context, made.credential)
    _, (kept,) = await authorisations.list_authorisations(context, "S-1")
    assert kept.state(context.clock()) is AuthorisationState.LOCKED
    refused = [each for each in await audit.tail(context, 50) if "refused" in each.entry.action]
    assert len(refused) == 2 * MOST_FAILURES
    await subscribers.opt_in(context, "S-1", "teen", HOLDER)


async def test_a_revoked_and_an_expired_one_are_refused_alike(
    context: Context, installation: Installation
) -> None:
    one, other = await authorised(context), await authorised(context)
    await authorisations.revoke(context, "S-1", one.authorisation.reference_text, reason="the holder asked")
    installation.now += authorisations.DEFAULT_DAYS * authorisations.DAY
    told = set()
    for made in (one, other):
        with pytest.raises(NotAllowedError) as refused:
            await opt_in(context, made.credential)
        told.add((str(refused.value), refused.value.remedy))
    assert len(told) == 1
    with pytest.raises(UnknownError, match="no authorisation"):
        await authorisations.revoke(context, "S-2", one.authorisation.reference_text, reason="x")


async def test_the_holder_needs_none_and_is_not_taken_for_another(context: Context) -> None:
    made = await authorised(context)
    await subscribers.opt_in(context, "S-1", "child", HOLDER)
    with pytest.raises(OperationError, match="the holder is said to ask"):
        await subscribers.opt_in(context, "S-1", "child", HOLDER, credential=made.credential)


async def test_an_opt_out_needs_nobody_but_believes_no_wrong_credential(context: Context) -> None:
    await subscribers.opt_in(context, "S-1", "child", HOLDER)
    assert not (await subscribers.opt_out(context, "S-1", evidence=BROTHER)).choices.opted_in
    (last,) = await audit.tail(context, 1)
    assert "evidence left away: an authorised person proves it" in last.entry.reason
    _, asked = await consent.requests(context, "S-1")
    assert [each.kind for each in asked] == ["opt_in"]


@pytest.mark.parametrize("event", [each for each in ContractEvent if each.ends_consent])
async def test_the_end_of_a_contract_ends_them(event: ContractEvent, context: Context) -> None:
    made = await authorised(context)
    await consent.end(context, "S-1", event, reference="C-1")
    with pytest.raises(NotAllowedError):
        await opt_in(context, made.credential)


async def test_a_line_has_ten_at_once_at_most(context: Context) -> None:
    for _ in range(authorisations.MOST_PERSONS):
        made = await authorised(context)
    with pytest.raises(ConflictError, match="the most there can be"):
        await authorised(context)
    await authorisations.revoke(context, "S-1", made.authorisation.reference_text, reason="x")
    await authorised(context)


async def test_what_is_wrong_is_refused(context: Context) -> None:
    for person, reference, seconds in (("", "r", 60), ("p", " ", 60), ("p", "r", 0), ("p", "r", 10**9)):
        with pytest.raises(OperationError):
            await authorisations.add(context, "S-1", person, reference=reference, seconds=seconds)


async def test_the_export_has_them_and_an_erasure_takes_them(
    context: Context, installation: Installation
) -> None:
    await authorised(context)
    (held,) = (await erasure.export(context, "S-1"))["authorisations"]
    assert (held["person"], "digest" in held) == ("her brother", False)
    await erasure.erase(context, "S-1", reason="asked")
    with closing(sqlite3.connect(installation.database)) as raw:
        assert raw.execute("SELECT count(*) FROM authorisation").fetchone() == (0,)
