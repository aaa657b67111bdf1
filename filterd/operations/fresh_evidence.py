"""The checks that evidence of a request is of this time and of this holder.

Consent that ended does not come back by the words of before: whoever has the line now, or turned the filter
off, asks anew (LFPDPPP 7 and 8).
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

from filterd.model.subscriber import RequestEvidence
from filterd.operations.context import OperationError
from filterd.operations.errors import ConflictError
from filterd.policy.documents import ConsentText
from filterd.store import change_log
from filterd.store import subscribers as rows
from filterd.store.write import Write

TOLERANCE = 60.0
"""seconds: times that a person types are of a minute"""
_EAST = timedelta(hours=14)
"""the zone whose day begins first"""


def same(reference: str) -> str:
    """The form in which references are compared: letters that look alike to people, and spaces, are one."""
    return " ".join(unicodedata.normalize("NFKC", reference).casefold().split())


def require_text_of_its_time(evidence: RequestEvidence, text: ConsentText) -> None:
    """Refuse a request from before the text that it says was shown."""
    day = (datetime.fromtimestamp(evidence.at, UTC) + _EAST).date().isoformat()
    if day < text.since:
        message = f"the request is of {day}, and the text {text.id} is shown since {text.since}"
        remedy = "give the time of the request, and the version of the text that was shown then"
        raise OperationError(message, remedy)


async def require_after_the_end(
    write: Write, line: int, evidence: RequestEvidence, ends: frozenset[str]
) -> None:
    """Refuse evidence of a line from before its consent ended last: by its time, or by the reference of a
    request that was made before. ``ends``: the actions that end consent."""
    asked = await rows.requests(write.connection, line)
    if not asked:
        return
    ended = 0.0
    for each in await change_log.entries_of(write.connection, f"line:{line}"):
        if each.entry.action.removeprefix("subscriber.") in ends:
            ended = each.entry.at
    if not ended:
        return
    remedy = "ask the holder anew, and give the evidence of that request"
    if evidence.at < ended - TOLERANCE:
        message = "the request is older than the end of the consent before it"
        raise ConflictError(message, remedy)
    before = {same(each.reference) for kind, each in asked if kind == "opt_in" and each.recorded_at <= ended}
    if same(evidence.reference) in before:
        message = "the reference is that of a request before the consent ended"
        raise ConflictError(message, remedy)
