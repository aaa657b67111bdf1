"""Makes an evidence pack as a stream of bytes: the files one after the other, the signed manifest last.

The record is read before the trail is exported, which so has all that it rests on. Nothing is held whole but
the record and one file at a time; the export of the trail waits in a temporary file
without a name, since its size stands before it. Broken off, a pack lacks its manifest, and no verifier takes
it. The same store and the same clock give the same bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from tempfile import TemporaryFile
from typing import IO, Any

import filterd
from filterd.model import evidence_format, signed_text
from filterd.model.evidence_format import PackedFile
from filterd.model.report_record import ReportRecord
from filterd.operations import signing
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, NotReachedError, UnusableError
from filterd.operations.evidence_pack import gathered, kept_receipts, parts, record_files
from filterd.operations.evidence_pack.parts import PackPart
from filterd.operations.evidence_pack.scope import PackScope
from filterd.operations.plain_values import moment
from filterd.operations.receipts.typesetting import pdf_of
from filterd.operations.receipts.words import SheetLanguage
from filterd.operations.reports.shape import Report
from filterd.operations.signing import Purpose
from filterd.operations.trail import checkpoints
from filterd.operations.trail.exporting import ExportScope, ExportStream

PIECE = 1 << 18
"""bytes that are read at once"""
MOST_SHEETS = 200
"""orders up to which each receipt comes as a PDF as well: one takes about a second"""
Progress = Callable[[str, int, int], None]
"""is told what is made, how much of how much"""

ReportSheet = Callable[[Context, Report, str, str], Awaitable[bytes]]
"""gives a report in a form (``html``, ``pdf``) and a language. Raises OperationError"""
_FOR_PEOPLE = (("html", "es"), ("html", "en"), ("pdf", "es"), ("pdf", "en"))


def _untold(_what: str, _done: int, _total: int) -> None:
    pass


class EvidenceStream:
    """The bytes of one pack. After the last one, :attr:`files` and :attr:`digest` tell what it was."""

    def __init__(
        self,
        context: Context,
        scope: PackScope,
        *,
        issue: bool = True,
        sheet: ReportSheet | None = None,
        pdf: bool = True,
        progress: Progress | None = None,
    ) -> None:
        """``sheet``: makes the forms of reports that people read; None: those for machines alone. ``issue``:
        issue receipts where the last would say something else now; False: write nothing into the trail, and
        take those that were issued for packs before. ``pdf``: with the PDFs of receipts and reports."""
        self._context, self._scope, self._issue = context, scope, issue
        self._progress, self._sheet, self._pdf = progress or _untold, sheet, pdf
        self._moment = int(context.clock())
        self._whole = hashlib.sha256()
        self.files: list[PackedFile] = []
        self.left_out: list[dict[str, str]] = []
        self.size = 0
        self.key_id = ""
        self.warning = ""
        """why the export has no checkpoint at its end"""

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Every byte, the manifest last. Raises OperationError, before the first byte where it can."""
        export = ExportStream(self._context, ExportScope(order=self._scope.order), self._told_entries)
        if not self._pdf:
            self._leave_out("*.pdf", "nobody asked for them")
        with contextlib.suppress(ConflictError, UnusableError):  # the export, which tries it too, says why
            await checkpoints.make(self._context)  # the first one makes the installation's id and the keys
        with TemporaryFile(prefix="filterd-evidence-") as kept:
            record = await gathered.record_of(self._context, self._scope)
            sizes = [
                each async for each in self._spooled_receipts(kept, [each.order for each in record.orders])
            ]
            record = await gathered.record_of(self._context, self._scope)  # of a trail that has the receipts
            async for part in self._parts(export, record, kept, sizes):
                async for piece in self._packed(part):
                    yield self._counted(piece)
        self.key_id, self.warning = export.key_id, export.warning
        async for piece in self._packed(await self._manifest(export)):
            yield self._counted(piece)
        yield self._counted(evidence_format.END)

    async def _spooled_receipts(self, kept: IO[bytes], orders: list[str]) -> AsyncIterator[tuple[str, int]]:
        """Put the receipts aside before the trail is exported, which tells of each; yields order and size."""
        for number, reference in enumerate(orders):
            self._progress("receipts", number, len(orders))
            text, why = await kept_receipts.receipt_of(self._context, reference, issue=self._issue)
            if why:
                self._leave_out(f"{evidence_format.RECEIPTS}{reference}.json", why)
                continue
            data = text.encode()
            await asyncio.to_thread(kept.write, data)
            yield reference, len(data)
        kept.seek(0)

    async def _parts(
        self, export: ExportStream, record: ReportRecord, kept: IO[bytes], sizes: list[tuple[str, int]]
    ) -> AsyncIterator[PackPart]:
        for each in parts.instructions():
            yield each
        yield PackPart(evidence_format.EXPORT, export.lines())
        for each in await parts.keys(self._context):
            yield each
        async for each in parts.statements_of(self._context, self._scope):
            yield each
        async for each in self._sheets(kept, sizes):
            yield each
        async for each in self._figures(record):
            yield each

    async def _sheets(self, kept: IO[bytes], sizes: list[tuple[str, int]]) -> AsyncIterator[PackPart]:
        """The receipts, each with a PDF that presents it, as long as they are not too many."""
        if self._pdf and len(sizes) > MOST_SHEETS:
            why = f"a pack of more than {MOST_SHEETS} orders has the JSON alone"
            self._leave_out(f"{evidence_format.RECEIPTS}*.pdf", why)
        for number, (reference, size) in enumerate(sizes):
            self._progress("receipts as PDF", number, len(sizes))
            text = (await asyncio.to_thread(kept.read, size)).decode()
            name = f"{evidence_format.RECEIPTS}{reference}"
            yield PackPart(f"{name}.json", text.encode())
            if not self._pdf:
                continue
            if len(sizes) > MOST_SHEETS:
                continue
            try:
                yield PackPart(f"{name}.pdf", await pdf_of(text, SheetLanguage.ES))
            except (UnusableError, NotReachedError) as error:
                self._leave_out(f"{name}.pdf", str(error))

    async def _figures(self, record: ReportRecord) -> AsyncIterator[PackPart]:
        """The record, what is made of it, and the pages."""
        kept = self._moment - self._context.settings.nodes.history
        if record.head.begins_at < kept:
            why = f"periods of lists that ended before {moment(kept)} were deleted (nodes.history)"
            self._leave_out(f"{evidence_format.RECORD}list_periods.jsonl", why)
        self._progress("record and reports", 0, 1)
        for name, content in record_files.files(record):
            yield PackPart(name, content)
        if self._scope.order:
            return
        yield PackPart(evidence_format.DIGESTS, record_files.digests(record))
        for report in await asyncio.to_thread(gathered.reports_of, record):
            async for part in self._report(report):
                yield part
        for each in await parts.pages(self._context, self._scope):
            yield each

    async def _report(self, report: Report) -> AsyncIterator[PackPart]:
        """One report in every form."""
        for name, content in gathered.plain_forms(report):
            yield PackPart(f"{evidence_format.REPORTS}{name}", content)
        if self._sheet is None:
            return
        for form, language in _FOR_PEOPLE:
            if form == "pdf" and not self._pdf:
                continue
            name = f"{evidence_format.REPORTS}{report.kind}.{language}.{form}"
            self._progress(name, 0, 1)
            try:
                yield PackPart(name, await self._sheet(self._context, report, form, language))
            except (UnusableError, NotReachedError) as error:
                self._leave_out(name, str(error))

    async def _packed(self, part: PackPart) -> AsyncIterator[bytes]:
        """The header, the content and the padding of a file."""
        if isinstance(part.content, bytes):
            yield evidence_format.header(part.name, len(part.content), self._moment)
            yield part.content
            size, digest = len(part.content), hashlib.sha256(part.content).hexdigest()
        else:
            with TemporaryFile(prefix="filterd-evidence-") as spool:
                size, digest = await _spooled(spool, part.content)
                yield evidence_format.header(part.name, size, self._moment)
                while piece := await asyncio.to_thread(spool.read, PIECE):
                    yield piece
        yield evidence_format.padding(size)
        self.files.append(PackedFile(part.name, size, digest))

    async def _manifest(self, export: ExportStream) -> PackPart:
        settings, scope = self._context.settings, self._scope
        key = await asyncio.to_thread(signing.signer, settings, Purpose.CHECKPOINT)
        if key.key_id != export.key_id:
            message = "the key that signs was rotated while the pack was made"
            raise ConflictError(message, "make it again")
        about: dict[str, Any] = {
            "installation": export.sealed["installation"],
            "provider": settings.service.name,
            "country": settings.jurisdiction,
            "zone": settings.zone,
            "made_at": moment(self._moment),
            "filterd": filterd.__version__,
            "scope": {"order": scope.order, "from": scope.first, "to": scope.last},
            "trail": {each: export.sealed[each] for each in ("sequence", "hash")},
        }
        body = evidence_format.manifest(about, self.files, self.left_out)
        signed = signed_text.signed(evidence_format.EVIDENCE, body, key.key_id, key.sign)
        text = signed_text.text_of(signed).encode()
        if len(text) > evidence_format.LARGEST_MANIFEST:
            message = f"a pack of {len(self.files)} files has a manifest that no program takes"
            raise ConflictError(message, "make several packs, one after the other")
        return PackPart(evidence_format.MANIFEST, text)

    def _leave_out(self, name: str, why: str) -> None:
        self.left_out.append({"name": name, "why": why})

    def _told_entries(self, done: int, total: int) -> None:
        self._progress("entries of the trail", done, total)

    def _counted(self, piece: bytes) -> bytes:
        self._whole.update(piece)
        self.size += len(piece)
        return piece

    @property
    def digest(self) -> str:
        """SHA-256 of every byte so far."""
        return self._whole.hexdigest()


async def _spooled(spool: IO[bytes], lines: AsyncIterator[bytes]) -> tuple[int, str]:
    """Write the content of a file aside; its size and its SHA-256."""
    digest, size, waiting = hashlib.sha256(), 0, bytearray()
    async for line in lines:
        digest.update(line)
        size += len(line)
        waiting += line
        if len(waiting) >= PIECE:
            await asyncio.to_thread(spool.write, bytes(waiting))
            waiting.clear()
    await asyncio.to_thread(spool.write, bytes(waiting))
    spool.seek(0)
    return size, digest.hexdigest()
