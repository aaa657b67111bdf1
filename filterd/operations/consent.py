"""The consent that a line's choices rest on: its requests with the texts that were shown, and its end.

Consent belongs to a person and a line (LFPDPPP 7 and 8): it ends with an event of the contract, and a new
holder begins with nothing asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from filterd.config.policies import PolicyPart
from filterd.model.line import LineChoices
from filterd.model.subscriber import RequestEvidence, Subscriber
from filterd.operations import input_values, lines
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import UnknownError
from filterd.operations.nearest import did_you_mean
from filterd.operations.policies import part
from filterd.policy.documents import ConsentText
from filterd.store import subscribers as rows
from filterd.store.ledger import CONSENT_END


class ContractEvent(StrEnum):
    """An event in the life of a contract that ends consent."""

    TRANSFERRED = "transferred"
    """it has another holder"""
    CANCELLED = "cancelled"
    MOVED = "moved"
    """to another address"""
    REASSIGNED = "reassigned"
    """the line's id was given to another contract"""


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """A request of a line, as an auditor sees it."""

    kind: str
    """opt_in, opt_out, or the event that ended consent"""
    evidence: RequestEvidence
    text: ConsentText | None
    """the text that was shown, as its file is now; None: there is no such file"""

    @property
    def text_is_as_shown(self) -> bool:
        """True if the file still holds what the evidence has the digest of."""
        return self.text is not None and self.text.digest == self.evidence.text_digest


def texts(context: Context) -> tuple[ConsentText, ...]:
    """The versions of the text, oldest first. OperationError where a file cannot be read: nobody knows then
    what is shown."""
    read = part(context, PolicyPart.CONSENT)
    if read.problems:
        listed = "\n".join(map(str, read.problems))
        message = f"the texts of consent have errors:\n{listed}"
        raise OperationError(message, "mend them in consent/ of the policies")
    return tuple(sorted(read.policies.consent_texts, key=lambda each: (each.since, each.id)))


def text(context: Context, version: str) -> ConsentText:
    """The text of a version; the error lists those that exist."""
    known = texts(context)
    for each in known:
        if each.id == version:
            return each
    ids = [each.id for each in known]
    message = f"there is no text of consent of the version {version[:64]!r}"
    known_ones = f"versions that exist: {', '.join(ids) or 'none'}; see them with: filterd consent texts"
    raise UnknownError(message, did_you_mean((version,), ids) + known_ones)


def shown(context: Context, evidence: RequestEvidence) -> RequestEvidence:
    """The evidence, with the digest of the text that it names. OperationError for a version without a file:
    what was shown could not be shown again."""
    return replace(evidence, text_digest=digest(context, evidence.text_version))


def digest(context: Context, version: str) -> str:
    """The digest of a version of the text; empty where the policies have no texts: theirs is kept
    elsewhere."""
    return text(context, version).digest if texts(context) else ""


async def requests(context: Context, subscriber: str) -> tuple[Subscriber, tuple[ConsentRequest, ...]]:
    """A line and its requests, oldest first, each with its text."""
    known = {each.id: each for each in texts(context)}
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
        kept = await rows.requests(connection, found.line)
    return found, tuple(
        ConsentRequest(kind, evidence, known.get(evidence.text_version)) for kind, evidence in kept
    )


async def end(
    context: Context, subscriber: str, event: ContractEvent, *, reference: str, reason: str = ""
) -> Subscriber:
    """End consent with an event of the contract: the line asks for nothing any more, own names included.
    Bindings stay: they say which line it is. ``reference``: the document of the event."""
    evidence = RequestEvidence(
        who=context.actor,
        channel="contract",
        at=context.clock(),
        text_version="",
        reference=input_values.text(reference, "reference of the document"),
    )
    return await lines.update(
        context,
        subscriber,
        event.value,
        lambda old, _: LineChoices(old.line, zone=old.zone),
        reason=input_values.text(reason, "reason", required=False),
        evidence=evidence,
        ending=CONSENT_END,
    )


async def end_again(context: Context, found: Subscriber, *, reason: str) -> bool:
    """End consent that an event of the contract had ended before a restore brought it back. False where
    nothing is left of it."""
    nothing = LineChoices(found.line, zone=found.choices.zone)
    if found.choices == nothing:
        return False
    await lines.update(
        context, found.id, "opt_out", lambda old, _: nothing, reason=reason, ending=CONSENT_END
    )
    return True
