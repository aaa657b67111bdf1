"""``/api/v1/subscribers/{id}/own-names-code`` and ``own-names-view``: support sees own names by a code."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from filterd.model.token import Permission
from filterd.operations import view_codes
from filterd.web.api.fields import LineId, RequestBody, time_of
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.representations import OwnNameShown, own_names_of
from filterd.web.api.routing import Called, router, takes

routes = router("own names")


class CodeMade(BaseModel):
    """A code for the holder: it is shown this once."""

    code: str
    expires_at: datetime | None


class CodeGiven(RequestBody):
    """The code that the holder read out."""

    code: str = Field(min_length=1, max_length=32)


class OwnNamesSeen(BaseModel):
    """The own names of a line."""

    id: str
    own_names: list[OwnNameShown]


@routes.post("/subscribers/{id}/own-names-code", status_code=201, **takes(Permission.OWN_NAMES))
async def issue(attempt: Attempted, caller: Called, id: LineId) -> CodeMade:
    """Make a code for the holder, who gives it to support. It holds for ten minutes, in the place of the one
    before; show it to the holder alone. A repeat under the same key is refused (409)."""
    line = caller.require_line(id)
    made = await once(attempt, caller, lambda: view_codes.issue(caller.context, line))
    return CodeMade(code=made.code, expires_at=time_of(made.expires_at))


@routes.post("/subscribers/{id}/own-names-view", **takes(Permission.LINES_READ))
async def view(caller: Called, id: LineId, body: CodeGiven) -> OwnNamesSeen:
    """See the own names of a line by the holder's code. Each look is audited; five wrong codes end it."""
    found = await view_codes.view(caller.context, caller.require_line(id), body.code)
    return OwnNamesSeen(id=found.id, own_names=own_names_of(found))
