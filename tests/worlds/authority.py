"""A time-stamp authority of tests: OpenSSL makes its certificates and stamps, a small server carries them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from aiohttp import web

_CONFIGURATION = """
[tsa]
default_tsa = stamps
[stamps]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[extensions]
extendedKeyUsage = critical,timeStamping
basicConstraints = critical,CA:false
"""


class Conduct(StrEnum):
    """How the authority answers."""

    HONEST = "honest"
    OTHER_DIGEST = "other digest"
    """it stamps something else"""
    REPLAY = "replay"
    """it answers every query with its first stamp"""
    REFUSES = "refuses"
    NONSENSE = "nonsense"
    FAILS = "fails"
    """status 503"""
    ENDLESS = "endless"
    """it sends more than any stamp has"""


@dataclass
class Authority:
    """The authority, in a directory of its own."""

    where: Path
    conduct: Conduct = Conduct.HONEST
    queries: list[bytes] = field(default_factory=list)
    url: str = ""
    _first: bytes = b""

    @property
    def ca(self) -> Path:
        """The certificate that its stamps lead to."""
        return self.where / "ca.pem"

    def found(self) -> None:
        """Make its certificates."""
        self.where.mkdir()
        (self.where / "tsa.cnf").write_text(_CONFIGURATION)
        (self.where / "serial").write_text("01\n")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        subject = ["-subj", f"/CN=authority {self.where.name}"]
        self._openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", *subject, "-days", "3650")
        subject = ["-subj", f"/CN=stamps {self.where.name}"]
        self._openssl("req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", *subject)
        signs = ["-CA", "ca.pem", "-CAkey", "ca.key", "-extfile", "tsa.cnf", "-extensions", "extensions"]
        self._openssl("x509", "-req", "-in", "tsa.csr", *signs, "-out", "tsa.pem", "-days", "3650")

    def stamp(self, query: bytes) -> bytes:
        """The honest reply to a query."""
        (self.where / "query.tsq").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr")
        return (self.where / "reply.tsr").read_bytes()

    def verifies(self, text: str, reply: bytes) -> bool:
        """Whether OpenSSL finds the reply to be a stamp of this authority on the text."""
        (self.where / "checked.json").write_text(text, encoding="utf-8")
        (self.where / "checked.tsr").write_bytes(reply)
        command = ["openssl", "ts", "-verify", "-data", "checked.json", "-in", "checked.tsr"]
        command += ["-CAfile", "ca.pem", "-untrusted", "tsa.pem"]
        return subprocess.run(command, cwd=self.where, capture_output=True, check=False).returncode == 0

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.where, capture_output=True, check=True)

    def _reply(self, query: bytes) -> bytes:
        if self.conduct is Conduct.NONSENSE:
            return b"0\x03nonsense"
        if self.conduct is Conduct.REFUSES:
            return bytes.fromhex("3015301302010230090c07726566757365640303000001")
        if self.conduct is Conduct.OTHER_DIGEST:
            command = ["ts", "-query", "-digest", "ab" * 32, "-sha256", "-cert", "-out", "other.tsq"]
            self._openssl(*command)
            return self.stamp((self.where / "other.tsq").read_bytes())
        if self.conduct is Conduct.REPLAY and self._first:
            return self._first
        self._first = self.stamp(query)
        return self._first

    async def answer(self, request: web.Request) -> web.Response:
        """One request."""
        query = await request.read()
        self.queries.append(query)
        if self.conduct is Conduct.FAILS:
            return web.Response(status=503)
        body = (
            bytes(1 << 20) if self.conduct is Conduct.ENDLESS else await asyncio.to_thread(self._reply, query)
        )
        return web.Response(body=body, content_type="application/timestamp-reply")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on loopback; gives the address."""
        application = web.Application()
        application.router.add_post("/tsr", self.answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            assert site._server is not None
            port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
            self.url = f"http://127.0.0.1:{port}/tsr"
            yield self.url
        finally:
            await runner.cleanup()
