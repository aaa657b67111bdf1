"""Whatever is done to a trail after the fact, the proof finds it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.audit.chain import Proof, prove
from filterd.model.audit_chain import GENESIS, AuditEntry, StoredEntry, entry_hash


def chain(length: int) -> list[StoredEntry]:
    entries, previous = [], GENESIS
    for number in range(1, length + 1):
        entry = AuditEntry(number, 1.5, "ana", "add", f"line:{number}", "", None, {"n": number})
        entries.append(StoredEntry(number, entry, previous, entry_hash(previous, entry)))
        previous = entries[-1].hash
    return entries


async def walk(entries: Sequence[StoredEntry]) -> AsyncIterator[StoredEntry]:
    for each in entries:
        yield each


def end_of(entries: Sequence[StoredEntry]) -> tuple[int, str]:
    return (entries[-1].sequence, entries[-1].hash) if entries else (0, GENESIS)


@pytest.mark.parametrize("length", [0, 1, 7])
async def test_an_untouched_trail_holds(length: int) -> None:
    entries = chain(length)
    assert await prove(walk(entries), end_of(entries)) == Proof(length, end_of(entries)[1])


@given(st.integers(1, 6), st.data())
async def test_a_lost_entry_is_found(length: int, data: st.DataObject) -> None:
    entries = chain(length)
    lost = data.draw(st.integers(0, length - 1))
    found = await prove(walk(entries[:lost] + entries[lost + 1 :]), end_of(entries))
    assert not found.holds
    assert found.entries == lost


@given(st.integers(1, 6), st.data())
async def test_an_altered_entry_is_found(length: int, data: st.DataObject) -> None:
    entries = chain(length)
    place = data.draw(st.integers(0, length - 1))
    field = data.draw(st.sampled_from(["actor", "action", "subject", "reason", "after", "at", "revision"]))
    changed: Any = {"after": {"n": -1}, "at": 9.0, "revision": 99}.get(field, "other")
    entries[place] = replace(entries[place], entry=replace(entries[place].entry, **{field: changed}))
    found = await prove(walk(entries), end_of(entries))
    assert (found.fault, found.sequence) == ("the entry was altered", place + 1)


async def test_entries_that_changed_places_are_found() -> None:
    entries = chain(3)
    swapped = [entries[0], replace(entries[2], sequence=2), replace(entries[1], sequence=3)]
    assert (await prove(walk(swapped), end_of(entries))).sequence == 2


async def test_a_trail_written_anew_from_some_point_is_found_by_its_end() -> None:
    entries = chain(3)
    forged = replace(entries[2].entry, actor="other")
    anew = [
        *entries[:2],
        replace(entries[2], entry=forged, hash=entry_hash(entries[2].previous_hash, forged)),
    ]
    assert (await prove(walk(anew), end_of(entries))).fault == "entries are missing at the end"
