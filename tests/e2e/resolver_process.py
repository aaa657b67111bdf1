"""A resolver process of a test's own, on ports the kernel gave, and a scripted upstream for it."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.message
import dns.query
import dns.rrset

from tests.e2e.authority import free_port

READY_SECONDS = 60.0
Script = Callable[[dns.message.Message], dns.message.Message]


def answering(records: dict[tuple[str, str], list[str]], ttl: int = 600) -> Script:
    """A script that knows these records: ``(owner, type) -> data``; a CNAME is followed; else NXDOMAIN."""

    def script(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query, recursion_available=True)
        name, rtype = query.question[0].name, query.question[0].rdtype.name
        for _ in range(8):
            owner = name.to_text(omit_final_dot=True).lower()
            if (owner, rtype) in records:
                reply.answer.append(dns.rrset.from_text_list(name, ttl, "IN", rtype, records[owner, rtype]))
                return reply
            if (owner, "CNAME") not in records:
                break
            alias = dns.rrset.from_text_list(name, ttl, "IN", "CNAME", records[owner, "CNAME"])
            reply.answer.append(alias)
            name = alias[0].target
        known = any(owner == name.to_text(omit_final_dot=True).lower() for owner, _ in records)
        reply.set_rcode(dns.rcode.NOERROR if known or reply.answer else dns.rcode.NXDOMAIN)
        soa = "ns.example.org. host.example.org. 1 3600 600 86400 60"
        reply.authority.append(dns.rrset.from_text("example.org.", 60, "IN", "SOA", soa))
        return reply

    return script


@contextlib.contextmanager
def upstream(script: Script) -> Iterator[tuple[int, list[str]]]:
    """A UDP name server that answers by ``script``; yields its port and the names it is asked, without those
    that a resolver asks for by itself."""
    asked: list[str] = []
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", free_port()))

    def serve() -> None:
        while True:
            packet, peer = server.recvfrom(4096)
            if not packet:
                return
            if len(packet) > 2 and packet[2] & 0x80:
                continue  # an answer for whoever had this port before
            query = dns.message.from_wire(packet)
            name = query.question[0].name.to_text(omit_final_dot=True).lower()
            if not name.startswith("loop-check-"):
                asked.append(name)
            server.sendto(script(query).to_wire(max_size=65535), peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], asked
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", server.getsockname())
        thread.join()
        server.close()


@dataclass
class ResolverProcess:
    """One resolver. ``settings`` is the JSON object it gets; it may be started again after an end."""

    settings: dict[str, object]
    port: int
    http: int
    log: Path
    python: tuple[str, ...] = ()
    """options of the interpreter"""
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start, and wait until it answers DNS (whatever it answers)."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.python, "-m", "filterd.serve.resolver"],
                stdin=subprocess.PIPE,
                stderr=log,
            )
        self.tell(self.settings)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError, dns.exception.DNSException):
                query = dns.message.make_query("localhost", "A")
                dns.query.udp(query, "127.0.0.1", port=self.port, timeout=0.2)
                return
            time.sleep(0.01)
        msg = f"the resolver did not answer: {self.log.read_text()[-2000:]}"
        raise RuntimeError(msg)

    def tell(self, settings: dict[str, object]) -> None:
        """Write a line of settings."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(settings).encode() + b"\n")
        self.process.stdin.flush()

    def ask(
        self, name: str, rtype: str = "A", client: str = "127.0.0.1", *, tcp: bool = False, do: bool = False
    ) -> dns.message.Message:
        """One query with EDNS from a loopback address."""
        query = dns.message.make_query(name, rtype, use_edns=0, want_dnssec=do)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, "127.0.0.1", port=self.port, source=client, timeout=5)

    def wait_for(self, condition: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
        """Until it holds; an AssertionError when it does not come to that."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.01)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a path of its HTTP."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=30) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def kill(self) -> None:
        """``kill -9``."""
        self.process.send_signal(signal.SIGKILL)
        self._gone()

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self._gone()

    def _gone(self) -> int:
        code = self.process.wait(timeout=60)
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        return code


def resolver_settings(directory: Path, upstream_port: int, **dns_settings: object) -> dict[str, object]:
    """The settings of a resolver below ``directory``; the store is ``directory/filterd.db``."""
    from filterd.config.load import from_value

    listen = free_port()
    value = {
        "dns": {
            "listen": [f"127.0.0.1:{listen}", f"[::1]:{listen}"],
            "upstreams": [f"127.0.0.1:{upstream_port}"],
            "allow_from": ["127.0.0.0/8", "::1/128"],
            **dns_settings,
        },
        "cache": {"size": "4MiB"},
        "store": {"url": f"sqlite:///{directory}/filterd.db"},
        "state_dir": str(directory / "state"),
        "policies": str(directory / "policies"),
        "metrics": {"listen": f"127.0.0.1:{free_port()}"},
        "block_page": {"ipv4": "192.0.2.80", "ipv6": "2001:db8::80"},
    }
    return from_value(value, base=directory).as_dict()


def resolver_of(settings: dict[str, object], log: Path) -> ResolverProcess:
    """A resolver with these settings, not started."""
    dns_part, metrics = settings["dns"], settings["metrics"]
    assert isinstance(dns_part, dict)
    assert isinstance(metrics, dict)
    ports = [int(str(text).rpartition(":")[2]) for text in (dns_part["listen"][0], metrics["listen"])]
    Path(str(settings["state_dir"])).mkdir(parents=True, exist_ok=True)
    return ResolverProcess(settings, ports[0], ports[1], log)
