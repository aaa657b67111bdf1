"""``POST /api/v1/registers/ID/push``: an authority hands a document of its register over.

It has a secret of its own, not a token: it may do this alone. The reply has the answer to each item, or says
that nothing was taken; the authority sends it again then.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import RegisterKind, RunOrigin
from filterd.operations.context import Context
from filterd.operations.plain_values import with_times
from filterd.operations.registers import arrived, taking
from filterd.operations.registers.handed import Handed
from filterd.operations.registers.plain import plain_taken
from filterd.telemetry.register_log import answers_ahead
from filterd.web.api.callers import ApiState
from filterd.web.api.limits import BoundedBody
from filterd.web.api.open_documents import OpenLimit
from filterd.web.api.problems import RefusedCall, response_of

PATH = "/api/v1/registers/{id}/push"
SECONDS = 120.0
"""in which a whole document must arrive"""
WAITS = 10.0
"""for the nodes, before the reply says what is on record"""
LEAST = 32
"""characters of a secret"""
ACCEPTED = "Rsh-Push"
"""the header by which Poland's register knows that a push was taken"""
_DOCUMENT = "filterd-document"
_LIMIT = OpenLimit()


async def push(request: Request) -> Response:
    """Take a document in that an authority hands over. Refusals are problem details."""
    try:
        _LIMIT.take(request.client.host if request.client else "")
        state: ApiState = request.app.state.api
        register = await _admitted(state.context, request)
        body = BoundedBody(request.headers, request.receive, seconds=SECONDS, largest=register.largest)
        content = await body.whole()
        context = replace(state.context, actor=f"register {register.id}", person=False, way="api")
        handed = Handed(content, RunOrigin.PUSH, request.headers.get(_DOCUMENT, "")[:256])
        taken = await taking.take(context, register.id, handed)
        behind = await arrived.wait(context, register, taken.items, WAITS)
    except Exception as error:
        return response_of(error)
    headers = {ACCEPTED: "accepted"} if register.as_kind is RegisterKind.POLAND else {}
    if behind:
        answers_ahead(register.id, taken.run.number, behind)
    return JSONResponse(with_times({**plain_taken(taken), "on_all_nodes": not behind}), headers=headers)


async def _admitted(context: Context, request: Request) -> RegisterSettings:
    """The register of the path, for whoever has its secret. Raises RefusedCall: an unknown register and a
    wrong secret look alike."""
    wanted = request.path_params["id"]
    register = next((each for each in context.settings.registers if each.id == wanted), None)
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    file = None if register is None else register.push_secret_file
    secrets = [] if file is None else await asyncio.to_thread(_secrets, file)
    right = [each for each in secrets if hmac.compare_digest(each.encode(), given.strip().encode())]
    if register is None or kind.lower() != "bearer" or not right:
        message = "this register takes nothing from you"
        remedy = "send Authorization: Bearer SECRET, with the secret of registers: push_secret_file"
        challenge = {"WWW-Authenticate": 'Bearer realm="filterd"', "Connection": "close"}
        raise RefusedCall(HTTPStatus.UNAUTHORIZED, message, remedy, headers=challenge)
    return register


def _secrets(file: Path) -> list[str]:
    """The secrets in the first two lines of a file: the newest, and the one of before while it is replaced.
    None where it cannot be read, or they are too short."""
    try:
        lines = file.read_text("utf-8").split("\n")[:2]
    except (OSError, UnicodeDecodeError):
        return []
    return [each.strip() for each in lines if len(each.strip()) >= LEAST]
