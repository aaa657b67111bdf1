"""A provider's provisioning system in 200 lines: it imports lines, opts one in, reads the list page by page,
and takes in what filterd tells by webhook. It needs httpx, and a token of the role provisioning.

    FILTERD_API=http://127.0.0.1:8081/api/v1 FILTERD_TOKEN=... python3 provisioning.py import lines.ndjson
    ... python3 provisioning.py opt-in home-4711 children "recording 81-22"
    ... python3 provisioning.py list
    ... FILTERD_WEBHOOK_SECRET=whsec_... python3 provisioning.py listen 8090
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

AGAIN = frozenset((429, 502, 503, 504))
"""statuses after which the same request is sent again"""
TRIES = 5
NDJSON = "application/x-ndjson"
TOLERANCE = 300
"""seconds by which the time of a webhook may differ from ours"""


class RefusedError(Exception):
    """A refusal of the API: the problem document says what is wrong, and what to do."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        lines = [str(problem.get("detail", "")), str(problem.get("remedy", ""))]
        lines += [f"{each['field']}: {each['detail']}" for each in problem.get("errors", ())]
        super().__init__(f"{status}: " + "; ".join(filter(None, lines)))
        self.status = status
        self.problem = problem


class Filterd:
    """The API. A request that got no reply is sent again: each POST has a key by which it acts once."""

    def __init__(self, url: str, token: str, rest: Callable[[float], None] = time.sleep) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=30)
        self._rest = rest

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request until it gets a reply that is no invitation to try again. Raises RefusedError."""
        headers = dict(more.pop("headers", {}))
        if method == "POST":
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        for tries in range(1, TRIES + 1):
            try:
                reply = self._client.request(method, path, headers=headers, **more)
            except httpx.TransportError:
                if tries == TRIES:
                    raise
                self._rest(2.0**tries / 4)
                continue
            if reply.status_code in AGAIN and tries < TRIES:
                self._rest(float(reply.headers.get("Retry-After", 2.0**tries / 4)))
                continue
            break
        if reply.is_error:
            problem = reply.json() if "json" in reply.headers.get("Content-Type", "") else {}
            raise RefusedError(reply.status_code, problem)
        return reply

    def register(self, line: str, prefixes: list[str], contract: str) -> dict[str, Any]:
        """Register a line. The number of the contract is the key: repeated with it, it acts once."""
        body = {"id": line, "prefixes": prefixes}
        headers = {"Idempotency-Key": f"register-{contract}"}
        found: dict[str, Any] = self.call("POST", "/subscribers", json=body, headers=headers).json()
        return found

    def change(self, line: str, path: str, make: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Change a line as it is now: what ``make`` makes of it goes to ``path``. Where somebody else was
        faster, it is read and made anew."""
        for _ in range(TRIES):
            before = self.call("GET", f"/subscribers/{line}")
            headers = {"If-Match": before.headers["ETag"]}
            try:
                reply = self.call(
                    "PUT", f"/subscribers/{line}/{path}", json=make(before.json()), headers=headers
                )
            except RefusedError as refused:
                if refused.status != httpx.codes.PRECONDITION_FAILED:
                    raise
                continue
            found: dict[str, Any] = reply.json()
            return found
        message = f"{line} is changed all the time"
        raise RuntimeError(message)

    def opt_in(self, line: str, profile: str, text_version: str, reference: str) -> dict[str, Any]:
        """Turn a profile on for a line, with the evidence that its holder asked."""
        evidence = {
            "who": "the holder",
            "channel": "telephone",
            "text_version": text_version,
            "reference": reference,
        }
        return self.change(line, "choices/opt-in", lambda _: {"profile": profile, "evidence": evidence})

    def lines(self, size: int = 500) -> Iterator[dict[str, Any]]:
        """Every line, page by page."""
        after: str | None = ""
        while after is not None:
            page = self.call("GET", "/subscribers", params={"limit": size, "after": after}).json()
            yield from page["items"]
            after = page["next"]

    def import_lines(self, file: Path) -> dict[str, Any]:
        """Import the rows of a file, one JSON object in each line; bad ones are printed, the others act. It
        may be sent again whole: what filterd has already is left alone."""
        with file.open("rb") as body:
            reply = self._client.post(
                "/import/subscribers", content=body, headers={"Content-Type": NDJSON}, timeout=None
            )
        if reply.is_error:
            raise RefusedError(reply.status_code, reply.json())
        told = [json.loads(each) for each in reply.text.splitlines()]
        for each in told:
            if each.get("outcome") == "rejected":
                print(f"{file}:{each['line']}: {each['problem']}", file=sys.stderr)
        found: dict[str, Any] = told[-1]
        return found


def is_from_filterd(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Return True for a webhook that is signed with the secret, and of this time (Standard Webhooks)."""
    found = {name.lower(): value for name, value in headers.items()}
    at = found.get("webhook-timestamp", "")
    if not at.isdecimal() or abs(int(at) - now) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{found.get('webhook-id', '')}.{at}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = found.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(wanted.encode(), each.encode("utf-8", "replace")) for each in given)


class Receiver(BaseHTTPRequestHandler):
    """Takes webhooks in, each once: one that comes again has the same id."""

    secret = ""
    seen: dict[str, Any] = {}
    """id -> what was told"""
    timeout = 10
    largest = 1_000_000

    def do_POST(self) -> None:
        """Answer 204 where it is filterd's, whether it is new or not."""
        length = self.headers.get("Content-Length", "")
        body = self.rfile.read(int(length)) if length.isdecimal() and int(length) <= self.largest else b""
        genuine = is_from_filterd(self.secret, dict(self.headers), body, time.time())
        if genuine and self.headers["webhook-id"] not in self.seen:
            self.seen[self.headers["webhook-id"]] = json.loads(body)
        self.send_response(204 if genuine else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a notice is about a household."""


def main(words: list[str]) -> None:
    """Do what the command line asks for."""
    if words[:1] == ["listen"]:
        Receiver.secret = os.environ["FILTERD_WEBHOOK_SECRET"]
        ThreadingHTTPServer(("127.0.0.1", int(words[1])), Receiver).serve_forever()
    filterd = Filterd(os.environ["FILTERD_API"], os.environ["FILTERD_TOKEN"])
    if words[:1] == ["import"]:
        print(json.dumps(filterd.import_lines(Path(words[1]))))
    elif words[:1] == ["opt-in"]:
        texts = filterd.call("GET", "/consent-texts").json()
        version = texts[-1]["version"] if texts else "1"
        print(json.dumps(filterd.opt_in(words[1], words[2], version, words[3])))
    elif words[:1] == ["list"]:
        for each in filterd.lines():
            print(each["id"], each["profile"] or "-")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except RefusedError as refused:
        sys.exit(str(refused))
