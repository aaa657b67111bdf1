"""The consent that a line's choices rest on: its requests with the texts that were shown, and its end.

Consent belongs to a person and a line (LFPDPPP 7 and 8): it ends with an event of the contract, and a new
holder begins with nothing asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from filterd.config.policies import PolicyPart
from filterd.model.line import LineChoices
from filterd.model.subscriber import RequestEvidence, Subscriber
from filterd.operations import authorisations, fresh_evidence, input_values, lines
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, UnknownError
from filterd.operations.nearest import did_you_mean
from filterd.operations.policies import part
from filterd.operations.portal import ending
from filterd.policy.documents import ConsentText
from filterd.store import consent as rows
from filterd.store import notices, view_codes
from filterd.store import subscribers as subscriber_rows
from filterd.store.ledger import CONTRACT_END, OPT_OUT
from filterd.store.store import Write


class ContractEvent(StrEnum):
    """An event in the life of a contract, of which the line's record tells."""

    TRANSFERRED = "transferred"
    """it has another holder"""
    CANCELLED = "cancelled"
    MOVED = "moved"
    """to another address"""
    REASSIGNED = "reassigned"
    """the line's id was given to another contract"""
    ADDED = "added"
    """a contract begins on a line that asks for nothing"""
    SUSPENDED = "suspended"
    """for a bill that was not paid: the same holder, line and choices"""
    REACTIVATED = "reactivated"
    """after a suspension"""

    @property
    def ends_consent(self) -> bool:
        """False for events that end no contract."""
        return self not in (ContractEvent.ADDED, ContractEvent.SUSPENDED, ContractEvent.REACTIVATED)

    @property
    def ends_holder(self) -> bool:
        """True where the line has another holder, or none, after it."""
        return self.ends_consent and self is not ContractEvent.MOVED


ENDED_AGAIN = "contract_ended"
"""an event that a restore repeated; which one it was is not known any more"""
_ENDS_HOLDER = (*(each.value for each in ContractEvent if each.ends_holder), ENDED_AGAIN)


CONTRACT_KINDS = frozenset((*(each.value for each in ContractEvent), ENDED_AGAIN))
"""kinds of records that are events of a contract, and no request of anybody"""


class TextState(StrEnum):
    """The text that a request rests on, compared with the file of that version."""

    NONE = "none"
    """no text was shown"""
    AS_SHOWN = "as shown"
    ALTERED = "altered"
    """the file holds another text now"""
    ABSENT = "absent"
    """there is no file of that version any more"""
    UNPROVEN = "unproven"
    """recorded before texts had digests"""


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """A request of a line, as an auditor sees it."""

    kind: str
    """opt_in, opt_out, or an event of the contract"""
    evidence: RequestEvidence
    text: ConsentText | None
    """the text that was shown, as the store keeps it; of evidence without a digest, as the file is now. None:
    nobody kept it"""
    text_state: TextState

    @property
    def of_contract(self) -> bool:
        """True for an event of the contract, which is no request of anybody."""
        return self.kind in CONTRACT_KINDS

    @property
    def text_is_as_shown(self) -> bool:
        """True if the file still holds what the evidence has the digest of."""
        return self.text_state is TextState.AS_SHOWN


@dataclass(frozen=True, slots=True)
class UsedText:
    """A text that requests rest on, as it was when it was first used."""

    text: ConsentText
    first_used: float
    """Unix seconds"""
    state: TextState
    """its file, compared with it"""


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
    if not texts(context):
        return replace(evidence, text_digest="")  # theirs are kept elsewhere
    found = text(context, evidence.text_version)
    fresh_evidence.require_text_of_its_time(evidence, found)
    return replace(evidence, text_digest=found.digest)


def digest(context: Context, version: str) -> str:
    """The digest of a version of the text; empty where the policies have no texts: theirs is kept
    elsewhere."""
    return text(context, version).digest if texts(context) else ""


async def keep_text(context: Context, write: Write, version: str) -> None:
    """Keep the text of a version in the store, so that it can be shown whatever becomes of the file."""
    if texts(context):
        await rows.keep_texts(write.connection, [text(context, version)], write.now)


async def used_texts(context: Context, version: str = "") -> tuple[UsedText, ...]:
    """Every text that requests rest on, oldest first; of one version alone. More than one of a version: its
    file was altered between two requests."""
    files = {each.id: each for each in texts(context)}
    async with context.store.read() as connection:
        kept = await rows.texts(connection, version)
    return tuple(UsedText(each, at, _state_of(each.digest, files.get(each.id))) for each, at in kept)


async def text_or_used(context: Context, version: str, digest: str = "") -> ConsentText:
    """The text of a version, as its file is; where there is no such file, as it was used last. With a
    ``digest``, or the begin of one: the text that requests rest on which has it."""
    kept = [each.text for each in await used_texts(context, version)]
    found = [each for each in kept if each.digest.startswith(digest.strip().lower())]
    if digest and not found:
        message = (
            f"no request rests on a text of the version {version[:64]!r} with the digest {digest[:64]!r}"
        )
        raise UnknownError(message, f"see those that exist: filterd consent text {version} --json")
    known = {each.id for each in texts(context)}
    return found[-1] if found and (digest or version not in known) else text(context, version)


async def requests(context: Context, subscriber: str) -> tuple[Subscriber, tuple[ConsentRequest, ...]]:
    """A line and its requests, oldest first, each with its text."""
    files = {each.id: each for each in texts(context)}
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
        asked = await subscriber_rows.requests(connection, found.line)
        kept = {each.digest: each for each, _ in await rows.texts(connection)}
    return found, tuple(_request(kind, evidence, files, kept) for kind, evidence in asked)


def _request(
    kind: str, evidence: RequestEvidence, files: Mapping[str, ConsentText], kept: Mapping[str, ConsentText]
) -> ConsentRequest:
    file = files.get(evidence.text_version)
    if not evidence.text_version:
        return ConsentRequest(kind, evidence, None, TextState.NONE)
    if not evidence.text_digest:
        state = TextState.ABSENT if file is None else TextState.UNPROVEN
        return ConsentRequest(kind, evidence, file, state)
    state = _state_of(evidence.text_digest, file)
    as_file = file if state is TextState.AS_SHOWN else None
    return ConsentRequest(kind, evidence, kept.get(evidence.text_digest, as_file), state)


def _state_of(digest: str, file: ConsentText | None) -> TextState:
    if file is None:
        return TextState.ABSENT
    return TextState.AS_SHOWN if file.digest == digest else TextState.ALTERED


def of_present_holder(
    asked: Sequence[tuple[str, RequestEvidence]],
) -> tuple[Sequence[tuple[str, RequestEvidence]], float]:
    """The requests since the line has its present holder, and since when (Unix seconds; 0: since ever): what
    those before asked for is nothing that this one may be told."""
    for place in range(len(asked) - 1, -1, -1):
        kind, evidence = asked[place]
        if kind in _ENDS_HOLDER:
            return asked[place + 1 :], evidence.at
    return asked, 0.0


_ENDS = frozenset(("opt_out", ENDED_AGAIN, *(each.value for each in ContractEvent if each.ends_consent)))


async def require_fresh(write: Write, line: int, evidence: RequestEvidence) -> None:
    """Refuse evidence from before the line's consent ended, for a line that is not opted in."""
    found = await subscriber_rows.find_line(write.connection, line)
    if found is not None and not found.choices.opted_in:
        await fresh_evidence.require_after_the_end(write, line, evidence, _ENDS)


async def drop_pending(write: Write, line: int) -> bool:
    """Drop the shared evidence that waits for a line: it decided for itself. True if there was any."""
    dropped = bool(await rows.drop_pending(write.connection, (line,)))
    if dropped:
        write.audit("subscriber.pending_dropped", lines.subject(line))
    return dropped


async def refuse_pending(write: Write, line: int) -> None:
    """Drop it since the line wants none, or its contract ended. No restore brings it back."""
    if await drop_pending(write, line):
        write.end(OPT_OUT, line)


async def end_rest(write: Write, line: int) -> None:
    """End what rests on consent beside the choices: shared evidence that waits, and the PIN."""
    await refuse_pending(write, line)
    await ending.end_with_consent(write, line)


async def end(
    context: Context, subscriber: str, event: ContractEvent, *, reference: str, reason: str = ""
) -> Subscriber:
    """Record an event of the contract. One that ends consent ends all that rests on it: choices, own names,
    plan, pause, authorised persons, PIN, sessions of the portal, and shared evidence that waits. Bindings
    stay: they say which line it is. A suspension and its end change nothing. ``reference``: the document of
    the event."""
    because = input_values.text(reason, "reason", required=False)
    evidence = _of_contract(context, input_values.text(reference, "reference of the document"))
    if event.ends_consent:
        return await _end(context, subscriber, event.value, evidence, because)
    step = _blank if event is ContractEvent.ADDED else _as_before
    return await lines.update(context, subscriber, event.value, step, reason=because, evidence=evidence)


def _as_before(choices: LineChoices, _: float) -> LineChoices:
    return choices


def _blank(choices: LineChoices, _: float) -> LineChoices:
    """The same choices. Raises ConflictError for those of a line on which no contract can begin."""
    if not choices.blank:
        message = "the line asks for something still, which the holder before chose"
        remedy = "tell first how that contract ended (transferred, cancelled, moved or reassigned)"
        raise ConflictError(message, remedy)
    return choices


async def end_again(context: Context, line: int, *, reason: str) -> bool:
    """End consent of the line with this number, which an event of its contract ended before a restore brought
    it back. False where the restored store does not have it."""
    async with context.store.read() as connection:
        found = await subscriber_rows.find_line(connection, line)
    if found is None:
        return False
    await _end(context, found.id, ENDED_AGAIN, _of_contract(context, "restore"), reason)
    return True


async def _end(
    context: Context, subscriber: str, action: str, evidence: RequestEvidence, reason: str
) -> Subscriber:
    async def end_all(write: Write, line: int) -> None:
        await authorisations.end_all(write, line, action)
        await refuse_pending(write, line)
        await ending.end_with_contract(write, line)
        await view_codes.remove(write.connection, line)
        if action in _ENDS_HOLDER:  # whoever has the line next is told nothing of this one
            await notices.forget(write.connection, line)
        write.end(CONTRACT_END, line)

    return await lines.update(
        context,
        subscriber,
        action,
        lambda old, _: LineChoices(old.line, zone=old.zone),
        reason=reason,
        evidence=evidence,
        also=end_all,
    )


def _of_contract(context: Context, reference: str) -> RequestEvidence:
    return RequestEvidence(context.actor, "contract", context.clock(), "", reference)
