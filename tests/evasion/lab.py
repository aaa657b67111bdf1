"""A running installation for the evasion suite: its policies, lines and orders, and how it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import dns.message
import yaml

from filterd.config.load import load
from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import snapshots, subscribers
from filterd.operations.context import Context, open_context
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.store.store import Store
from tests.e2e.deployment import Deployment, ede, soon
from tests.evasion import names
from tests.evasion.scripted import Upstream, serving

EVIDENCE = RequestEvidence("holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
REQUEST = OrderRequest("Authority", "Official", "D-1", "Law 1", "test", (), accept_overblocking=True)
PATIENCE = 5.0
"""seconds that an answer may take"""
UDP, TCP = "udp", "tcp"
CENSORED, FILTERED, BLOCKED = 16, 17, 15


def _text(word: str) -> dict[str, str]:
    return {"es": word, "en": word}


def _entry(word: str, **more: object) -> dict[str, object]:
    return {"id": word, "title": _text(word), **more}


def write_policies(folder: Path) -> Path:
    """One list of each kind, and the profile ``children``."""
    policies = folder / "policies"
    (policies / "lists").mkdir(parents=True)
    (policies / "profiles").mkdir()
    terms = {"authority": "Test", "ground": "Test law", "blocking_mode": "nxdomain"}
    uses: dict[str, tuple[dict[str, object], list[str]]] = {
        "adult": ({"category": "adult"}, [names.ADULT, names.OPEN]),
        "malware": ({"security": {}}, [names.MALWARE]),
        "adopted": ({"mandatory": terms}, [names.ADOPTED]),
    }
    engine = {"exact": [names.SEARCH, names.UNSAFE], "subtree": [names.SAFE]}
    documents: dict[str, object] = {
        "categories": [_entry("adult", description=_text("adult"))],
        "feeds": [
            {"id": feed, "source": f"lists/{feed}.txt", "format": "domains", "scope": "subtree", **use}
            for feed, (use, _) in uses.items()
        ],
        "services": [_entry("chat", names={"subtree": [names.CHAT]})],
        "safesearch": [_entry("search", engine="search", target=names.SAFE, names=engine)],
        "bypass": [
            _entry("canary", names={"subtree": [names.CANARY]}, addresses=[f"{names.BYPASS_ADDRESS}/32"])
        ],
        "protected": {"public_suffixes": True, "names": {"subtree": [names.HELP]}},
        "expected": {},
    }
    for name, content in documents.items():
        (policies / f"{name}.yaml").write_text(yaml.safe_dump(content))
    for feed, (_, listed) in uses.items():
        (policies / "lists" / f"{feed}.txt").write_text("".join(f"{name}\n" for name in listed))
    rules = {"categories": ["adult"], "services": ["chat"], "safe_search": ["search"], "bypass": ["canary"]}
    texts = {key: _text("children") for key in ("title", "description", "audience")}
    (policies / "profiles" / "children.yaml").write_text(yaml.safe_dump({**texts, **rules}))
    return policies


async def _register(context: Context) -> None:
    lines = {"child": names.CHILD, "owner": names.OWNER, "left": names.LEFT, "paused": names.PAUSED}
    for subscriber, address in lines.items():
        await subscribers.add(context, subscriber, prefixes=(address,))
        await subscribers.opt_in(context, subscriber, "children", EVIDENCE)
    for subscriber in ("owner", "left", "paused"):
        await subscribers.deny(context, subscriber, names.MINE)
    for name in (names.WAY, names.ORDERED, names.OPEN):
        await subscribers.allow(context, "owner", name)
    await subscribers.opt_out(context, "left")
    await subscribers.pause(context, "paused", 3600)


async def add_order(context: Context, *entries: str, scope: Scope = Scope.SUBTREE, **more: Any) -> str:
    """An order on names or addresses, waiting for the second person; its reference."""
    request = replace(REQUEST, entries=tuple((entry, scope) for entry in entries), **more)
    return (await taking.add(replace(context, actor="ana"), request)).reference


async def approve(context: Context, reference: str) -> None:
    """The second person stands behind it."""
    await taking.approve(replace(context, actor="berta"), reference)


async def _prepare(filterd: Deployment) -> None:
    settings = load(filterd.config)
    await Store.migrate(settings.store.url, settings.store.ledger)
    async with open_context(settings) as context:
        await _register(context)
        compiled: list[tuple[tuple[str, ...], dict[str, Any]]] = [
            ((names.ORDERED,), {}),
            ((names.ORDERED_EXACT,), {"scope": Scope.EXACT}),
            ((names.ORDERED_BELOW,), {"scope": Scope.BELOW}),
            ((names.CONFIDENTIAL,), {"confidential": True}),
            ((names.ADDRESS, names.ADDRESS6), {}),
        ]
        beside: list[tuple[tuple[str, ...], dict[str, Any]]] = [
            ((names.NULLED,), {"mode": BlockingMode.NULL}),
            ((names.SUNK,), {"mode": BlockingMode.SINKHOLE}),
        ]
        for entries, more in compiled:
            await approve(context, await add_order(context, *entries, **more))
        await updating.update(context)
        await snapshots.build(context)
        for entries, more in beside:
            await approve(context, await add_order(context, *entries, **more))


@dataclass
class Lab:
    """The installation, its upstream, and sockets of its clients."""

    filterd: Deployment
    upstream: Upstream
    numbers: Iterator[int] = field(default_factory=count)
    """for names that nobody asked before"""
    _datagrams: dict[str, socket.socket] = field(default_factory=dict)
    _streams: dict[str, socket.socket] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Where it answers, on 127.0.0.1."""
        return self.filterd.port

    def fresh(self) -> str:
        """A label that nobody used before."""
        return f"n{next(self.numbers)}"

    def send(self, wire: bytes, client: str = names.STRANGER, transport: str = UDP) -> bytes:
        """One message and its answer, by one try; TimeoutError where none comes."""
        return self._datagram(wire, client) if transport == UDP else self._streamed(wire, client)

    def ask(
        self, name: str, rtype: str = "A", client: str = names.STRANGER, transport: str = UDP, **more: Any
    ) -> dns.message.Message:
        """One ordinary question with EDNS."""
        wire = dns.message.make_query(name, rtype, use_edns=0, **more).to_wire()
        return dns.message.from_wire(self.send(wire, client, transport))

    def _datagram(self, wire: bytes, client: str) -> bytes:
        sock = self._datagrams.get(client)
        if sock is None:
            sock = self._datagrams[client] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((client, 0))
            sock.connect(("127.0.0.1", self.port))
            sock.settimeout(PATIENCE)
        sock.send(wire)
        answer = sock.recv(65535)
        while answer[:2] != wire[:2]:
            answer = sock.recv(65535)
        return answer

    def _streamed(self, wire: bytes, client: str) -> bytes:
        framed = struct.pack("!H", len(wire)) + wire
        for kept in (True, False):
            stream = self._streams.get(client) if kept else self.connect(client)
            if stream is None:
                continue
            self._streams[client] = stream
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                stream.sendall(framed)
                if answer := receive(stream):
                    return answer
            stream.close()
            del self._streams[client]
        msg = "the connection was closed without an answer"
        raise TimeoutError(msg)

    def connect(self, client: str = names.STRANGER) -> socket.socket:
        """A connection of its own."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE, (client, 0))

    @contextlib.contextmanager
    def socket_of(self, client: str) -> Iterator[socket.socket]:
        """A UDP socket of its own, bound to a client's address and not connected."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((client, 0))
            sock.settimeout(PATIENCE)
            yield sock

    def close(self) -> None:
        """Close the clients' sockets."""
        for sock in (*self._datagrams.values(), *self._streams.values()):
            sock.close()

    def changing(self, what: Any) -> Any:
        """Do something to the store: ``what`` is called with a context and awaited; its result."""

        async def change() -> Any:
            async with open_context(load(self.filterd.config)) as context:
                return await what(context)

        return asyncio.run(change())

    def order(self, *entries: str, wait: str = "", **more: Any) -> str:
        """An order that two people stand behind. ``wait``: a name that is asked until it is blocked."""

        async def make(context: Context) -> str:
            reference = await add_order(context, *entries, **more)
            await approve(context, reference)
            return reference

        reference = str(self.changing(make))
        if wait:
            assert soon(lambda: ede(self.ask(wait)) == [CENSORED]), wait
        return reference

    def metric(self, name: str) -> float:
        """The value of one sample of the resolver's own metrics."""
        _, text = self.filterd.http(self.filterd.metrics, "/metrics")
        return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[-1])


def receive(stream: socket.socket) -> bytes:
    """One message of a TCP stream; empty where the other side ended it."""
    head = _exactly(stream, 2)
    return _exactly(stream, struct.unpack("!H", head)[0]) if len(head) == 2 else b""


def _exactly(stream: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length and (more := stream.recv(length - len(found))):
        found += more
    return found


@contextlib.contextmanager
def laboratory(folder: Path, **dns_settings: object) -> Iterator[Lab]:
    """A resolver that runs, with what is above."""
    with serving() as upstream:
        filterd = Deployment(folder / "filterd", upstream.port, write_policies(folder))
        dns_section = {"ecs_from": [f"{names.FORWARDER}/32"], "proxy_from": [f"{names.FRONT}/32"]}
        filterd.write_config(
            dns={**dns_section, **dns_settings}, security={"enabled": True}, orders={"approvals": 2}
        )
        asyncio.run(_prepare(filterd))
        lab = Lab(filterd, upstream)
        with filterd.serving("--role", "resolver"):
            assert soon(lambda: all(ede(lab.ask(name)) for name in (names.NULLED, names.SUNK)))
            try:
                yield lab
            finally:
                lab.close()
