"""A file of lines: good rows go in by chunks, bad ones are reported, what is there already stays as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.value_types import ZoneName
from filterd.model.subscriber import RequestEvidence
from filterd.operations import audit, bindings, erasure, importing, shared_evidence, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.importing import ImportResult, import_file
from filterd.store import change_log
from tests.worlds.installation import Installation, as_person

EVIDENCE = RequestEvidence("contract", "paper", 1_793_600_000.0, "2026-11", "migration 7")


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        yield context


async def run(
    context: Context, tmp_path: Path, text: str, evidence: RequestEvidence | None = EVIDENCE
) -> ImportResult:
    """Import the text; evidence that its rows share is approved by another person at once."""
    path = tmp_path / "lines.csv"
    path.write_text(text, encoding="utf-8")
    done = await import_file(context, path, evidence=evidence, shared="paper contracts of before")
    if done.shared:
        await shared_evidence.approve(as_person(context, "bob"), done.shared)
    return done


async def test_rows_become_lines(context: Context, tmp_path: Path) -> None:
    text = (
        "\ufeffsubscriber,prefixes,profile,zone\n"
        "A,192.0.2.1 2001:db8:1::/56,child,America/Tijuana\n"
        "B,,,\n"
        '"C, the third",192.0.2.3,teen,\n'
    )
    result = await run(context, tmp_path, text)
    assert (result.added, result.rejected, result.rows) == (3, 0, 3)
    found = {each.id: each async for each in subscribers.list_subscribers(context)}
    assert found["A"].choices.profile == "child"
    assert found["A"].choices.zone == "America/Tijuana"
    assert found["A"].bindings == ("192.0.2.1/32", "2001:db8:1::/56")
    assert not found["B"].choices.opted_in
    assert found["C, the third"].choices.profile == "teen"
    held = await erasure.export(context, "A")
    assert held["requests"][0]["reference"] == "migration 7"


async def test_a_row_without_a_zone_has_that_of_the_installation(context: Context, tmp_path: Path) -> None:
    elsewhere = replace(context, settings=replace(context.settings, zone=ZoneName("Europe/Madrid")))
    await run(elsewhere, tmp_path, "subscriber,zone\nA,\nB,America/Tijuana\n")
    zones = {each.id: each.choices.zone async for each in subscribers.list_subscribers(context)}
    assert zones == {"A": "Europe/Madrid", "B": "America/Tijuana"}


async def test_running_it_again_changes_nothing(context: Context, tmp_path: Path) -> None:
    text = "subscriber,prefixes,profile\nA,192.0.2.1,child\nB,192.0.2.2,\n"
    await run(context, tmp_path, text)
    before = await audit.verify(context)
    result = await run(context, tmp_path, text)
    assert (result.added, result.changed, result.unchanged) == (0, 0, 2)
    assert await audit.verify(context) == before


async def test_a_line_keeps_what_it_chose_and_gets_what_it_lacks(context: Context, tmp_path: Path) -> None:
    await run(context, tmp_path, "subscriber,profile\nA,child\nB,child\nC,\n")
    await subscribers.opt_out(context, "A")
    await subscribers.set_profile(context, "B", "teen")
    text = "subscriber,profile,prefixes\nA,child,192.0.2.1\nB,child,\nC,child,\n"
    result = await run(context, tmp_path, text)
    assert (result.changed, result.unchanged) == (2, 1)
    found = {each.id: each async for each in subscribers.list_subscribers(context)}
    assert not found["A"].choices.opted_in
    assert found["A"].bindings == ("192.0.2.1/32",)
    assert found["B"].choices.profile == "teen"
    assert found["C"].choices.profile == "child"


async def test_a_row_brings_its_own_evidence(context: Context, tmp_path: Path) -> None:
    text = (
        "subscriber,profile,who,channel,at,text_version,reference\n"
        "A,child,Ana,phone,2026-11-25T09:00:00-06:00,v3,T-9\n"
        "B,child,,,,,\n"
        "C,child,Eva,,,,\n"
    )
    result = await run(context, tmp_path, text, evidence=None)
    assert result.added == 1
    assert [(each.line, each.reason[:38]) for each in result.rejections] == [
        (3, "the evidence of the request lacks: who"),
        (4, "the evidence of the request lacks: cha"),
    ]
    held = await erasure.export(context, "A")
    assert held["requests"][0] | {"at": 0, "source": ""} == {
        "kind": "opt_in",
        "who": "Ana",
        "channel": "phone",
        "at": 0,
        "text_version": "v3",
        "reference": "T-9",
        "role": "holder",
        "text_digest": "",
        "authorisation": 0,
        "shared": 0,
        "recorded_by": "ana",
        "recorded_at": context.clock(),
        "source": "",
    }


async def test_what_a_row_does_not_say_the_import_says(context: Context, tmp_path: Path) -> None:
    text = (
        "subscriber,profile,who,reference,at\n"
        "A,child,Ana,T-9,\n"
        "B,child,,,2026-11-25T09:00:00-06:00\n"
        "C,child,,,\n"
    )
    result = await run(context, tmp_path, text, evidence=replace(EVIDENCE, text_version="", at=5.0))
    lacking = "the evidence of the request lacks: text_version; give --text-version"
    assert [each.reason.partition(":")[0] for each in result.rejections] == [lacking.partition(":")[0]] * 3
    assert all(each.reason.startswith(lacking) for each in result.rejections)
    await run(context, tmp_path, text, evidence=replace(EVIDENCE, at=5.0))
    held = [(await erasure.export(context, name))["requests"][0] for name in "ABC"]
    assert [(each["who"], each["reference"], each["at"]) for each in held] == [
        ("Ana", "T-9", 5.0),
        ("contract", "migration 7", 1795618800.0),
        ("contract", "migration 7", 5.0),
    ]


async def test_a_request_without_a_time_was_made_now(context: Context, tmp_path: Path) -> None:
    text = "subscriber,profile,who\nA,child,Ana\nB,child,\n"
    result = await run(context, tmp_path, text, evidence=replace(EVIDENCE, at=0.0))
    assert (result.added, result.rejections) == (2, [])
    for name in "AB":
        held = await erasure.export(context, name)
        assert held["requests"][0]["at"] == context.clock()


async def test_bad_rows_are_reported_and_the_rest_goes_in(context: Context, tmp_path: Path) -> None:
    await subscribers.add(context, "other", prefixes=("192.0.2.9",))
    text = (
        "subscriber,prefixes,profile,zone\n"
        "A,192.0.2.1,child,\n"
        ",192.0.2.2,,\n"
        "B,example.org,,\n"
        "C,,adults,\n"
        "D,,,Mars/Olympus\n"
        "E,192.0.2.9,,\n"
        "F,192.0.2.1,,\n"
        "A,,,\n"
        "G,,,,,,\n"
        "H,192.0.2.8,,\n"
    )
    result = await run(context, tmp_path, text)
    assert (result.added, result.rejected) == (2, 8)
    assert [each.line for each in sorted(result.rejections, key=lambda each: each.line)] == list(range(3, 11))
    reasons = {each.line: each.reason for each in result.rejections}
    assert reasons[5].startswith("unknown profile 'adults'; profiles that exist: child, ")
    assert reasons[7] == (
        "192.0.2.9/32 is bound to subscriber 'other'; end that with: filterd binding remove 192.0.2.9/32"
    )
    assert reasons[8].startswith("192.0.2.1/32 is bound to subscriber 'A' (line 2); ")
    assert reasons[9].startswith("subscriber 'A' stands in line 2 already; ")
    assert [each async for each in bindings.list_bindings(context)] == [
        ("192.0.2.1/32", "A"),
        ("192.0.2.8/32", "H"),
        ("192.0.2.9/32", "other"),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no column subscriber"),
        (b"id,profile\n", "unknown columns: id"),
        (b"subscriber,subscriber\n", "a column is named twice"),
        (b"subscriber\nA\nA\xff\n", r"bad\.csv:3: this is no CSV in UTF-8"),
        (b'subscriber\nA\n"' + b"x" * 200_000 + b"\n", r"bad\.csv:3: this is no CSV in UTF-8"),
    ],
)
async def test_a_file_that_is_none_is_refused(
    context: Context, tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(OperationError, match=says) as caught:
        await import_file(context, tmp_path / "bad.csv")
    assert caught.value.remedy
    with pytest.raises(OperationError, match="cannot be read"):
        await import_file(context, tmp_path / "missing.csv")


async def test_a_subscriber_stands_once_in_a_file_of_any_length(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_CHANGES", 2)
    rows = "".join(f"S{n},192.0.2.{n}\n" for n in range(9))
    result = await run(context, tmp_path, f"subscriber,prefixes\n{rows}S1,198.51.100.1\nS10,192.0.2.3\n")
    assert (result.added, result.rejected) == (9, 2)
    assert [each.line for each in result.rejections] == [11, 12]
    assert "stands in line 3 already" in result.rejections[0].reason
    assert "192.0.2.3/32 is bound to subscriber 'S3' (line 5)" in result.rejections[1].reason


async def test_a_prefix_wider_than_a_line_has_is_rejected_unless_it_is_meant(
    context: Context, tmp_path: Path
) -> None:
    text = "subscriber,prefixes\nA,0.0.0.0/0\nB,2001:db8::/32\nC,10.0.0.0/20 2001:db8::/40\n"
    result = await run(context, tmp_path, text)
    assert [(each.line, each.reason.partition(":")[0]) for each in result.rejections] == [
        (2, "0.0.0.0/0 is every IPv4 address"),
        (3, "2001"),
    ]
    path = tmp_path / "lines.csv"
    assert (await import_file(context, path, wide=True)).added == 2


async def test_no_transaction_holds_more_than_a_thousand_changes(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_CHANGES", 10)
    rows = "".join(f"S{n:02},192.0.2.{n} 198.51.100.{n}\n" for n in range(20))
    seen: list[int] = []
    path = tmp_path / "lines.csv"
    path.write_text("subscriber,prefixes\n" + rows)
    await import_file(context, path, progress=lambda done, _: seen.append(done))
    assert seen == [3, 6, 9, 12, 15, 18, 20]
    entries = await audit.tail(context, 100)
    assert [each.entry.action for each in entries] == ["subscriber.import"] * 7
    assert entries[0].entry.after is not None
    assert entries[0].entry.after["lines"] == [1, 3]
    async with context.store.read() as connection:
        assert await change_log.revision(connection) == 60


async def test_a_request_in_the_future_is_rejected(context: Context, tmp_path: Path) -> None:
    text = "subscriber,profile,at\nsoon,child,2027-01-15T08:04:00Z\nlater,child,2027-01-15T09:00:00Z\n"
    result = await run(context, tmp_path, text)
    assert (result.added, result.rejected) == (1, 1)
    assert result.rejections[0].reason.startswith("the time of the request lies in the future; give the time")
    with pytest.raises(OperationError, match="lies in the future"):
        await run(context, tmp_path, text, evidence=replace(EVIDENCE, at=1_900_000_000.0))
