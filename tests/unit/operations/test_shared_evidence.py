"""Evidence that rows of an import share: refused, or kept until another person stands behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.subscriber import RequestEvidence
from filterd.operations import (
    audit,
    consent,
    consent_history,
    consent_report,
    erasure,
    shared_evidence,
    subscribers,
)
from filterd.operations.consent import ContractEvent
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, NotAllowedError, OperationError, UnknownError
from filterd.operations.importing import ImportResult, import_file
from tests.worlds.installation import Installation, as_person

MEMO = RequestEvidence("all holders", "memo", 1_793_600_000.0, "2026-11", "memo 14/2026")
REASON = "paper contracts of 2019, one memo"


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        yield context


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lines.csv"
    path.write_text(text, encoding="utf-8")
    return path


def households(count: int) -> str:
    return "subscriber,profile\n" + "".join(f"L-{number:04},child\n" for number in range(count))


async def pending(context: Context, tmp_path: Path, count: int = 3) -> ImportResult:
    file = written(tmp_path, households(count))
    return await import_file(context, file, evidence=MEMO, shared=REASON)


async def opted_in(context: Context) -> int:
    counts = await subscribers.count(context)
    return counts["opted_in"]


@pytest.mark.ring("night")
async def test_two_thousand_lines_on_one_memo(context: Context, tmp_path: Path) -> None:
    file = written(tmp_path, households(2_000))
    refused = await import_file(context, file, evidence=MEMO)
    assert (refused.added, refused.rejected) == (0, 2_000)
    assert "that of 2000 rows of the file too" in refused.rejections[0].reason
    assert "--shared REASON" in refused.rejections[0].reason
    kept = await import_file(context, file, evidence=MEMO, shared=REASON)
    assert (kept.added, kept.rejected, kept.pending) == (2_000, 0, 2_000)
    assert await opted_in(context) == 0
    again = await import_file(context, file, evidence=MEMO, shared=REASON)
    assert (again.unchanged, again.pending, again.shared) == (2_000, 0, "")
    (state,) = await shared_evidence.list_shared(context)
    assert (state.evidence.reference, state.evidence.state, state.waiting) == (kept.shared, "pending", 2_000)
    with pytest.raises(ConflictError, match="cannot approve it too"):
        await shared_evidence.approve(context, kept.shared)
    done = await shared_evidence.approve(as_person(context, "bob"), kept.shared)
    assert (done.opted_in, done.passed_over, done.evidence.approved_by) == (2_000, 0, "bob")
    assert await opted_in(context) == 2_000
    found = await consent_history.record(context, "L-1234")
    assert found.basis is not None
    assert f"E-{found.basis.evidence.shared}" == kept.shared
    assert [(each.asked_by, each.approved_by) for each in found.shared] == [("ana", "bob")]
    report = await consent_report.report(context)
    assert (report.own, report.shared, report.repeated, report.none) == (0, 2_000, 0, 0)
    assert report.share_not_own == 1.0
    assert (await audit.verify(context)).holds


@pytest.mark.parametrize(
    "row",
    [
        "L-{0},child,Ana,2026-11-25T09:00:00-06:00,memo 14/2026\n",
        "L-{0},child,Ana {0},2026-11-25T09:0{0}:00-06:00,MEMO  14/2026\n",
        "L-{0},child,Ana,2026-11-25T09:00:0{0}-06:00,memo {0}\n",
        "L-{0},child,,,memo {0}\n",
    ],
    ids=["one memo", "other letters", "a numbered memo", "only numbers"],
)
async def test_what_is_not_its_own_is_seen(row: str, context: Context, tmp_path: Path) -> None:
    text = "subscriber,profile,who,at,reference\n" + "".join(row.format(number) for number in range(3))
    done = await import_file(context, written(tmp_path, text), evidence=MEMO)
    assert (done.added, done.rejected) == (0, 3)


async def test_a_row_with_its_own_evidence_goes_in_beside_the_others(
    context: Context, tmp_path: Path
) -> None:
    text = (
        "subscriber,profile,who,at,reference\n"
        "A,child,Ana,2026-11-25T09:00:00-06:00,call 1\n"
        "B,child,Eva,2026-11-25T09:00:00-06:00,call 2\n"
        "C,child,,,\n"
        "D,child,,,\n"
        "E,,,,\n"
    )
    done = await import_file(context, written(tmp_path, text), evidence=MEMO)
    assert (done.added, [each.line for each in done.rejections]) == (3, [4, 5])
    report = await consent_report.report(context)
    assert (report.own, report.shared) == (2, 0)


async def test_a_second_file_cannot_use_a_reference_of_the_first(context: Context, tmp_path: Path) -> None:
    one = "subscriber,profile\n{}\n"
    assert (await import_file(context, written(tmp_path, one.format("A,child")), evidence=MEMO)).added == 1
    done = await import_file(context, written(tmp_path, one.format("B,child")), evidence=MEMO)
    assert [each.reason.partition(",")[0] for each in done.rejections] == [
        "this evidence is that of the request of another line too"
    ]


async def test_who_decided_meanwhile_is_passed_over(context: Context, tmp_path: Path) -> None:
    kept = await pending(context, tmp_path, 5)
    own = replace(MEMO, who="Ana", reference="call 1")
    await subscribers.opt_in(context, "L-0000", "teen", own)
    await subscribers.opt_out(context, "L-0001", reason="no thanks")
    await consent.end(context, "L-0002", ContractEvent.TRANSFERRED, reference="C-1")
    await erasure.erase(context, "L-0003", reason="asked")
    done = await shared_evidence.approve(as_person(context, "bob"), kept.shared)
    assert (done.opted_in, done.passed_over) == (1, 0)
    found = {each.id: each.choices.profile async for each in subscribers.list_subscribers(context)}
    assert found == {"L-0000": "teen", "L-0001": "", "L-0002": "", "L-0004": "child"}
    record = await consent_history.record(context, "L-0001")
    assert [each.action for each in record.changes] == ["pending_dropped"]


async def test_an_approval_that_was_cut_off_goes_on(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await pending(context, tmp_path, 5)
    monkeypatch.setattr(shared_evidence, "CHUNK", 2)
    opting = shared_evidence._opt_in
    calls = []

    async def cut(*arguments: object) -> int:
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError
        return await opting(*arguments)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(shared_evidence, "_opt_in", cut)
    with pytest.raises(OSError):
        await shared_evidence.approve(as_person(context, "bob"), kept.shared)
    assert await opted_in(context) == 2
    with pytest.raises(ConflictError, match="approved before"):
        await shared_evidence.reject(context, kept.shared, reason="late")
    assert (await shared_evidence.approve(context, kept.shared)).opted_in == 3
    assert await opted_in(context) == 5


async def test_one_person_is_enough_to_reject(context: Context, tmp_path: Path) -> None:
    kept = await pending(context, tmp_path)
    found, waited = await shared_evidence.reject(context, kept.shared.lower(), reason="no such memo")
    assert (found.state, waited) == ("rejected", 3)
    with pytest.raises(ConflictError, match="was rejected by ana"):
        await shared_evidence.approve(as_person(context, "bob"), kept.shared)
    assert await opted_in(context) == 0
    with pytest.raises(UnknownError, match="no shared evidence"):
        await shared_evidence.approve(as_person(context, "bob"), "E-99999")


async def test_a_second_person_is_not_made_up_by_a_token(context: Context, tmp_path: Path) -> None:
    kept = await pending(context, tmp_path)
    with pytest.raises(NotAllowedError, match="ana made this token"):
        await shared_evidence.approve(replace(as_person(context, "bob"), token_made_by="ana"), kept.shared)  # noqa: S106 - a person
    nobody = replace(as_person(context, "script"), person=False)
    with pytest.raises(NotAllowedError, match="no account"):
        await shared_evidence.approve(nobody, kept.shared)


async def test_an_authorised_person_stands_in_no_file(context: Context, tmp_path: Path) -> None:
    text = "subscriber,profile,role\nA,child,authorised\n"
    done = await import_file(context, written(tmp_path, text), evidence=MEMO)
    assert "credential stands in no file" in done.rejections[0].reason


async def test_what_agrees_too_well_is_named(context: Context, installation: Installation) -> None:
    for number in range(12):
        await subscribers.add(context, f"L-{number}")
        evidence = replace(MEMO, who="Ana", at=600.0 + 60 * (number % 2), reference=f"memo {number}")
        await subscribers.opt_in(context, f"L-{number}", "child", evidence)
    report = await consent_report.report(context)
    assert report.own == 12
    (group,) = report.alike
    assert (group.by, group.lines, group.recorded_by, group.at) == ("person", 12, "ana", 0)
    for number in range(2):
        await subscribers.opt_in(context, f"L-{number}", "child", replace(MEMO, reference="one memo"))
    assert (await consent_report.report(context)).repeated == 2


async def test_the_reason_is_text(context: Context, tmp_path: Path) -> None:
    with pytest.raises(OperationError):
        await import_file(context, written(tmp_path, households(1)), evidence=MEMO, shared="\x07")
