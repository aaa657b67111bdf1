"""Takes a document of a register in: read, judged, put in force and answered, each document once.

The same document again finds the answers of then; what it was refused is taken up where the reason is gone,
and nothing else changes. The same number with another content is refused. With ``dry_run`` it is read and
judged, and nothing changes.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.parsed import ParsedDocument, RegisterSyntaxError, Tell, quiet
from filterd.feed.registers.reading import parse
from filterd.model.register import RegisterRun, RunState, is_again
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.registers import adopting, documents, lists, repeating, retaking
from filterd.operations.registers.deadlines import Deadlines
from filterd.operations.registers.documents import DocumentWork
from filterd.operations.registers.finding import require_register
from filterd.operations.registers.handed import Handed, TakenDocument
from filterd.operations.registers.items import fitted
from filterd.operations.reviews.terms import country_of


class UnreadableDocumentError(OperationError):
    """A document that cannot be read as a whole. Nothing of it was taken."""


async def take(
    context: Context, identifier: str, handed: Handed, *, dry_run: bool = False, tell: Tell = quiet
) -> TakenDocument:
    """Take a document in. Raises OperationError; what was in force stays then."""
    register = require_register(context, identifier)
    digest = hashlib.sha256(handed.content).hexdigest()
    try:
        parsed = await _read(context, register, handed, tell)
    except UnreadableDocumentError as error:
        if not dry_run:
            await repeating.refuse(context, register, handed, digest, str(error))
        raise
    numbered = bool(handed.document or parsed.document)
    work = DocumentWork(register, parsed, _run(context, register, handed, parsed, digest), numbered)
    before = await repeating.known(context, work)
    if before is not None and not register.list:
        return await retaking.take_again(context, work, before, dry_run=dry_run)
    if before is not None and dry_run and await lists.stands(context, work, before):
        return before
    if dry_run:
        return await _dry(context, work)
    async with context.store.read() as connection:
        await adopting.require_adopted(connection, register)
    if register.list:
        return await lists.take_list(context, work)
    guarding, judged = await documents.judged_document(context, work)
    run, items = await documents.take_document(context, work, guarding, judged)
    return TakenDocument(run, tuple(items))


async def _read(context: Context, register: RegisterSettings, handed: Handed, tell: Tell) -> ParsedDocument:
    """The document as it is written. Raises UnreadableDocumentError."""
    if len(handed.content) > register.largest:
        message = f"the document is larger than {register.largest:,} bytes (registers: largest)"
        raise UnreadableDocumentError(message, "raise that bound, or ask the authority")
    country = await asyncio.to_thread(country_of, context)
    whole = bool(register.list) and not lists.is_partial(register, handed)
    try:
        return await asyncio.to_thread(
            parse, register.as_kind, handed.content, zone=country.zone, whole=whole, tell=tell
        )
    except RegisterSyntaxError as error:
        told = str(error)
        if register.confidential:  # its text is quoted nowhere
            told = f"see its line {error.line}" if error.line else "its form is another one"
        message = f"the document of the register {register.id} cannot be read: {told}"
        raise UnreadableDocumentError(
            message, "what is in force stays; ask the authority for it again"
        ) from None


def _run(
    context: Context, register: RegisterSettings, handed: Handed, parsed: ParsedDocument, digest: str
) -> RegisterRun:
    now = float(context.clock())
    received = input_values.past(handed.received_at or now, now, "the time at which it was received")
    given = handed.document or parsed.document
    if register.confidential and any(_like_a_name(each) for each in (given, parsed.official)):
        message = "the number of the document, or the official, is written like a name: cells may be swapped"
        raise ConflictError(message, "this register is confidential: its number must not tell what it blocks")
    if is_again(given.strip()):
        message = "the number of the document is written like one of ours, of what is taken up again"
        raise ConflictError(message, "hand it in with another number (--document)")
    if handed.document and parsed.document and handed.document != parsed.document:
        said = "another one" if register.confidential else repr(parsed.document[:64])
        message = f"the document says that its number is {said}, not {handed.document[:64]!r}"
        raise ConflictError(message, "leave the number out, or give the one that it has")
    if not given and register.list:
        given = f"{handed.origin.value}-{digest[:12]}"  # with its number, once it is taken in
    return RegisterRun(
        number=0,
        register=register.id,
        document=input_values.text(given, "document number (--document)"),
        digest=digest,
        origin=handed.origin,
        received_at=received,
        due_at=received + register.answer_within,
        state=RunState.TAKEN,
        actor=context.actor,
    )


def _like_a_name(text: str) -> bool:
    """True for what may be the name of a host, or its address."""
    last = text.strip().rstrip(".").rpartition(".")
    if input_values.is_address(text.strip()) or "://" in text:
        return True
    return bool(last[0]) and last[2].isalpha() and len(last[2]) > 1 and " " not in text.strip()


async def _dry(context: Context, work: DocumentWork) -> TakenDocument:
    if work.register.list:
        return await lists.look_at_list(context, work)
    guarding, judged = await documents.judged_document(context, work)
    judged = fitted(judged, await documents.room_of(context, work.register))
    items = documents.answered(work, judged, Deadlines(guarding.country, work.register), context.clock())
    return TakenDocument(replace(work.run, items=len(items)), tuple(items), dry=True)
