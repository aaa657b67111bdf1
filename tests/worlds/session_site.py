"""A running installation whose lines come by session: one asked for the child profile, others for nothing.

``adult.example`` is blocked for the first and served to everybody else; so one question tells which line, or
none, a client's address has.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
import dns.query
import dns.rcode

from tests.e2e.authority import free_port
from tests.e2e.deployment import FILTERD, Deployment, ede
from tests.e2e.small import small
from tests.worlds.radius_client import Nas

SECRET = "a-secret-of-sessions"  # noqa: S105 - of this test world alone
RADIUS_SENDER = "127.0.0.1"
CLOSED, OPEN = "adult.example", "fine.example"
FILTERED = 17
MARKS = "marks.example"
"""below it stands a name for each marked line"""
WORLD = {(CLOSED, "A"): ["192.0.2.1"], (OPEN, "A"): ["192.0.2.2"]}
FORWARDER = "127.0.0.200"
"""a sender whose client subnet is believed: by it, a test asks as a client of any address"""


@dataclass
class SessionSite:
    """The installation, and the port of its RADIUS listener on 127.0.0.1."""

    filterd: Deployment
    radius: int
    nas: Nas = field(init=False)
    marked: list[str] = field(default_factory=list)
    serve: subprocess.Popen[bytes] | None = None
    """the supervisor of both roles while it runs"""

    def __post_init__(self) -> None:
        self.nas = Nas(self.radius, SECRET.encode())

    def add(self, subscriber: str, profile: str | None = None) -> None:
        """A line that has no address of its own."""
        self.filterd.cli("subscriber", "add", subscriber)
        if profile:
            self.filterd.opt_in(subscriber, profile)

    def pid(self, role: str) -> int | None:
        """The process id of the role, ``resolver`` or ``control``; None while there is none."""
        assert self.serve is not None
        children = Path(f"/proc/{self.serve.pid}/task/{self.serve.pid}/children").read_text().split()
        for each in map(int, children):
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                if f"filterd.serve.{role}".encode() in Path(f"/proc/{each}/cmdline").read_bytes():
                    return each
        return None

    def kill(self, role: str) -> None:
        """End the role with SIGKILL; its supervisor starts it again."""
        before = self.pid(role)
        if before is not None:
            os.kill(before, signal.SIGKILL)

    def mark(self, subscriber: str) -> None:
        """A line, if it is not there yet, and one name that is blocked for it alone."""
        if subscriber not in self.marked:
            self.filterd.cli("subscriber", "add", subscriber)
            self.filterd.cli("subscriber", "deny", subscriber, f"{subscriber}.{MARKS}")
            self.marked.append(subscriber)

    def recognised(self, asker: Callable[[str], dns.message.Message]) -> list[str]:
        """The marked lines that a client is taken for: one, or none. ``asker`` asks as it would."""
        return [each for each in self.marked if ede(asker(f"{each}.{MARKS}")) == [FILTERED]]

    def is_filtered(self, client: str, *, options: Sequence[dns.edns.Option] = ()) -> bool:
        """True if the client is recognised as a line with the child's profile; else it must be served.

        Clients that are not of 127.0.0.0/8 ask by way of the forwarder.
        """
        answer = self.ask(client, options=options)
        if ede(answer) == [FILTERED]:
            return True
        assert answer.rcode() == dns.rcode.NOERROR, answer
        assert answer.answer, answer
        return False

    def ask(
        self, client: str, name: str = CLOSED, *, options: Sequence[dns.edns.Option] = (), port: int = 0
    ) -> dns.message.Message:
        """The answer that the client gets. ``port``: the one that it asks from; 0: any."""
        direct = client.startswith("127.")
        given = list(options)
        if not direct:
            given.append(dns.edns.ECSOption(client, 128 if ":" in client else 32))
        query = dns.message.make_query(name, "A", use_edns=0, options=given)
        source = client if direct else FORWARDER
        return dns.query.udp(
            query, "127.0.0.1", port=self.filterd.port, source=source, source_port=port, timeout=3.0
        )

    def explained(self, client: str) -> dict[str, Any]:
        """The stage identify as ``filterd check --client`` tells it."""
        done = self.filterd.run("check", CLOSED, "--client", client, "--json")
        assert done.returncode == 0, done.stderr
        identity: dict[str, Any] = json.loads(done.stdout)["identity"]
        return identity


@contextlib.contextmanager
def session_site(
    folder: Path,
    *,
    radius: dict[str, Any] | None = None,
    accounting: dict[str, Any] | None = None,
    dns_section: dict[str, Any] | None = None,
    program: Sequence[str] = FILTERD,
    prepare: Callable[[SessionSite], None] = lambda site: None,
) -> Iterator[SessionSite]:
    """It runs and is ready. ``radius``, ``accounting``, ``dns_section``: more keys of these sections.

    ``prepare``: makes lines and bindings before it starts.
    """
    port = free_port()
    with small(folder, WORLD, program) as filterd:
        secret = folder / "radius-secret"
        secret.write_text(f"{SECRET}\n")
        secret.chmod(0o600)
        client = {"prefix": f"{RADIUS_SENDER}/32", "secret_file": str(secret)}
        filterd.write_config(
            accounting={
                "radius": {"listen": f"127.0.0.1:{port}", "clients": [client], **(radius or {})},
                "pools": ["192.0.2.0/25", "127.0.0.0/25", "100.64.0.0/26", "2001:db8::/32"],
                **(accounting or {}),
            },
            dns={
                "allow_from": ["127.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"],
                "ecs_from": [f"{FORWARDER}/32"],
                **(dns_section or {}),
            },
        )
        site = SessionSite(filterd, port)
        site.add("ana", "child")
        site.add("luis")
        prepare(site)
        filterd.cli("feed", "update")
        filterd.cli("snapshot", "build")
        with filterd.serving() as site.serve:
            yield site
