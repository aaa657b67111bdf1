"""A small OpenID provider on loopback: discovery, keys, authorisation and tokens over real HTTP.

It signs in whoever comes as the account of :attr:`OpenidProvider.claims`. A test may set
:attr:`OpenidProvider.twist` to alter what it sends, as an attacker or a broken provider would.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

CLIENT, SECRET = "portal", "s3cret/with+signs"


@dataclass
class OpenidProvider:
    """The provider's state. ``codes`` are those that nobody has exchanged."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "ana", "filterd_lines": "home"})
    clock: Callable[[], float] = time.time
    key: ECKey = field(default_factory=lambda: _key("one"))
    secret: str = SECRET
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    form: bool = False
    """True: one signs in by a form, as people do"""
    asked: Counter[str] = field(default_factory=Counter)
    """requests by path"""
    twist: Callable[[str, dict[str, Any]], Any] = lambda _path, answer: answer
    """takes a path and its answer, or ``id_token`` and the claims, and returns what is sent"""

    def renew_key(self) -> None:
        """Sign with another key from now on."""
        self.key = _key(secrets.token_hex(4))

    def discovery(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def authorize(self, query: dict[str, str]) -> str:
        """The address to which the browser is sent back."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.issuer}
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def token(self, form: dict[str, str], login: str) -> tuple[int, dict[str, Any]]:
        """Status and answer of the token endpoint (RFC 6749 §4.1.3, RFC 7636 §4.6)."""
        asked = self.codes.pop(form.get("code", ""), None)
        if login != f"{CLIENT}:{self.secret}":
            return 401, {"error": "invalid_client"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        if asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        now = int(self.clock())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = self.twist("id_token", claims | self.claims)
        header = {"alg": "ES256", "kid": self.key.kid}
        token = claims if isinstance(claims, str) else jwt.encode(header, claims, self.key)
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": token}


def _key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"}, private=True)


@contextmanager
def openid_provider(port: int = 0) -> Iterator[OpenidProvider]:
    """A provider that runs inside this block; its issuer is ``http://127.0.0.1:PORT``."""
    provider = OpenidProvider()
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(provider))
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(provider: OpenidProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers the requests of portal and browser."""

        def do_GET(self) -> None:
            """Discovery, keys, and the page at which one signs in."""
            _got(self, provider)

        def do_POST(self) -> None:
            """The token endpoint."""
            target = urlsplit(self.path)
            provider.asked[target.path] += 1
            if target.path == "/authorize":
                self.rfile.read(int(self.headers["Content-Length"]))
                _send_back(self, provider, target.query)
                return
            form = _flat(self.rfile.read(int(self.headers["Content-Length"])).decode())
            kind, _, text = self.headers.get("Authorization", "").partition(" ")
            login = base64.b64decode(text).decode() if kind == "Basic" else ""
            status, answer = provider.token(form, ":".join(map(unquote_plus, login.split(":"))))
            self.reply(self.path, status, answer)

        def reply(self, path: str, status: int, answer: dict[str, Any]) -> None:
            sent = provider.twist(path, answer)
            body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: tests read no log of it."""

    return Handler


FORM = b"<!doctype html><title>x</title><form method=post><button>Entrar</button></form>"


def _got(handler: Any, provider: OpenidProvider) -> None:
    found = urlsplit(handler.path)
    provider.asked[found.path] += 1
    if found.path == "/authorize" and provider.form:
        _show(handler, FORM)
    elif found.path == "/authorize":
        _send_back(handler, provider, found.query)
    elif found.path == "/keys":
        handler.reply(found.path, 200, {"keys": [provider.key.as_dict(private=False)]})
    elif found.path == "/.well-known/openid-configuration":
        handler.reply(found.path, 200, provider.discovery())
    else:
        handler.reply(found.path, 404, {})


def _send_back(handler: BaseHTTPRequestHandler, provider: OpenidProvider, query: str) -> None:
    handler.send_response(302)
    handler.send_header("Location", provider.authorize(_flat(query)))
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def _show(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _flat(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}
