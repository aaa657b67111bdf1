"""The digests of one's lists, signed, for other providers to compare with theirs.

Of a confidential list stand there its opaque label and its digest under the key that the authority holds
too; ``digest_key`` tells by which key, and nothing of it. No name of a list's content stands there.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

from filterd.config.settings import Settings
from filterd.disk.keys import DIGEST_KEY
from filterd.model import signed_text
from filterd.model.mandatory import label_of
from filterd.model.records import FeedVersion, VersionState
from filterd.operations import signing
from filterd.operations.context import Context
from filterd.operations.feeds import listing
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.feeds.told_digests import told_digest
from filterd.operations.keys import load_key
from filterd.operations.plain_values import moment
from filterd.operations.publishing.current_keys import installation_id
from filterd.operations.publishing.publish import kind_of
from filterd.operations.signing import Purpose
from filterd.store import feeds as rows

FORM = 1
FORMER = 16
"""versions before the one in force whose digests are told: they show who is behind"""
_KEY_LABEL = b"filterd key of the digests of confidential lists"


def key_label(secret: bytes) -> str:
    """The id of the key of confidential digests, 16 hex digits: the same for whoever holds the same key."""
    return hmac.digest(secret, _KEY_LABEL, "sha256").hex()[:16]


async def make(context: Context) -> str:
    """The signed text of the digests of every list in force. Raises OperationError."""
    body = await body_of(context)
    key = await asyncio.to_thread(signing.signer, context.settings, Purpose.CHECKPOINT)
    return signed_text.text_of(signed_text.signed(signed_text.DIGESTS, body, key.key_id, key.sign))


async def body_of(context: Context, former: int = FORMER) -> dict[str, Any]:
    """The body of the digests as of now, each list with so many versions before the one in force."""
    settings = context.settings
    installation = await installation_id(context)
    statuses = [each for each in await listing.list_feeds(context) if not (each.off or each.feed.observe)]
    lists = []
    for status in statuses:
        if status.version is None:
            continue
        async with context.store.read() as connection:
            known = await rows.versions(connection, status.feed.id, former + 1)
        lists.append(await asyncio.to_thread(_list, settings, status, status.version, known))
    secret = any(each["confidential"] for each in lists)
    keyed = key_label(load_key(settings, DIGEST_KEY)) if secret else ""
    return {
        "form": FORM,
        "installation": installation,
        "provider": settings.service.name or "",
        "country": settings.jurisdiction,
        "at": moment(context.clock()),
        "digest_key": keyed,
        "lists": lists,
    }


def _list(
    settings: Settings, status: FeedStatus, current: FeedVersion, known: list[FeedVersion]
) -> dict[str, Any]:
    feed, terms = status.feed, status.feed.mandatory
    before = [
        each
        for each in known
        if each.version < current.version and each.state is not VersionState.QUARANTINED
    ]
    told: dict[str, Any] = {
        "id": label_of(feed.id, confidential=feed.confidential),
        "kind": kind_of(status),
        "confidential": feed.confidential,
        "version": current.version,
        "at": moment(current.at),
        "digest": told_digest(settings, feed, current),
        "names": current.names,
        "former": [
            {"version": each.version, "at": moment(each.at), "digest": digest}
            for each in before
            if (digest := told_digest(settings, feed, each))
        ],
    }
    if terms is not None and not terms.confidential:
        told |= {"authority": terms.authority, "ground": terms.ground}
    return told
