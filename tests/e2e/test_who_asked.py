"""Nothing tells who asked for a name that an authority had blocked (R35).

Clients with marks that stand nowhere else ask for listed names and go to the page of the block. Then all
that the installation leaves behind, and all that it says to those who may read everything, is searched for
the marks.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import secrets
import signal
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.resolver_process import answering, upstream
from tests.e2e.test_crash_loop import resolver_of
from tests.worlds.asker_site import Asker, Traces, ask_all, drawn, own_forms, traces_of
from tests.worlds.installation import write_policies
from tests.worlds.kept_forms import core_limit, written_elsewhere

SINKHOLE = "127.0.23.1"
HOSTS = {"public": "servicio.isp.example", "portal": "filtro.isp.example"}
"""those of the public URLs"""
LISTINGS = (
    ("node", "list"),
    ("canary", "list"),
    ("subscriber", "list"),
    ("subscriber", "export", "{line}"),
    ("subscriber", "show", "{line}"),
    ("consent", "show", "{line}"),
    ("binding", "list"),
    ("session", "list"),
    ("order", "list"),
    ("order", "show", "O-1"),
    ("order", "show", "O-3"),
    ("order", "receipt", "O-1"),
    ("order", "receipt", "O-3"),
    ("order", "due"),
    ("feed", "list"),
    ("feed", "show", "worst-of"),
    ("exception", "list"),
    ("snapshot", "show"),
    ("audit", "tail", "--count", "1000"),
    ("audit", "verify"),
    ("audit", "checkpoints"),
    ("audit", "anchors"),
    ("config", "show"),
    ("hold", "list", "--all"),
    ("retention", "show"),
    ("breach", "report", "--store"),
    ("doctor",),
    ("page", "list"),
)
"""commands that tell of the state"""
PAGES = ("/", "/servicio", "/service", "/funciona", "/revision", "/portal", "/desk", "/regulator", "/metrics")
MOST_READS = 400


@dataclass
class Site:
    """An installation, those who ask it, and the address and port of its block page."""

    filterd: Deployment
    traces: Traces
    askers: tuple[Asker, Asker]
    page: tuple[str, int]
    health: int
    """the port of the block page's own"""
    web: dict[str, int]
    """the ports of the web process: api, public, portal, desk"""
    token: str
    hold: str
    """the reference of a preservation hold of the first one's line"""

    def is_up(self) -> bool:
        """True once the block page, the API and all pages answer."""
        ports = (self.health, *self.web.values())
        return all(self.filterd.http(port, "/readyz")[0] for port in ports)


@contextmanager
def site(folder: Path, seed: int, environment: dict[str, str] | None = None) -> Iterator[Site]:
    """An installation with orders of every kind in force and a hold, not started."""
    askers = drawn(random.Random(seed))
    written, port, health = folder / "written", free_port(), free_port()
    policies = write_policies(written / "policies")
    with upstream(answering({("fine.example", "A"): ["192.0.2.1"]}, 1)) as (behind, _):
        block = {"listen": [f"{SINKHOLE}:{port}"], "health": f"127.0.0.1:{health}"}
        ports = {each: free_port() for each in ("api", "public", "portal", "desk")}
        web: dict[str, Any] = {each: {"listen": f"127.0.0.1:{port}"} for each, port in ports.items()}
        for each, host in HOSTS.items():
            web[each]["public_url"] = f"https://{host}"
        settings: dict[str, Any] = {
            "block_page": {"ipv4": None, "ipv6": None, "mandatory": {"ipv4": SINKHOLE}},
            "web": {**web, "block": block},
            "signing": {"anchors": [{"id": "outside", "kind": "file", "path": str(written / "anchored")}]},
        }
        filterd = Deployment(written, behind, policies, settings)
        filterd.environment = environment or {}
        filterd.cli("store", "migrate")
        filterd.register(askers[0].line, askers[0].address, "child")
        filterd.cli("feed", "update")
        filterd.cli("snapshot", "build")
        _order_all(filterd, written)
        demand = ("--authority", "A", "--official", "O", "--document", "D", "--ground", "G", "--reason", "R")
        held = filterd.cli("hold", "add", *demand, "--days", "30", "--subscriber", askers[0].line)["hold"]
        token = filterd.cli("token", "add", "daemon", "--role", "operator")["secret"]
        yield Site(filterd, Traces(written), askers, (SINKHOLE, port), health, ports, token, held)


def _order_all(filterd: Deployment, folder: Path) -> None:
    """Orders in the open, with a page, and in confidence."""
    sealed = folder / "sealed.txt"
    sealed.write_text("sealed.example\n")
    filterd.order("ordered.example")
    filterd.order("sink.example", more=("--mode", "sinkhole"))
    filterd.order(more=("--file", str(sealed), "--confidential"))


def collect(made: Site, serve: subprocess.Popen[bytes], copy: str) -> dict[str, bytes]:
    """All that the running installation tells somebody who may read everything; a backup is made as
    ``copy``."""
    filterd, found = made.filterd, {}
    line = made.askers[0].line
    for words in LISTINGS:
        for more in ((), ("--json",)):
            whole = [each.format(line=line) for each in words] + list(more)
            env = {"FILTERD_CONFIG": str(filterd.config)}
            told = CliRunner().invoke(main, whole, env=env)
            assert told.exit_code == 0 or words == ("doctor",), told.output
            found[" ".join([*words, *more])] = told.output.encode()
    filterd.cli("backup", str(made.traces.folder / copy))
    filterd.cli("audit", "export", "--out", str(made.traces.folder / f"export-{copy}.jsonl"))
    for order in ("O-1", "O-2", "O-3"):
        filterd.cli("order", "receipt", order, "--out", str(made.traces.folder / f"receipts-{copy}"))
    hosts = {made.web[each]: host for each, host in HOSTS.items()}
    for port in (filterd.metrics, filterd.control, made.health, *made.web.values()):
        for path in (*PAGES, "/healthz", "/readyz"):
            found[f"{port}{path}"] = filterd.http(port, path, hosts.get(port, ""))[1].encode()
    found |= _api(made)
    for pid in (serve.pid, *_children(serve.pid)):
        for name in ("cmdline", "environ", "status"):
            found[f"{name} of a process {pid}"] = Path(f"/proc/{pid}/{name}").read_bytes()
    return found


def _api(made: Site) -> dict[str, bytes]:
    """The reply of every call that reads, with an operator's token."""
    base, line = f"http://127.0.0.1:{made.web['api']}", made.askers[0].line
    known = {"id": line, "reference": "O-1", "hold": made.hold, "number": "1", "profile": "child"}
    found, headers = {}, {"Authorization": f"Bearer {made.token}"}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as client:
        paths = client.get(f"{base}/api/openapi.json").json()["paths"]
        assert 20 < len(paths) < MOST_READS
        for path in (each for each, calls in paths.items() if "get" in calls):
            names = dict.fromkeys(_names_in(path), "1") | known
            names["id"] = "worst-of" if "/feeds/" in path else line
            found[f"GET {path}"] = client.get(base + path.format(**names)).content
    return found


def _names_in(path: str) -> list[str]:
    return [each.partition("}")[0] for each in path.split("{")[1:]]


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _reports(made: Site) -> list[dict[str, Any]]:
    env = {"FILTERD_CONFIG": str(made.filterd.config)}
    found: list[dict[str, Any]] = json.loads(
        CliRunner().invoke(main, ["node", "list", "--json"], env=env).output
    )
    return found


@pytest.mark.timeout(600)
def test_nothing_tells_who_asked_for_a_listed_name(tmp_path: Path) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    with site(tmp_path, seed) as made:
        holder, _ = made.askers
        with made.filterd.serving() as serve:
            assert soon(made.is_up, seconds=60), made.filterd.log()
            assert soon(lambda: len(_reports(made)) == 1)
            assert soon((made.traces.folder / "anchored").exists), made.filterd.log()
            made.traces.outputs = collect(made, serve, "before")
            before = _kinds(made, made.traces.search(own_forms(holder)))
            assert before, "the line's own id and address stand in its rows"
            ask_all(made.filterd, made.askers, made.page)
            resolver = resolver_of(serve)
            assert resolver is not None
            os.kill(resolver, signal.SIGKILL)
            assert soon(lambda: resolver_of(serve) not in (None, resolver))
            made.filterd.wait_ready(serve)
            ask_all(made.filterd, made.askers, made.page)
            serve.send_signal(signal.SIGHUP)
            made.traces.outputs = collect(made, serve, "after")
            _require_asked(made)
            for pid in (serve.pid, *_children(serve.pid)):
                assert core_limit(pid) == "0"
                assert written_elsewhere(pid, tmp_path) == []
        assert made.traces.search(traces_of(made.askers)) == set()
        after = _kinds(made, made.traces.search(own_forms(holder)))
        assert after <= before, "the line stands in no place where it did not stand before it asked"


def _require_asked(made: Site) -> None:
    """The metrics say that the names were asked for and that the page was seen."""
    text = made.traces.outputs[f"{made.filterd.metrics}/metrics"].decode()
    rows = [each for each in text.splitlines() if each.startswith("filterd_verdicts_total")]
    mandatory = [each for each in rows if 'reason="mandatory"' in each and 'verdict="block"' in each]
    assert sum(float(each.split()[-1]) for each in mandatory) >= 2 * 4 * 4, rows
    seen = made.traces.outputs[f"{made.health}/metrics"].decode()
    assert 'filterd_block_page_requests_total{kind="mandatory"} 0.0' not in seen
    assert "filterd_block_page_requests_total" in seen


def _kinds(made: Site, found: set[tuple[str, str, str]]) -> set[tuple[str, str]]:
    """The kinds of places, and the things: backups and processes have other names after than before."""
    signs = str.maketrans("0123456789", "##########")
    return {
        (re.sub("(before|after)(?=[./])", "copy", place).translate(signs), thing) for place, thing, _ in found
    }


KEEPING = """
import socket
from filterd.dataplane.slow.slowpath import SlowPath
original = SlowPath.take
def take(self, packet, client, *more, **named):
    address = socket.inet_ntoa(bytes(client)[-4:])
    with open({file!r}, "ab") as kept:
        kept.write({form})
    return original(self, packet, client, *more, **named)
SlowPath.take = take
"""
"""a resolver that keeps who asked over TCP"""
FORMS = {
    "address": "address.encode() + b' '",
    "mapped bytes": "bytes(client) + b' '",
    "question": "bytes(packet).lower()",
}


@pytest.mark.ring("night")
@pytest.mark.parametrize("form", FORMS)
def test_a_resolver_that_keeps_who_asked_is_found(form: str, tmp_path: Path) -> None:
    kept, planted = tmp_path / "written/state/kept", tmp_path / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(KEEPING.format(file=str(kept), form=FORMS[form]))
    path = os.pathsep.join([str(planted), str(Path(__file__).parents[2])])
    with site(tmp_path, 7, {"PYTHONPATH": path}) as made, made.filterd.serving():
        assert soon(made.is_up, seconds=60), made.filterd.log()
        ask_all(made.filterd, made.askers, made.page)
        assert soon(kept.exists), made.filterd.log()
        found = made.traces.search(traces_of(made.askers))
    assert {place for place, _, _ in found} == {"state/kept"}, found


@pytest.mark.ring("night")
def test_every_form_is_found_in_every_place(tmp_path: Path) -> None:
    holder, stranger = askers = drawn(random.Random(7))
    search = traces_of(askers)
    traces = Traces(tmp_path)
    for place, data in (
        ("state/node/journal", stranger.address.encode()),
        ("serve.log", f"asked by ::ffff:{stranger.address} ".encode()),
        ("filterd.db-wal", bytes(12) + b"\xff\xff" + bytes(map(int, stranger.address.split(".")))),
        ("copy/store", holder.names[0].upper().encode()),
    ):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(101) + data + bytes(100))
        assert {each[0] for each in traces.search(search)} == {place}, place
        path.unlink()
    for what, data in (
        ("/metrics", f'filterd_verdicts_total{{client="{holder.label}"}} 1'.encode()),
        ("GET /audit", json.dumps({"name": stranger.names[2]}).encode()),
        ("export", hashlib.sha256(f"{holder.line}:{holder.names[1]}".encode()).hexdigest().encode()),
    ):
        traces.outputs = {what: data}
        assert {each[0] for each in traces.search(search)} == {what}, what
    pdf = tmp_path / "receipt.pdf"
    pdf.write_bytes(b"%PDF-1.7\nstream\n" + zlib.compress(holder.names[0].encode()) + b"\nendstream")
    traces.outputs = {}
    assert {each[0] for each in traces.search(search)} == {"receipt.pdf, stream 0"}
    pdf.unlink()
    assert traces.search(search) == set()
