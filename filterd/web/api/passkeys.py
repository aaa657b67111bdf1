"""``/api/v1/passkeys``: the passkeys by which people with a token sign in at the desks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import Field

from filterd.model.token import Permission
from filterd.operations.passkeys import keeping
from filterd.operations.plain_values import with_times
from filterd.web.api.fields import ListPart, Plain, RequestBody, RequiredText
from filterd.web.api.routing import Called, router, takes

routes = router("accounts")


class PasskeyRevoked(RequestBody):
    """The end of a passkey."""

    reason: RequiredText = Field(description="Why: the device was lost.")


@routes.get("/passkeys", **takes(Permission.ACCOUNTS_READ))
async def list_passkeys(caller: Called) -> ListPart[Plain]:
    """List the passkeys by number, those among them that hold no longer. A person adds one at a desk."""
    found = await keeping.list_passkeys(caller.context)
    return ListPart(items=[_plain(each) for each in found], next=None)


@routes.post("/passkeys/{passkey}/revoke", **takes(Permission.ACCOUNTS_WRITE))
async def revoke(
    caller: Called,
    passkey: Annotated[str, Path(max_length=32, description="As K-7.")],
    body: PasskeyRevoked,
) -> Plain:
    """End a passkey at once. Its token stays."""
    return _plain(await keeping.revoke(caller.context, passkey, reason=body.reason))


def _plain(found: keeping.ShownPasskey) -> Plain:
    value: Plain = with_times(keeping.plain_passkey(found))
    return value
