"""docs/api-calls.md: every call of the API with the roles that may make it, and the call of each command."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi.routing import APIRoute

from filterd.model.token import GRANTS, Permission, TokenRole
from filterd.web.api.application import ROUTERS
from filterd.web.api.routing import PERMISSION

NOTE = "<!-- Generated. UPDATE_DOCS=1 make test PYTEST=tests/meta writes it anew. -->\n"
LINE = "/subscribers/{id}"
MACHINE = "what it reads or writes is on the machine on which it runs"
PROOF = "it works on files that its caller has"
LIST = "lists come into force by the policies directory, which is not written over HTTP"
CALLS: dict[str, tuple[str, ...] | str] = {
    "report categories": ("get /reports/{kind}",),
    "report compliance": ("get /reports/{kind}",),
    "report transparency": ("get /reports/{kind}",),
    "arco add": ("post /arco-requests",),
    "arco answer": ("post /arco-requests/{request}/answer",),
    "arco close": ("post /arco-requests/{request}/closing",),
    "arco extend": ("post /arco-requests/{request}/extension",),
    "arco list": ("get /arco-requests",),
    "breach report": ("post /breach-reports",),
    "consent approve": ("post /shared-evidence/{evidence}/approve",),
    "consent prove": ("get " + LINE + "/consent/proof",),
    "consent reject": ("post /shared-evidence/{evidence}/reject",),
    "consent report": ("get /consent-report",),
    "consent shared": ("get /shared-evidence",),
    "duty contact export": "the rows of `duty contact list`, as CSV",
    "duty contact import": "rows of a file, each a contact",
    "duty contact list": ("get /duty/roster",),
    "duty contact remove": ("delete /duty/contacts/{contact}",),
    "duty contact set": ("put /duty/contacts/{contact}",),
    "duty due": ("get /duty/due",),
    "duty handover list": ("get /duty/handovers",),
    "duty handover read": ("post /duty/handovers/{number}/read",),
    "duty handover write": ("post /duty/handovers",),
    "duty request add": ("post /duty/requests",),
    "duty request list": ("get /duty/requests",),
    "duty request show": ("get /duty/requests/{request}",),
    "duty request step": ("post /duty/requests/{request}/steps",),
    "duty roster add": ("post /duty/shifts",),
    "duty roster export": "the rows of `duty roster show`, as CSV",
    "duty roster import": "rows of a file, each a shift",
    "duty roster remove": ("post /duty/shifts/{number}/remove",),
    "duty roster show": ("get /duty/roster",),
    "duty roster told": ("post /duty/shifts/{number}/told",),
    "duty roster week": "days of a calendar, each a shift",
    "hold add": ("post /holds",),
    "hold end": ("post /holds/{hold}/end",),
    "hold list": ("get /holds",),
    "hold show": ("get /holds/{hold}",),
    "page check": ("get /public-pages/check",),
    "page export": ("post /public-pages/export", "get /public-pages/records/{number}"),
    "page list": ("get /public-pages/records", "get /public-pages/facts"),
    "notice list": ("get /notices",),
    "notice retry": ("post /notices/{id}/retry", "post /notices/retry"),
    "notice show": ("get /notices/{id}",),
    "passkey list": ("get /passkeys",),
    "passkey revoke": ("post /passkeys/{passkey}/revoke",),
    "register accept": ("post /registers/{register}/accept",),
    "register adopt": ("post /registers/{register}/adopt",),
    "register answers": ("get /register-answers", "get /register-answers/{run}"),
    "register list": ("get /registers",),
    "register pull": ("post /registers/{register}/pull",),
    "register retry": ("post /register-answers/retry",),
    "register show": ("get /registers/{register}", "get /registers/{register}/documents"),
    "register take": ("post /registers/{register}/documents",),
    "review add": ("post /reviews",),
    "review appeal": ("post /reviews/{review}/appeal",),
    "review decide": ("post /reviews/{review}/decision",),
    "review effect": ("post /reviews/{review}/effects", "get /reviews/{review}/effects"),
    "review list": ("get /reviews",),
    "review show": ("get /reviews/{review}",),
    "review statistics": ("get /reviews/statistics",),
    "retention prove": ("post /retention/proof",),
    "retention run": ("post /retention/run",),
    "retention show": ("get /retention",),
    "subscriber accept-profile": ("post " + LINE + "/choices/profile/accept",),
    "subscriber authorisations": ("get " + LINE + "/authorisations",),
    "subscriber authorise": ("post " + LINE + "/authorisations",),
    "subscriber revoke": ("delete " + LINE + "/authorisations/{authorisation}",),
    "profile changes": ("get /profile-changes",),
    "profile hasten": ("post /profile-changes/{profile}/hasten",),
    "subscriber code": ("post " + LINE + "/own-names-code",),
    "subscriber own-names": ("post " + LINE + "/own-names-view",),
    "subscriber link": ("post " + LINE + "/sign-in-links",),
    "subscriber pin-reset": ("post " + LINE + "/pin-reset",),
    "serve": MACHINE,
    "config check": MACHINE,
    "config schema": MACHINE,
    "config show": MACHINE,
    "check": ("get /check",),
    "subscriber add": ("post /subscribers",),
    "subscriber allow": ("put " + LINE + "/own-names/{name}",),
    "subscriber choose": ("put " + LINE + "/choices/differences", "get " + LINE + "/choices"),
    "subscriber close": ("post " + LINE + "/choices/closings",),
    "subscriber deny": ("put " + LINE + "/own-names/{name}",),
    "subscriber erase": ("delete " + LINE,),
    "subscriber export": ("get " + LINE + "/export",),
    "subscriber find": "a line is asked for by its id; by an address, as its session: `get /sessions`",
    "subscriber import": ("post /import/subscribers",),
    "subscriber leave-security": ("put " + LINE + "/choices/security",),
    "subscriber list": ("get /subscribers", "get /export/subscribers"),
    "subscriber open": ("delete " + LINE + "/choices/closings",),
    "subscriber opt-in": ("put " + LINE + "/choices/opt-in",),
    "subscriber opt-out": ("put " + LINE + "/choices/opt-out",),
    "subscriber pause": ("put " + LINE + "/choices/pause",),
    "subscriber plan": ("put " + LINE + "/choices/plan", "get " + LINE + "/choices"),
    "subscriber remove": ("delete " + LINE + "/own-names/{name}",),
    "subscriber resume": ("delete " + LINE + "/choices/pause",),
    "subscriber set-profile": ("put " + LINE + "/choices/profile",),
    "subscriber set-zone": ("put " + LINE + "/choices/zone",),
    "subscriber show": ("get " + LINE, "get " + LINE + "/choices"),
    "consent end": ("post " + LINE + "/contract-events",),
    "consent note": ("post " + LINE + "/contract-events",),
    "consent show": ("get " + LINE + "/consent",),
    "consent text": ("get /consent-texts/{version}",),
    "consent texts": ("get /consent-texts",),
    "session end": ("delete /sessions",),
    "session explain": ("post /sessions/explain",),
    "session list": ("get /sessions/counts",),
    "session put": ("post /sessions",),
    "session show": ("get /sessions",),
    "binding add": ("post " + LINE + "/bindings",),
    "binding list": ("get /export/subscribers",),
    "binding remove": ("delete " + LINE + "/bindings",),
    "profile list": ("get /profiles",),
    "profile show": ("get /profiles",),
    "policies coverage": PROOF,
    "policies list": ("get /catalogue",),
    "policies source": LIST,
    "policies sources": LIST,
    "feed compare": ("post /list-comparisons", "get /list-comparisons"),
    "feed diff": "its versions are files of the machine on which lists are read",
    "feed digests": ("get /list-digests",),
    "register compare": "it signs in at the platform of tickets from this machine; control does it by itself",
    "feed enable": LIST,
    "feed hold": ("put /feeds/{id}/hold", "delete /feeds/{id}/hold"),
    "feed list": ("get /feeds",),
    "feed parse": PROOF,
    "feed publish": ("post /publications", "get /publications"),
    "feed unpublish": ("post /publications/{id}/withdraw",),
    "feed retire": LIST,
    "feed show": ("get /feeds/{id}",),
    "feed sign": PROOF,
    "feed trust": LIST,
    "feed update": ("post /feeds/{id}/update", "post /feeds/{id}/accept"),
    "feed verify": PROOF,
    "mail test": "a mail server is set up and tried at the machine",
    "order add": ("post /orders",),
    "order approve": ("post /orders/{reference}/approve",),
    "order confirm": ("post /orders/{reference}/confirm",),
    "order due": ("get /orders/due",),
    "order execute": ("post /orders/{reference}/execute",),
    "order lift": ("post /orders/{reference}/lift",),
    "order list": ("get /orders",),
    "order receipt": ("get /orders/{reference}/receipt",),
    "order reported": ("post /orders/{reference}/reported",),
    "order resume": ("post /orders/{reference}/resume",),
    "order review": ("post /orders/{reference}/review",),
    "order show": ("get /orders/{reference}", "get /orders/{reference}/enforcement"),
    "order suspend": ("post /orders/{reference}/suspend",),
    "order verify-receipt": PROOF,
    "order withdraw": ("post /orders/{reference}/withdraw",),
    "exception add": ("post /exceptions",),
    "exception end": ("post /exceptions/{number}/end",),
    "exception list": ("get /exceptions",),
    "parental resume": ("delete /suspension",),
    "parental status": ("get /suspension",),
    "parental suspend": ("put /suspension",),
    "snapshot build": "control builds it when something has changed",
    "snapshot show": ("get /snapshot",),
    "snapshot verify": MACHINE,
    "cache flush": MACHINE,
    "node history": ("get /node-histories",),
    "node list": ("get /nodes",),
    "node resync": ("post /node-histories/accept", "post /kept-orders/{reference}/end"),
    "node show": ("get /nodes/{name}",),
    "canary list": ("get /canaries",),
    "top": "it reads the counters of this machine's resolver; over HTTP they are its metrics",
    "token add": "no token makes another: who could read one would have it for good",
    "token list": "no token tells of another",
    "token revoke": "no token ends another: one that was stolen would end the operator's",
    "store migrate": MACHINE,
    "backup": MACHINE,
    "restore": MACHINE,
    "doctor": MACHINE,
    "key accept": MACHINE,
    "key drop": MACHINE,
    "key export": ("get /audit/keys",),
    "key list": ("get /audit/keys",),
    "key make": MACHINE,
    "key rotate": MACHINE,
    "audit anchors": ("get /audit/anchors",),
    "audit checkpoint": ("get /audit/checkpoints/{number}", "post /audit/checkpoints"),
    "audit checkpoints": ("get /audit/checkpoints",),
    "audit countersign": ("post /audit/checkpoints/{number}/countersignatures",),
    "audit statement": ("get /audit/statement", "post /audit/statement"),
    "audit tail": ("get /audit/tail", "get /audit"),
    "audit verify": ("get /audit/proof",),
    "audit export": ("get /audit/export",),
    "evidence pack": ("get /evidence/pack",),
    "evidence verify": PROOF,
    "completion": MACHINE,
}
"""of each command: its calls below /api/v1, or the reason for which it has none"""
ALSO = frozenset[str]()
"""calls that no command names, since they are made differently there"""


def calls() -> Iterator[tuple[str, Permission, str]]:
    """Each call, like ``get /orders``; its permission; the first sentence of what it does."""
    for routes in ROUTERS:
        for route in routes.routes:
            if isinstance(route, APIRoute):
                path = route.path_format.removeprefix("/api/v1")
                permission = Permission((route.openapi_extra or {})[PERMISSION])
                does = " ".join(route.description.split()).split(". ")[0].rstrip(".")
                for method in sorted(route.methods or ()):
                    yield f"{method.lower()} {path}", permission, does


def api_calls() -> str:
    """The page."""
    parts = [
        "# The calls of the API\n",
        NOTE,
        "What a command can, a call can, and the other way round: both are the same use cases. Paths are\n"
        "below `/api/v1`; `/api/docs` of a running server shows the bodies. [How to use it](api.md).\n",
        "## Who may make which call\n",
        "| call | does | permission | roles |\n| --- | --- | --- | --- |",
    ]
    for call, permission, does in sorted(calls(), key=lambda each: each[0].split(" ")[::-1]):
        roles = ", ".join(role for role in TokenRole if permission in GRANTS[role])
        parts.append(f"| `{call}` | {does} | `{permission}` | {roles} |")
    parts.append("\n## Commands and their calls\n\n| command | call |\n| --- | --- |")
    for command, found in sorted(CALLS.items()):
        text = f"none: {found}" if isinstance(found, str) else ", ".join(f"`{each}`" for each in found)
        parts.append(f"| `{command}` | {text} |")
    return "\n".join(parts) + "\n"
