"""Imports lines from a CSV file, a million at a time, in chunks, so that no order ever waits behind them.

Each chunk is one transaction, followed by a pause in which others get the write lock and the next chunk is
read. A row that the store has already is skipped. So an import that was interrupted is simply run again, and
running one twice changes nothing. A line that ever asked for something keeps its choices, whatever the file
says.

The file's first line names its columns: ``subscriber`` (required), ``prefixes`` (separated by spaces),
``profile`` (opts the line in), ``zone``, and the evidence of the request: ``who``, ``role`` (holder or
authorised), ``channel``, ``at``, ``text_version``, ``reference``. A row with a profile needs evidence; the
parts that it lacks are taken from the evidence given for the whole import. A request without a time counts as
made now, when it is recorded. ``accept_empty`` (yes or no): opt the line in though no list of a category of
its profile was ever read.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from filterd.disk.given_file import GivenFile
from filterd.model.bound import PortsBound
from filterd.model.subscriber import AskerRole, RequestEvidence
from filterd.operations import consent, filling, fresh_evidence, input_values, lines
from filterd.operations.context import Context, OperationError
from filterd.operations.import_batch import Importing, ImportRow, write_chunk
from filterd.operations.nearest import did_you_mean
from filterd.operations.orders import people
from filterd.operations.policies import policies
from filterd.operations.port_ranges import PortRanges
from filterd.operations.shared_rows import Parts, SeenRows, SharedRows
from filterd.policy.documents import ConsentText
from filterd.store.engine import BREATH

CHUNK_CHANGES = 1_000
"""the most rows of the change log in one transaction"""
KEPT_REJECTIONS = 1_000
EVIDENCE = ("who", "role", "channel", "at", "text_version", "reference")
ADJUSTMENTS = "adjustments"
"""as list and export have them; no column"""
_ONE_BY_ONE = "a line has them by filterd subscriber choose, plan and close"
ACCEPT_EMPTY = "accept_empty"
COLUMNS = ("subscriber", "prefixes", "profile", "zone", *EVIDENCE, ACCEPT_EMPTY)

Progress = Callable[[int, int], None]
"""called with how many rows are done, and how many bytes of the file"""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not imported; ``line`` counts the file's lines from 1."""

    line: int
    reason: str


@dataclass(slots=True)
class ImportResult:
    """The outcome of an import. All rejected rows are counted, and the first thousand kept."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    unbound: int = 0
    """rows without prefixes, whose line has none either"""
    moving: int = 0
    """lines that were given bindings more often within a day than what stays is changed"""
    pending: int = 0
    """rows on shared evidence: their lines are registered, and opt in once another person approves"""
    shared: str = ""
    """that evidence, as people name it: ``E-7``"""
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The number of rows read."""
        return self.added + self.changed + self.unchanged + self.rejected

    def count(self, line: int, outcome: str) -> None:
        """Count a row that was taken: added, changed or unchanged."""
        setattr(self, outcome, getattr(self, outcome) + 1)

    def reject(self, line: int, reason: str) -> None:
        """Count a row, and keep its reason if there is room."""
        self.rejected += 1
        if len(self.rejections) < KEPT_REJECTIONS:
            self.rejections.append(Rejection(line, reason))


async def import_file(
    context: Context,
    path: Path | GivenFile,
    *,
    evidence: RequestEvidence | None = None,
    shared: str = "",
    wide: bool = False,
    accept_empty: bool = False,
    progress: Progress | None = None,
) -> ImportResult:
    """Import a file. ``evidence`` supplies the parts that rows with a profile lack; parts of it may be empty
    (of ``at``: 0, which is now). ``wide``: prefixes wider than a line has are meant.

    Evidence that several rows share, or the request of another line has, is rejected; with ``shared``, the
    reason why there is no other, it waits until another person approves it. ``accept_empty``: what rows say
    that do not say it themselves; see ``subscribers.opt_in``."""
    given = evidence or RequestEvidence("", "", 0.0, "", "")
    reader = RowReader(context, given, wide=wide, accept_empty=accept_empty)
    result = ImportResult()
    unread = await unread_of_profiles(context)
    try:
        source = _digest(path)
        importing = Importing(
            source, result, shared_reason=reason_of(context, shared), texts=reader.texts, unread=unread
        )
        with path.open("rb") as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
            reader.look_for_shared(file)
        reader.source = source[:16]
        with path.open("rb") as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
            lock_free_until = 0.0
            for chunk in _chunks(reader.read(file, result)):
                await asyncio.sleep(lock_free_until - time.monotonic())
                await write_chunk(context, chunk, importing)
                lock_free_until = time.monotonic() + BREATH
                if progress is not None:
                    progress(result.rows, raw.tell())
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise OperationError(message, "give a CSV file that this user can read") from error
    except (csv.Error, UnicodeDecodeError) as error:
        line = reader.line if isinstance(error, csv.Error) else _undecodable(path)
        message = f"{path}:{line}: this is no CSV in UTF-8 ({result.rows} rows before it were read)"
        raise OperationError(
            message, "mend the line and run the import again: what was done is passed over"
        ) from error
    return result


async def unread_of_profiles(context: Context) -> dict[str, tuple[str, ...]]:
    """Each profile with categories of which no list was ever read, though all were tried, and those."""
    documents = policies(context)
    wanted = {each for one in documents.profiles for each in one.every_category}
    unread = frozenset((await filling.unfilled(context, documents, wanted)).tried)
    lacking = {each.id: tuple(sorted(each.every_category & unread)) for each in documents.profiles}
    return {profile: categories for profile, categories in lacking.items() if categories}


def reason_of(context: Context, shared: str) -> str:
    """The reason for shared evidence, from somebody who answers for it; empty where there is none."""
    if shared:
        context.require_person()
        people.require_own(context, 2)
    return input_values.text(shared, "reason for shared evidence", limit=1000, required=False)


def _undecodable(path: Path | GivenFile) -> int:
    """The number of the first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _digest(path: Path | GivenFile) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _chunks(rows: Iterator[ImportRow]) -> Iterator[Sequence[ImportRow]]:
    chunk: list[ImportRow] = []
    weight = 0
    for row in rows:
        if chunk and weight + row.weight > CHUNK_CHANGES:
            yield chunk
            chunk, weight = [], 0
        chunk.append(row)
        weight += row.weight
    if chunk:
        yield chunk


class RowReader:
    """Reads the rows of one import, and checks them as far as that is possible without the store."""

    def __init__(
        self, context: Context, evidence: RequestEvidence, *, wide: bool, accept_empty: bool = False
    ) -> None:
        self._profiles = {each.id for each in policies(context).profiles}
        now = context.clock()
        self._given = replace(lines.in_form(evidence, now), at=evidence.at or now)
        self._wide = wide
        self._accept_empty = accept_empty
        self.line = 1
        """the line of the file that was read last"""
        self._default_zone = context.settings.zone
        self._zones: set[str] = set()
        self._clock = context.clock
        self._context = context
        self.source = ""
        """the first digits of the file's SHA-256, for the evidence"""
        self.texts: dict[str, ConsentText] = {}
        """the texts of consent that rows name, by version"""
        self._digests: dict[str, str] = {}
        self._shared: SharedRows | SeenRows = SharedRows()

    def look_for_shared(self, file: TextIO) -> None:
        """Read the file once for the rows that have the same evidence; :meth:`read` tells its errors."""
        self._shared = SharedRows(self._parts(file))

    def look_at_each(self) -> None:
        """Look at rows as they come, where they cannot be read twice."""
        self._shared = SeenRows()

    def _parts(self, file: TextIO) -> Iterator[Parts]:
        with contextlib.suppress(csv.Error, UnicodeDecodeError):
            for fields in csv.DictReader(file):
                value = {name: (text or "").strip() for name, text in fields.items() if name is not None}
                if value.get("profile"):
                    at = self._given.at
                    with contextlib.suppress(OperationError):
                        at = float(input_values.when(value["at"], "at")) if value.get("at") else at
                    yield (
                        value.get("reference") or self._given.reference,
                        value.get("who") or self._given.who,
                        at,
                    )

    def read(self, file: TextIO, result: ImportResult) -> Iterator[ImportRow]:
        """Good rows; bad ones are counted in the result."""
        reader = csv.DictReader(file)
        self._require_columns(reader.fieldnames or ())
        for fields in reader:
            self.line = reader.line_num
            try:
                yield self.row(reader.line_num, fields)
            except OperationError as error:
                remedy = f"; {error.remedy}" if error.remedy else ""
                result.reject(reader.line_num, f"{error}{remedy}")
            self.line = reader.line_num + 1

    def _require_columns(self, names: Sequence[str]) -> None:
        unknown = [name for name in names if name not in COLUMNS]
        if unknown or "subscriber" not in names:
            found = f"unknown columns: {', '.join(unknown)}" if unknown else "there is no column subscriber"
            message = f"line 1: {found}"
            remedy = f"name the columns in the first line: {', '.join(COLUMNS)}"
            if ADJUSTMENTS in unknown:
                remedy = f"a file carries no adjustments: {_ONE_BY_ONE}; take the column out. Else {remedy}"
                raise OperationError(message, remedy)
            raise OperationError(message, did_you_mean(unknown, COLUMNS) + remedy)
        if len(set(names)) < len(names):
            message = "line 1: a column is named twice"
            raise OperationError(message, f"name each column once: {', '.join(COLUMNS)}")

    def row(self, line: int, fields: Mapping[str, str | None]) -> ImportRow:
        """The row of these fields. Raises OperationError for one that is not well-formed."""
        if None in fields:
            message = "more fields than columns"
            raise OperationError(message, "put a text that holds a comma between double quotes")
        value = {name: (text or "").strip() for name, text in fields.items()}
        profile = value.get("profile", "")
        if profile and profile not in self._profiles:
            message = f"unknown profile {profile[:64]!r}"
            known = f"profiles that exist: {', '.join(sorted(self._profiles)) or 'none'}"
            raise OperationError(message, did_you_mean((profile,), self._profiles) + known)
        bounds, ports = self._bounds(value.get("prefixes", "").split())
        evidence = self._evidence_of(value) if profile else None
        return ImportRow(
            line=line,
            subscriber=input_values.text(value["subscriber"], "subscriber id", limit=128),
            profile=profile,
            zone=self._zone(value.get("zone", "")),
            prefixes=bounds,
            ports=ports,
            evidence=evidence,
            shares=self._shared.count((evidence.reference, evidence.who, evidence.at)) if evidence else 0,
            accept_empty=self._accepts_empty(value.get(ACCEPT_EMPTY, "")),
        )

    def _accepts_empty(self, text: str) -> bool:
        if text not in ("", "yes", "no"):
            message = f"{ACCEPT_EMPTY} is not {text[:64]!r}"
            raise OperationError(message, "write yes or no, or leave it empty")
        return text == "yes" or (not text and self._accept_empty)

    def _bounds(self, values: Sequence[str]) -> tuple[tuple[str, ...], tuple[PortsBound, ...]]:
        """The canonical texts, each once, and the ranges of ports among them."""
        bounds = dict.fromkeys(input_values.bound_of_line(each, wide=self._wide) for each in values)
        ranges = PortRanges()
        for each in bounds:
            if isinstance(each, PortsBound):
                clash = ranges.clash(each)
                if clash is not None:
                    message = f"{each} overlaps {clash[0]} in the same row"
                    raise OperationError(message, "write each port of an address once")
                ranges.add(each, 0)
        return tuple(map(str, bounds)), tuple(each for each in bounds if isinstance(each, PortsBound))

    def _zone(self, zone: str) -> str:
        if not zone:
            return self._default_zone
        if zone not in self._zones:
            self._zones.add(input_values.zone(zone))
        return zone

    def _evidence_of(self, value: dict[str, str]) -> RequestEvidence:
        given = self._given
        at = value.get("at")
        evidence = lines.checked(
            RequestEvidence(
                who=value.get("who") or given.who,
                channel=value.get("channel") or given.channel,
                at=float(input_values.when(at, "at")) if at else given.at,
                text_version=value.get("text_version") or given.text_version,
                reference=value.get("reference") or given.reference,
                role=input_values.role(value["role"]) if value.get("role") else given.role,
            ),
            self._clock(),
        )
        if evidence.role is AskerRole.AUTHORISED:
            message = "the evidence is of an authorised person, whose credential stands in no file"
            raise OperationError(message, "opt the line in by itself: filterd subscriber opt-in")
        version = evidence.text_version
        if version not in self._digests:
            self._digests[version] = consent.digest(self._context, version)
            if self._digests[version]:
                self.texts[version] = consent.text(self._context, version)
        if version in self.texts:
            fresh_evidence.require_text_of_its_time(evidence, self.texts[version])
        return replace(evidence, text_digest=self._digests[version], source=self.source)
