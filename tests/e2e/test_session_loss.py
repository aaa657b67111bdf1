"""How long lines that are known by session are unknown when a role dies: DNS is asked every 10 ms meanwhile.

Two lines have a session each and a name of their own on their block list. Each client asks for both names:
its own must be blocked, and the other line's never. What is printed are the longest times in which a line was
unknown, got SERVFAIL, or got no answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest
import yaml
from click.testing import CliRunner

from filterd.cli.main import main
from filterd.store.store import Store
from tests.e2e.authority import free_port
from tests.e2e.resolver_process import answering, upstream

pytestmark = pytest.mark.ring("night")

POLICIES = Path(__file__).parents[2] / "policies"
PATIENCE = 60.0
PERIOD = 0.01
CLIENTS = ("127.0.5.1", "127.0.5.2")
"""of line 1 and line 2"""
NAMES = ("mine1.example", "mine2.example")
STRANGER = "127.0.5.9"
"""in the pools, without a session"""
FILTERED, NOT_READY = 17, 14


def outcome(reply: dns.message.Message) -> str:
    """Blocked, passed or servfail."""
    codes = {int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)}
    if reply.rcode() == dns.rcode.SERVFAIL:
        return "servfail" if NOT_READY in codes else "failed"
    return "blocked" if FILTERED in codes else "passed"


def ask(port: int, name: str, client: str, timeout: float = 1.0) -> str:
    """The outcome of a query, or silence."""
    query = dns.message.make_query(name, "A", use_edns=0)
    try:
        return outcome(dns.query.udp(query, "127.0.0.1", port=port, source=client, timeout=timeout))
    except (dns.exception.Timeout, OSError):
        return "silence"


@dataclass
class Watch:
    """Asks as both clients all the time, until the block ends."""

    port: int
    seen: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)
    """seconds by outcome for the own name, other than blocked"""
    theirs: int = 0
    """answers by the other line's profile"""

    def __enter__(self) -> Watch:
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(place,), daemon=True) for place in range(len(CLIENTS))
        ]
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for each in self._threads:
            each.join()

    def _run(self, place: int) -> None:
        since: tuple[str, float] = ("blocked", time.monotonic())
        while not self._ended.wait(PERIOD):
            found = ask(self.port, NAMES[place], CLIENTS[place], 0.3)
            now = time.monotonic()
            self.seen[found] += 1
            if found != since[0]:
                since = (found, now)
            if found != "blocked":
                self.longest[found] = max(self.longest.get(found, 0.0), now - since[1] + PERIOD)
            self.theirs += ask(self.port, NAMES[1 - place], CLIENTS[place], 0.3) == "blocked"

    def report(self, what: str) -> None:
        """Print the longest times."""
        words = [
            f"{word} {1000 * self.longest.get(word, 0.0):.0f} ms"
            for word in ("passed", "servfail", "silence")
        ]
        sys.stdout.write(f"{what:<44} longest: {', '.join(words)} of {sum(self.seen.values())} queries\n")


@dataclass
class Site:
    """An installation with both roles, or with one of them at a time."""

    directory: Path
    port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()[-4000:]

    def start(self, *roles: str) -> None:
        """Start each role by itself, as separate units do."""
        for role in roles:
            code = (
                f"import sys; from pathlib import Path; from filterd.serve.supervisor import run; "
                f"sys.exit(run(Path({str(self.directory / 'filterd.yaml')!r}), ({role!r},)))"
            )
            with (self.directory / "log").open("ab") as log:
                self.processes[role] = subprocess.Popen(
                    [sys.executable, "-c", code], stderr=log, start_new_session=True
                )

    def kill(self, *roles: str) -> None:
        """``kill -9`` of a role's process with its supervisor."""
        for role in roles:
            process = self.processes.pop(role)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """End all roles."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(timeout=30)
        self.processes.clear()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until it holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.log
            time.sleep(0.02)

    def command(self, value: dict[str, object]) -> dict[str, object]:
        """A command to control on sessions; empty where it does not answer."""
        with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(str(self.state / "sessions-command.sock"))
            link.sendall(json.dumps(value).encode() + b"\n")
            found = link.makefile().readline()
            return dict(json.loads(found))
        return {}

    def put(self) -> bool:
        """Give each line its session."""
        sessions = [
            {"addresses": [client], "subscriber": f"S-{place}"}
            for place, client in enumerate(CLIENTS, start=1)
        ]
        answer = self.command({"command": "put", "sessions": sessions})
        return answer.get("taken") == len(sessions)

    def known(self) -> bool:
        """True if both lines are recognised."""
        return all(
            ask(self.port, name, client) == "blocked" for name, client in zip(NAMES, CLIENTS, strict=True)
        )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two lines with their sessions, both roles running."""
    records = {(name, "A"): ["192.0.2.1"] for name in NAMES}
    with upstream(answering(records)) as (upstream_port, _):
        made = Site(tmp_path, free_port())
        value = {
            "dns": {
                "listen": [f"127.0.0.1:{made.port}"],
                "upstreams": [f"127.0.0.1:{upstream_port}"],
                "rate_limit": {"queries_per_second": 100_000, "burst": 100_000},
            },
            "accounting": {"pools": ["127.0.5.0/24"]},
            "cache": {"size": "4MiB"},
            "store": {"url": f"sqlite:///{tmp_path}/filterd.db"},
            "state_dir": str(made.state),
            "policies": str(POLICIES),
            "control": {"listen": f"127.0.0.1:{free_port()}"},
            "metrics": {"listen": f"127.0.0.1:{free_port()}"},
        }
        config = tmp_path / "filterd.yaml"
        config.write_text(yaml.safe_dump(value))
        asyncio.run(Store.migrate(f"sqlite:///{tmp_path}/filterd.db", made.state / "ledger"))
        for place, name in enumerate(NAMES, start=1):
            for words in (["add", f"S-{place}"], ["deny", f"S-{place}", name]):
                found = CliRunner().invoke(main, ["subscriber", *words, "--config", str(config)])
                assert found.exit_code == 0, found.output
        made.start("control", "resolver")
        try:
            made.wait_for(made.put)
            made.wait_for(made.known)
            yield made
        finally:
            made.stop()


def assert_nobody_elses(watch: Watch) -> None:
    assert watch.theirs == 0, "a line was answered by the other line's profile"
    assert watch.seen["failed"] == 0
    assert watch.seen["blocked"] > 0


def test_without_control_lines_stay_known(site: Site) -> None:
    with Watch(site.port) as watch:
        site.kill("control")
        time.sleep(3)
        site.start("control")
        site.wait_for(lambda: bool(site.command({"command": "list"})))
        time.sleep(2)
    watch.report("kill -9 of control, and its start")
    assert_nobody_elses(watch)
    assert watch.seen["passed"] == watch.seen["servfail"] == watch.seen["silence"] == 0


def test_a_resolver_that_was_killed_knows_lines_with_its_first_answers(site: Site) -> None:
    with Watch(site.port) as watch:
        site.kill("resolver")
        site.start("resolver")
        site.wait_for(site.known)
        time.sleep(1)
    watch.report("kill -9 of the resolver, and its start")
    assert_nobody_elses(watch)
    assert watch.seen["passed"] == 0, "an unknown client in the pools was served unfiltered"


def test_after_a_power_cut_the_resolver_knows_lines_without_control(site: Site) -> None:
    with Watch(site.port) as watch:
        site.kill("control", "resolver")
        site.start("resolver")
        site.wait_for(site.known)
        time.sleep(1)
        site.start("control")
        site.wait_for(lambda: bool(site.command({"command": "list"})))
        time.sleep(2)
    watch.report("kill -9 of both; the resolver starts alone")
    assert_nobody_elses(watch)
    assert watch.seen["passed"] == 0


@pytest.mark.parametrize("what", ["absent", "damaged"])
def test_until_sessions_are_loaded_nobody_in_the_pools_is_served_unfiltered(site: Site, what: str) -> None:
    site.kill("control", "resolver")
    live = site.state / "sessions" / "live"
    if what == "absent":
        live.unlink()
        # Without the file nothing tells the resolver that sessions are in use but the settings.
        config = site.directory / "filterd.yaml"
        value = yaml.safe_load(config.read_text())
        leases = site.directory / "leases"
        leases.write_text("")
        value["accounting"]["leases"] = [{"format": "dnsmasq", "file": str(leases), "line": "client-id"}]
        config.write_text(yaml.safe_dump(value))
    else:
        live.write_bytes(b"\xa5" * live.stat().st_size)
    with Watch(site.port) as watch:
        site.start("resolver")
        site.wait_for(lambda: ask(site.port, NAMES[0], CLIENTS[0]) == "servfail")
        assert ask(site.port, NAMES[0], STRANGER) == "servfail"
        assert ask(site.port, NAMES[0], "127.0.0.1") == "passed", (
            "a client outside the pools is nobody's line"
        )
        time.sleep(1)
        assert watch.seen["blocked"] == 0
        site.start("control")
        site.wait_for(site.put)
        site.wait_for(site.known)
        site.wait_for(lambda: watch.seen["blocked"] > 0)
    watch.report(f"the sessions file is {what}")
    assert_nobody_elses(watch)
    assert watch.seen["passed"] == 0


def test_a_hand_over_leaves_no_line_unknown(site: Site) -> None:
    with Watch(site.port) as watch:
        site.processes["resolver"].send_signal(signal.SIGUSR2)
        successor_of = site.processes.pop("resolver")
        site.start("resolver")
        successor_of.wait(timeout=60)
        site.wait_for(site.known)
        time.sleep(1)
    watch.report("a hand-over of the resolver")
    assert_nobody_elses(watch)
    assert watch.seen["passed"] == watch.seen["servfail"] == watch.seen["silence"] == 0
