"""The example of a provisioning system against a running installation, and its receiver of webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from examples import provisioning
from examples.provisioning import Filterd, Receiver, RefusedError, is_from_filterd
from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small

pytestmark = pytest.mark.ring("night")

PROGRAM = Path(provisioning.__file__)
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


def test_lines_are_imported_opted_in_and_listed(tmp_path: Path) -> None:
    port = free_port()
    rows = [json.dumps({"id": f"home-{n}", "prefixes": [f"10.7.0.{n}"]}) for n in range(1, 8)]
    file = tmp_path / "lines.ndjson"
    file.write_text("\n".join([*rows[:3], "{bad", *rows[3:]]))
    with small(tmp_path) as made:
        made.write_config(web={"api": {"listen": f"127.0.0.1:{port}"}})
        token = made.cli("token", "add", "billing", "--system", "--role", "provisioning")["secret"]
        url = f"http://127.0.0.1:{port}/api/v1"
        environment = {**os.environ, "FILTERD_API": url, "FILTERD_TOKEN": token}

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, str(PROGRAM), *words]
            return subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False, timeout=60
            )

        with ExitStack() as ends:
            ends.enter_context(made.serving())
            assert soon(lambda: Deployment.http(port, "/api/openapi.json")[0] == 200), made.log()
            imported = run("import", str(file))
            assert (json.loads(imported.stdout)["summary"]["added"], ":4: " in imported.stderr) == (7, True)
            assert json.loads(run("import", str(file)).stdout)["summary"]["unchanged"] == 7
            opted = run("opt-in", "home-3", "child", "recording 1")
            assert json.loads(opted.stdout)["profile"] == "child", opted.stderr
            assert run("opt-in", "home-9", "child", "recording 1").stderr.startswith("404: ")
            assert run("list").stdout.splitlines()[2] == "home-3 child"
            api = Filterd(url, token)
            ends.callback(api.close)
            assert [each["id"] for each in api.lines(size=2)] == [f"home-{n}" for n in range(1, 8)]
            first, again = (api.register("home-8", ["10.7.0.8"], "c-8") for _ in range(2))
            assert first == again
            _changed_by_others_meanwhile(api, made)


def _changed_by_others_meanwhile(api: Filterd, made: Deployment) -> None:
    """A change by somebody else between the look and the change is looked at anew."""
    seen: list[str] = []

    def make(before: dict[str, str]) -> object:
        seen.append(before["zone"])
        if len(seen) == 1:
            made.cli("subscriber", "set-zone", "home-1", "America/Tijuana")
        return {"zone": "UTC"}

    assert api.change("home-1", "choices/zone", make)["zone"] == "UTC"
    assert seen[1:] == ["America/Tijuana"]


def test_what_got_no_reply_is_sent_again_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    replies = [503, 0, 429, 201]
    rests: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        status = replies.pop(0)
        if not status:
            raise httpx.ReadError("broken off")
        return httpx.Response(status, json={"id": "a"}, headers={"Retry-After": "1"})

    api = Filterd("http://api.test", "token", rests.append)
    api.close()
    monkeypatch.setattr(
        api, "_client", httpx.Client(base_url="http://api.test", transport=httpx.MockTransport(answer))
    )
    assert api.call("POST", "/subscribers", json={}).status_code == 201
    assert (len(set(keys)), len(keys), rests) == (1, 4, [1.0, 1.0, 1.0])
    replies += [422]
    with pytest.raises(RefusedError):
        api.call("POST", "/subscribers", json={})


def _signed(body: bytes, at: int, name: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": f"v1,old {signature}"}


def test_a_webhook_is_believed_when_its_signature_and_its_time_are_right() -> None:
    body = b'{"type": "line.changed"}'
    right = _signed(body, 1_000)
    assert is_from_filterd(SECRET, right, body, 1_200)
    assert not is_from_filterd(SECRET, right, body, 1_301)
    assert not is_from_filterd(SECRET, right, body + b" ", 1_000)
    for name in right:
        assert not is_from_filterd(SECRET, {**right, name: "1"}, body, 1_000)
        assert not is_from_filterd(SECRET, {each: right[each] for each in right if each != name}, body, 1_000)


def test_the_receiver_takes_a_webhook_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Receiver, "secret", SECRET)
    monkeypatch.setattr(Receiver, "seen", {})
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/"
            body = b'{"type": "line.changed"}'
            headers = _signed(body, int(time.time()))
            statuses = [httpx.post(url, content=body, headers=headers).status_code for _ in range(2)]
            forged = httpx.post(url, content=b"{}", headers=headers).status_code
        finally:
            server.shutdown()
            thread.join()
    assert (statuses, forged, Receiver.seen) == ([204, 204], 401, {"msg_1": {"type": "line.changed"}})
