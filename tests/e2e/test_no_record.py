"""Nothing keeps what a client asks or gets.

A name that nobody knows is asked for in every way with everything switched on, and then looked for in all
that filterd leaves behind.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.edns
import dns.exception
import dns.message
import dns.query
import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from filterd.config.raw import json_schema
from filterd.wire.names import name_from_text
from tests.e2e.deployment import Deployment, soon
from tests.e2e.resolver_process import answering, upstream
from tests.e2e.test_crash_loop import board_of, resolver_of
from tests.worlds.installation import write_policies

CHILD = "127.0.0.2"
STRANGER = "127.0.0.3"
OUTSIDE = "127.1.0.1"
FORWARDER = "127.0.0.9"
FLOODER = "127.0.0.10"
SWITCHES = {"publish.on_change": True, "security.enabled": True}
"""every setting that is on or off, on"""
LISTINGS = (
    ("node", "list"),
    ("node", "resync"),
    ("subscriber", "list"),
    ("binding", "list"),
    ("order", "list"),
    ("feed", "list"),
    ("snapshot", "show"),
    ("snapshot", "verify"),
    ("audit", "tail"),
    ("audit", "verify"),
    ("config", "show"),
    ("cache", "flush"),
    ("retention", "show"),
    ("arco", "list"),
)
"""commands that tell of the state, those that ask the resolver's socket among them"""


@dataclass(frozen=True, slots=True)
class Marker:
    """A label that stands nowhere else, and all forms in which it could be kept."""

    label: str = field(default_factory=lambda: f"zq{secrets.token_hex(9)}")

    @property
    def mixed(self) -> str:
        """The label as a resolver with 0x20 would send it."""
        return "".join(each.upper() if number % 2 else each for number, each in enumerate(self.label))

    def found_in(self, data: bytes, names: list[str]) -> list[str]:
        """The forms in which the data holds it; ``names``: the whole names that were asked for."""
        found = [form for form, text in self._readable().items() if text in data.lower()]
        found += [form for form, text in self._encoded() if text in data]
        found += [f"digest of {name}" for name in names if any(each in data for each in digests(name))]
        return found

    def _readable(self) -> dict[str, bytes]:
        """Forms to be looked for without regard to letter case; labels of the wire hold the plain one."""
        text = self.label.encode()
        hexes = {f"hex of {each}": each.encode().hex().encode() for each in (self.label, self.mixed)}
        return {"plain": text, "UTF-16": self.label.encode("utf-16-le"), **hexes}

    def _encoded(self) -> Iterator[tuple[str, bytes]]:
        """Base64, at each place that the label may have in a run of three bytes."""
        for each in (self.label, self.label.upper(), self.mixed):
            for before in range(3):
                whole = base64.b64encode(bytes(before) + each.encode())
                inner = whole[(0, 2, 3)[before] : -4]
                yield "base64", inner
                yield "base64", inner.replace(b"+", b"-").replace(b"/", b"_")


def digests(name: str) -> Iterator[bytes]:
    """A name under hashes without a key, which anybody could look up."""
    for text in (name.encode(), name_from_text(name)):
        for kind in (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.blake2b):
            made = kind(text)
            yield from (made.digest(), made.hexdigest().encode())


@dataclass
class Traces:
    """The places to search, beside the files below the folder."""

    folder: Path
    outputs: dict[str, bytes] = field(default_factory=dict)

    def search(self, marker: Marker, names: list[str]) -> list[str]:
        """Each place and form in which the marker stands."""
        found = []
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                found += [f"{path}: {form}" for form in marker.found_in(path.read_bytes(), names)]
            found += [f"the name of {path}" for _ in marker.found_in(path.name.encode(), names)]
        for what, data in self.outputs.items():
            found += [f"{what}: {form}" for form in marker.found_in(data, names)]
        return found


@dataclass
class Site:
    """An installation with everything switched on, and the socket on which systemd would hear it."""

    filterd: Deployment
    traces: Traces
    marker: Marker
    notices: socket.socket
    names: list[str]
    """that the upstream knows or the policy blocks, all of the marker"""

    def is_started(self) -> bool:
        """True once systemd was told so."""
        self.hear()
        return b"READY=1" in self.traces.outputs.get("notices", b"")

    def hear(self) -> None:
        """Take in the messages that the service sent to systemd."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.traces.outputs["notices"] = self.traces.outputs.get("notices", b"") + self.notices.recv(
                    65536
                )


def everything(folder: Path) -> dict[str, Any]:
    """Settings in which nothing that can be switched on is off."""
    (folder / "cookies").write_text("00112233445566778899aabbccddeeff\n")
    (folder / "cookies").chmod(0o600)
    return {
        "dns": {
            "allow_from": ["127.0.0.0/16"],
            "ecs_from": [f"{FORWARDER}/32"],
            "identity": "node-1",
            "cookie_secret_file": str(folder / "cookies"),
            "rate_limit": {"overrides": [{"prefix": f"{FLOODER}/32", "queries_per_second": 5, "burst": 10}]},
        },
        "cache": {"size": "4MiB", "serve_stale": "1d"},
        "security": {"enabled": True},
        "publish": {"directory": str(folder / "published"), "on_change": True},
    }


@contextlib.contextmanager
def site(folder: Path, environment: dict[str, str]) -> Iterator[Site]:
    """An installation that is not started: a child's line, an order, lists."""
    marker = Marker()
    m = marker.label
    names = [f"{m}.{rest}" for rest in ("fine.example", "ordered.example", "adult.example", "cloak.example")]
    records = {
        (names[0], "A"): ["192.0.2.1"],
        (names[0], "TXT"): [f'"{m} is in the answer"'],
        (names[3], "CNAME"): [names[1] + "."],
        (names[1], "A"): ["192.0.2.2"],
    }
    written = folder / "written"
    (written / "tmp").mkdir(parents=True)
    policies = write_policies(written / "policies")
    with (
        upstream(answering(records, 1)) as (port, _),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices,
    ):
        notices.bind(str(folder / "notify"))
        notices.setblocking(False)
        filterd = Deployment(written, port, policies, everything(written))
        filterd.environment = {
            "TMPDIR": str(written / "tmp"),
            "NOTIFY_SOCKET": str(folder / "notify"),
            "PYTHONASYNCIODEBUG": "1",
            "PYTHONDEVMODE": "1",
            **environment,
        }
        filterd.directory = written
        filterd.cli("store", "migrate")
        filterd.register("child", CHILD, "child")
        filterd.register("other", STRANGER)
        filterd.cli("feed", "update")
        filterd.cli("snapshot", "build")
        yield Site(filterd, Traces(written), marker, notices, names)


def ask_everything(made: Site) -> None:
    """The marker as name, answer, option and rubbish, over both transports, from every kind of client."""
    filterd, m = made.filterd, made.marker
    for name in (*made.names, made.names[0].replace(m.label, m.mixed), f"{m.label}.nowhere.example"):
        for source in (CHILD, STRANGER, OUTSIDE, "127.0.0.1"):
            for kind in ("A", "TXT", "HTTPS"):
                asked(filterd, dns.message.make_query(name, kind, use_edns=0, want_dnssec=True), source)
        asked(filterd, dns.message.make_query(name, "A"), CHILD, tcp=True)
    options: list[dns.edns.Option] = [
        dns.edns.GenericOption(dns.edns.OptionType.make(65001), m.label.encode()),
        dns.edns.GenericOption(dns.edns.OptionType.COOKIE, m.label.encode()[:8]),
        dns.edns.ECSOption("127.0.0.2", 32),
    ]
    with_options = dns.message.make_query(made.names[0], "A", use_edns=0, options=options)
    for source in (CHILD, FORWARDER):
        asked(filterd, with_options, source)
        asked(filterd, with_options, source, tcp=True)
    whole = dns.message.make_query(made.names[1], "A", use_edns=0).to_wire()
    for packet in (whole[:-6], whole[:2] + b"\x28\x00" + whole[4:], m.label.encode(), whole + whole):
        sent(filterd, packet)
    flood(filterd, whole)


def flood(filterd: Deployment, packet: bytes) -> None:
    """One query more often than the rate limit allows."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((FLOODER, 0))
        for _ in range(200):
            udp.sendto(packet, ("127.0.0.1", filterd.port))


def asked(filterd: Deployment, query: dns.message.Message, source: str, *, tcp: bool = False) -> None:
    """A question that may get silence: of a client outside the access list, or over its limit."""
    send = dns.query.tcp if tcp else dns.query.udp
    with contextlib.suppress(dns.exception.DNSException, OSError, EOFError):
        send(query, "127.0.0.1", port=filterd.port, source=source, timeout=0.3)


def sent(filterd: Deployment, packet: bytes) -> None:
    """Bytes that are no sound query, over UDP and TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(packet, ("127.0.0.1", filterd.port))
    with socket.create_connection(("127.0.0.1", filterd.port), timeout=3) as tcp:
        tcp.sendall(len(packet).to_bytes(2, "big") + packet)


def crash(made: Site, serve: subprocess.Popen[bytes]) -> None:
    """The resolver dies at work on a query for the marker, as ``test_crash_loop`` has it."""
    before, board = resolver_of(serve), board_of(serve)
    assert before is not None
    board.note(board.mark(dns.message.make_query(made.names[0], "A", use_edns=0).to_wire()))
    os.kill(before, signal.SIGSEGV)
    assert soon(lambda: resolver_of(serve) not in (None, before)), made.filterd.log()
    made.filterd.wait_ready(serve)


def listing(*words: str, made: Site) -> str:
    return CliRunner().invoke(main, words, env={"FILTERD_CONFIG": str(made.filterd.config)}).output


def collect(made: Site, serve: subprocess.Popen[bytes]) -> None:
    """Collect all that a running installation tells those who ask it."""
    filterd, outputs = made.filterd, made.traces.outputs
    for words in LISTINGS:
        for more in ((), ("--json",)):
            outputs[" ".join((*words, *more))] = listing(*words, *more, made=made).encode()
    for port in (filterd.metrics, filterd.control):
        for path in ("/metrics", "/healthz", "/readyz", "/"):
            outputs[f"{port}{path}"] = filterd.http(port, path)[1].encode()
    for pid in (serve.pid, *children(serve.pid)):
        for name in ("cmdline", "comm", "environ", "maps"):
            outputs[f"{pid}/{name}"] = Path(f"/proc/{pid}/{name}").read_bytes()
    made.hear()


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def figures(made: Site) -> str:
    return made.filterd.http(made.filterd.metrics, "/metrics")[1]


def full_run(made: Site) -> list[str]:
    """Serve, ask, reload, die, ask again, end; where the marker stands."""
    with made.filterd.serving() as serve:
        made.filterd.order("ordered.example")
        ask_everything(made)
        assert soon(lambda: "filterd_rate_limited_total{" in figures(made)), made.filterd.log()
        verdicts = figures(made)
        assert 'filterd_verdicts_total{reason="mandatory",verdict="block"}' in verdicts
        assert 'filterd_verdicts_total{reason="category",verdict="block"}' in verdicts
        assert soon(made.is_started), made.filterd.log()
        serve.send_signal(signal.SIGHUP)
        crash(made, serve)
        ask_everything(made)
        assert soon(lambda: json.loads(listing("node", "list", "--json", made=made))), made.filterd.log()
        collect(made, serve)
    made.hear()
    return made.traces.search(made.marker, made.names)


@pytest.mark.timeout(600)
def test_no_query_and_no_answer_is_kept(tmp_path: Path) -> None:
    with site(tmp_path, {}) as made:
        assert full_run(made) == []
        assert b"READY=1" in made.traces.outputs["notices"]
        assert b"filterd_verdicts_total" in made.traces.outputs[f"{made.filterd.metrics}/metrics"]
        assert json.loads(made.traces.outputs["node list --json"])
        assert "the resolver died of a fault" in made.filterd.log_whole()


PLANTED = """
import os
from filterd.dataplane.slow.slowpath import SlowPath
original = SlowPath.take
def take(self, packet, *more, **named):
    with open({file!r}, "ab") as kept:
        kept.write({form})
    return original(self, packet, *more, **named)
SlowPath.take = take
"""
"""a resolver that keeps its packets over TCP"""
FORMS = {
    "plain": "bytes(packet)",
    "hex": "bytes(packet).hex().encode()",
    "base64": "__import__('base64').b64encode(bytes(packet))",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_resolver_that_keeps_its_queries_is_found(form: str, tmp_path: Path) -> None:
    kept = tmp_path / "written/state/kept"
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(PLANTED.format(file=str(kept), form=FORMS[form]))
    path = os.pathsep.join([str(planted), str(Path(__file__).parents[2])])
    with site(tmp_path, {"PYTHONPATH": path}) as made, made.filterd.serving():
        asked(made.filterd, dns.message.make_query(made.names[0], "A"), CHILD, tcp=True)
        assert soon(kept.exists), made.filterd.log()
        found = made.traces.search(made.marker, made.names)
    assert any(str(kept) in each and form in each for each in found), found


@pytest.mark.parametrize("place", ["written/state/some.file", "written/serve.log", "written/tmp/zq"])
def test_every_form_is_found_everywhere(place: str, tmp_path: Path) -> None:
    marker = Marker()
    name = f"{marker.label}.fine.example"
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    for data in (
        name.encode(),
        marker.mixed.encode(),
        name_from_text(name),
        marker.mixed.encode().hex().upper().encode(),
        *(base64.b64encode(bytes(before) + name.encode()) for before in range(3)),
        hashlib.sha256(name.encode()).digest(),
        hashlib.sha256(name_from_text(name)).hexdigest().encode(),
    ):
        path.write_bytes(bytes(100) + data + bytes(100))
        assert Traces(tmp_path).search(marker, [name]), data
    path.write_bytes(bytes(300))
    assert Traces(tmp_path).search(marker, [name]) == []


def switches(schema: dict[str, Any]) -> set[str]:
    """The settings of the configuration file that are on or off."""
    found = set()
    for section, value in schema["properties"].items():
        inner = schema["$defs"].get(value.get("$ref", "").removeprefix("#/$defs/"), {})
        for key, item in inner.get("properties", {}).items():
            if item.get("type") == "boolean":
                found.add(f"{section}.{key}")
    return found


def test_nothing_that_can_be_switched_on_is_off() -> None:
    assert switches(json_schema()) == SWITCHES.keys()


def test_no_setting_speaks_of_a_record_of_queries() -> None:
    keys = {key for each in json_schema()["$defs"].values() for key in each.get("properties", {})}
    spoken = ("log", "debug", "trace", "record", "dump", "capture", "verbose", "history", "tap")
    named = {key for key in keys if any(word in key.split("_") for word in spoken)}
    assert named == {"history"}, (
        "nodes.history: how long it is kept which lists a node had; no query is in it"
    )
