"""Compares what is published with what is true here: facts one by one, and files by their records (R16)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

from filterd.model.page_record import UNSTAMPED, PageRecord
from filterd.operations.context import Context, OperationError
from filterd.operations.service_page import records
from filterd.operations.service_page.facts import FACTS_FILE
from filterd.operations.service_page.gathering import service_facts
from filterd.operations.service_page.records import Renderer
from filterd.store import pages as rows

_ABSENT = "(nothing)"


class Drift(StrEnum):
    """The kind of a difference."""

    FACT = "fact"
    """something that is said is not so, or something that is so is not said"""
    TEXT = "text"
    """the facts are the same, and this version of filterd words the page otherwise"""
    FILE = "file"
    """a file is not as it was exported: gone, changed, or of another record"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between what is published and what runs."""

    kind: Drift
    place: str
    """a fact, like ``profiles.children.title.es``, or a file"""
    published: str
    running: str


@dataclass(frozen=True, slots=True)
class PageCheck:
    """The outcome of a comparison of what is published with what runs."""

    record: int
    """that the published pages say they are of; 0: none"""
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """True if nothing differs."""
        return not self.differences


async def check(context: Context, files: Mapping[str, bytes], render: Renderer) -> PageCheck:
    """Compare published files, by path, with what runs here. Raises OperationError where they have no facts
    that can be read."""
    document = _document(files)
    number = document["record"]["number"]
    facts = await service_facts(context)
    async with context.store.read() as connection:
        record = await rows.find(connection, number)
    found = list(differences(document["facts"], facts.plain))
    rendered = await asyncio.to_thread(render, facts, UNSTAMPED)
    said = {path: sha256(body).hexdigest() for path, body in rendered.items()}
    if record is None:
        found.append(Difference(Drift.FILE, FACTS_FILE, f"record {number}", "no such record"))
    else:
        found.extend(_files(record, files))
        found.extend(_texts(record, said, facts.digest))
    return PageCheck(number, tuple(found))


async def check_exported(context: Context, render: Renderer) -> PageCheck:
    """Compare what was exported last with what runs here."""
    last = await records.last_exported(context)
    if last is None:
        message = "the public pages were never exported"
        raise OperationError(message, "write them out: filterd page export DIRECTORY")
    found = await records.recorded(context, number=last.stamp.number)
    return await check(context, found.files, render)


def wanted_files(facts_file: bytes) -> tuple[str, ...]:
    """The paths of all files of the pages, as their facts file names them."""
    return tuple(_document({FACTS_FILE: facts_file})["files"])


def _document(files: Mapping[str, bytes]) -> dict[str, Any]:
    remedy = f"give the directory of an export, or the address under which {FACTS_FILE} is found"
    body = files.get(FACTS_FILE)
    if body is None:
        message = f"what is published has no {FACTS_FILE}"
        raise OperationError(message, remedy)
    try:
        found = json.loads(body)
        if _is_document(found):
            return dict(found)
    except (ValueError, RecursionError):
        pass
    message = f"the published {FACTS_FILE} holds no facts of filterd"
    raise OperationError(message, remedy)


def _is_document(found: Any) -> bool:
    if not isinstance(found, dict):
        return False
    record, files = found.get("record"), found.get("files")
    if (
        not isinstance(record, dict)
        or not isinstance(files, list)
        or not isinstance(found.get("facts"), dict)
    ):
        return False
    return type(record.get("number")) is int and all(isinstance(each, str) for each in files)


def differences(published: Any, running: Any, place: str = "") -> Iterator[Difference]:
    """The facts that differ, with their places; entries of lists are known by their ids."""
    one, other = _keyed(published), _keyed(running)
    if one is None or other is None:
        if published != running:
            yield Difference(Drift.FACT, place, _shown(published), _shown(running))
        return
    for key in (*one, *(each for each in other if each not in one)):
        inner = f"{place}.{key}" if place else key
        if key not in one or key not in other:
            yield Difference(
                Drift.FACT, inner, _shown(one.get(key, _ABSENT)), _shown(other.get(key, _ABSENT))
            )
        else:
            yield from differences(one[key], other[key], inner)


def _keyed(value: Any) -> dict[str, Any] | None:
    """A mapping, or a list whose entries have ids of their own; None for anything else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(each, dict) and "id" in each for each in value):
        keyed = {str(each["id"]): each for each in value}
        return keyed if len(keyed) == len(value) else None
    return None


def _shown(value: Any) -> str:
    """A value in short."""
    if isinstance(value, dict) and {"es", "en"} >= value.keys() and value:
        value = value.get("es")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    longest = 120
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _files(record: PageRecord, files: Mapping[str, bytes]) -> Iterator[Difference]:
    number = record.stamp.number
    for path, each in sorted(record.files.items()):
        body = files.get(path)
        if body is None:
            yield Difference(Drift.FILE, path, "is not there", f"stands in record {number}")
        elif sha256(body).hexdigest() != each.digest:
            yield Difference(Drift.FILE, path, "has other bytes", f"stands in record {number}")
    for path in sorted(files.keys() - record.files.keys()):
        yield Difference(Drift.FILE, path, "is there", f"is not in record {number}")


def _texts(record: PageRecord, said: Mapping[str, str], facts: str) -> Iterator[Difference]:
    """The pages that would be written otherwise now, where no fact is another."""
    if record.facts != facts:
        return
    for path in sorted(record.files.keys() | said.keys()):
        then = record.files.get(path)
        if then is None or then.said != said.get(path):
            yield Difference(Drift.TEXT, path, f"as in record {record.stamp.number}", "worded otherwise now")
