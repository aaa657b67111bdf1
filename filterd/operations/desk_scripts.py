"""The texts that an agent reads aloud before acting on a request, and the evidence that is taken with them.

Each text is kept like a text of consent: under a version of its own (``desk-2026-11/pause``), with its
digest in the evidence, and in the store once it was read to somebody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from filterd.config.policies import PolicyPart
from filterd.model.subscriber import AskerRole, RequestEvidence
from filterd.operations import authorisations, lines
from filterd.operations.context import Context, OperationError
from filterd.operations.policies import part
from filterd.policy.desk_scripts import DeskScripts
from filterd.policy.documents import ConsentText
from filterd.store import consent as rows


@dataclass(frozen=True, slots=True)
class SpokenRequest:
    """A request as an agent takes it down."""

    who: str
    channel: str
    reference: str
    role: AskerRole = AskerRole.HOLDER
    credential: str = ""
    """of an authorised person, who needs one"""


def texts(context: Context) -> tuple[ConsentText, ...]:
    """Every text of every version, as far as the files can be read."""
    versions = part(context, PolicyPart.DESK).policies.desk_scripts
    return tuple(_texts(each, act) for each in versions for act, _ in each.scripts)


def text_of(context: Context, act: str) -> ConsentText:
    """The text that is read before this act today. OperationError where the policies have none."""
    today = datetime.fromtimestamp(context.clock(), UTC).date().isoformat()
    versions = part(context, PolicyPart.DESK).policies.desk_scripts
    used = [each for each in versions if each.since <= today and act in dict(each.scripts)]
    if not used:
        message = f"the policies have no text to be read aloud for {act}"
        raise OperationError(message, "add desk/VERSION.yaml to the policies; filterd config check reads it")
    return _texts(max(used, key=lambda each: (each.since, each.id)), act)


def _texts(version: DeskScripts, act: str) -> ConsentText:
    return ConsentText(f"desk-{version.id}/{act}", version.since, dict(version.scripts)[act])


async def asked(
    context: Context, subscriber: str, act: str, request: SpokenRequest, *, digest: str
) -> Context:
    """The context in which the act that was asked for is done: the evidence of the request goes with the
    change. ``digest``: of the text as the agent saw it. Raises OperationError where that is another one now,
    or a part is missing; NotAllowedError for a credential that is wrong."""
    text = text_of(context, act)
    if digest != text.digest:
        message = "the text to be read aloud was changed since this page was opened"
        raise OperationError(message, "open the page again, and read the new text to the caller")
    evidence = RequestEvidence(
        request.who, request.channel, context.clock(), text.id, request.reference, request.role
    )
    evidence = replace(lines.checked(evidence, context.clock()), text_digest=text.digest)
    evidence = await authorisations.proven(context, subscriber, evidence, request.credential)
    async with context.store.read() as connection:
        await lines.require(connection, subscriber)
    async with context.store.report() as connection:
        await rows.keep_texts(connection, [text], context.clock())
    return replace(context, evidence=evidence)
