"""Finds the answers of a document that was taken in before: a document never acts twice.

A number tells it, and where there is none its digest, against every document of the register. A pull of the
whole list is what stands in the register now: it alone may say again what it said before its newest one.
"""

from __future__ import annotations

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import RunOrigin
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.registers.documents import DocumentWork
from filterd.operations.registers.finding import register_subject
from filterd.operations.registers.handed import Handed, TakenDocument
from filterd.store import registers as rows


async def known(context: Context, work: DocumentWork) -> TakenDocument | None:
    """The answers of a document that was taken in before. Raises ConflictError where it was another one."""
    register, run = work.register, work.run
    async with context.store.read() as connection:
        if work.numbered:
            found = await rows.find(connection, register.id, run.document)
            if found is not None and register.list and found.digest == run.digest:
                found = await rows.with_digest(connection, register.id, run.digest)  # it may have come since
        elif work.parsed.whole and run.origin is RunOrigin.PULL:
            newest = await rows.runs(connection, register.id, limit=1)
            found = newest[0] if newest and newest[0].digest == run.digest else None
        else:
            found = await rows.with_digest(connection, register.id, run.digest)
        if found is None:
            return None
        items = await rows.answers_now(connection, found)
    if found.digest == run.digest:
        return TakenDocument(found, tuple(items), repeated=True)
    handed = Handed(b"", run.origin)
    await refuse(context, register, handed, run.digest, f"document {run.document} came with other content")
    message = f"the document {run.document} of {register.id} was taken in already, with other content"
    raise ConflictError(message, "ask the authority for a document with a number of its own; nothing changed")


async def refuse(
    context: Context, register: RegisterSettings, handed: Handed, digest: str, problem: str
) -> None:
    """Record that nothing of a document was taken."""
    after = {"digest": digest, "origin": handed.origin.value, "problem": problem[:300]}
    async with context.store.write(context.actor, context.clock()) as write:
        write.audit("register.refuse", register_subject(register.id), after=after)
