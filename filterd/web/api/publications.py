"""``/api/v1``: lists are published, their digests told, and compared with those of other providers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import Field

from filterd.model.token import Permission
from filterd.operations.plain_values import plain, with_times
from filterd.operations.publishing import comparing, digests, publish, standing, withdrawing
from filterd.web.api.fields import Items, ListPart, Plain, RequestBody, RequiredText
from filterd.web.api.limits import LARGEST_DOCUMENT
from filterd.web.api.routing import Called, router, takes

routes = router("feeds")
PublishedId = Annotated[str, Path(max_length=64, description="The id of a list, or its label.")]
LONGEST = 1024**2
"""characters of a signed text in a request"""


class PublishedLists(RequestBody):
    """The lists to publish in ``publish.directory``."""

    lists: Annotated[tuple[str, ...], Items(500)] = Field((), description="Ids of lists that are in force.")
    all_mandatory_public: bool = Field(
        False, description="Every mandatory list that is not confidential as well."
    )


class WithdrawnReason(RequestBody):
    """The reason why a list is withdrawn; the audit trail alone has it."""

    reason: RequiredText


class SignedDigests(RequestBody):
    """The signed word of another provider on its lists, and its public keys."""

    text: str = Field(
        max_length=LONGEST, description="A file of digests or a public statement, as it was signed."
    )
    keys: str = Field(max_length=64 * 1024, description="Their public keys (Ed25519), PEM.")


@routes.post("/publications", **takes(Permission.FEEDS_WRITE))
async def publish_lists(caller: Called, body: PublishedLists) -> ListPart[Plain]:
    """Publish lists: signed files in the directory that the public pages serve. One that did not change stays
    as it is; a confidential one is refused, and nothing is published then."""
    done = await publish.publish(caller.context, body.lists, all_mandatory=body.all_mandatory_public)
    return ListPart(items=[_timed(each) for each in done], next=None)


@routes.get("/publications", **takes(Permission.FEEDS_READ))
async def list_publications(caller: Called) -> ListPart[Plain]:
    """List the newest edition of every list that was published: whether another version is in force since, or
    another key signs (`behind`), whether it was withdrawn, and whether it must not be public any more
    (`barred`)."""
    found = await standing.standing(caller.context)
    return ListPart(items=[_timed(each) for each in found], next=None)


@routes.post("/publications/{id}/withdraw", **takes(Permission.FEEDS_WRITE))
async def withdraw_list(caller: Called, id: PublishedId, body: WithdrawnReason) -> Plain:
    """Withdraw a published list: its files go from `publish.directory`, and a signed manifest says that it is
    withdrawn, not why. Done twice, it changes nothing."""
    return _timed(await withdrawing.unpublish(caller.context, id, reason=body.reason))


@routes.get("/list-digests", **takes(Permission.FEEDS_READ))
async def list_digests(caller: Called) -> Plain:
    """Sign the digests of the lists in force, for other providers to compare with. `text` is what is signed,
    byte for byte."""
    return {"text": await digests.make(caller.context)}


@routes.post("/list-comparisons", **takes(Permission.FEEDS_WRITE, largest=LARGEST_DOCUMENT))
async def compare_lists(caller: Called, body: SignedDigests) -> Plain:
    """Compare the lists in force with those of another provider, and keep the result. One that was signed
    before the last that was compared is refused."""
    given = comparing.GivenDigests("the text", body.text.encode())
    (found,) = await comparing.compare(caller.context, [given], [body.keys.encode()])
    return _timed(found)


@routes.get("/list-comparisons", **takes(Permission.FEEDS_READ))
async def list_comparisons(caller: Called) -> ListPart[Plain]:
    """Show the last comparison with each provider, the newest first."""
    return ListPart(items=[_timed(each) for each in await comparing.last(caller.context)], next=None)


def _timed(value: Any) -> Plain:
    found: Plain = with_times(plain(value))
    return found
