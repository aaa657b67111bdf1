"""One installation of filterd in a folder: its configuration, its commands, its two processes.

Everything goes through the commands and through DNS, as an operator and a subscriber would meet it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
import dns.query
import yaml
from click.testing import CliRunner

from filterd.cli.main import main
from tests.e2e.authority import free_port
from tests.worlds.measured import measured
from tests.worlds.small_policies import small_policies

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
FILTERD = (sys.executable, "-m", "filterd.cli.entry")
_TICKETS = itertools.count(1)
"""no request rests on the document of another"""


@dataclass
class Deployment:
    """``upstream``: the port of the name server behind it; ``policies``: a directory like policies/;
    ``program``: the words that run filterd."""

    folder: Path
    upstream: int
    policies: Path = field(default_factory=small_policies)
    settings: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)
    control: int = field(default_factory=free_port)
    program: Sequence[str] = FILTERD
    directory: Path | None = None
    """where its commands are typed; None: where the tests run"""
    environment: dict[str, str] = field(default_factory=dict)
    """what ``serve`` finds in it beside the tests' own"""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "filterd.yaml"
        self.state = self.folder / "state"
        self.write_config()

    def write_config(self, **changes: Any) -> None:
        """Write the configuration file anew, with top-level sections replaced; keys that are None go."""
        self.settings.update(changes)
        document: dict[str, Any] = {
            "dns": {
                "listen": [f"127.0.0.1:{self.port}"],
                "upstreams": [f"127.0.0.1:{self.upstream}"],
                "allow_from": ["127.0.0.0/8"],
            },
            "block_page": {"ipv4": "192.0.2.80", "ipv6": "2001:db8::80"},
            "store": {"url": f"sqlite:///{self.state}/filterd.db"},
            "state_dir": str(self.state),
            "policies": str(self.policies),
            "control": {"listen": f"127.0.0.1:{self.control}"},
            "metrics": {"listen": f"127.0.0.1:{self.metrics}"},
            "orders": {"approvals": 1},
        }
        for section, value in self.settings.items():
            if isinstance(value, dict):
                merged = {**document.get(section, {}), **value}
                value = {key: item for key, item in merged.items() if item is not None}
            document[section] = value
        self.config.write_text(yaml.safe_dump(document))

    def run(self, *words: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """One filterd command; its exit code is the caller's to look at."""
        environment = {**os.environ, "FILTERD_CONFIG": str(self.config)}
        return subprocess.run(
            [*self.program, *words],
            env=environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def cli(self, *words: str) -> Any:
        """One filterd command that must succeed; its JSON.

        Of the program under test it is run in this process: a start takes longer than most commands.
        """
        code, output, errors = self._run_here(*words) if self.program is FILTERD else self._run_there(*words)
        assert code == 0, f"filterd {' '.join(words)}: {errors}{output}"
        return json.loads(output) if output.strip() else None

    def _run_here(self, *words: str) -> tuple[int, str, str]:
        environment = {"FILTERD_CONFIG": str(self.config)}
        result = CliRunner().invoke(main, [*words, "--json"], env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    def _run_there(self, *words: str) -> tuple[int, str, str]:
        done = self.run(*words, "--json")
        return done.returncode, done.stdout, done.stderr

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """``filterd serve`` with further words, in its own process group, its output in the folder."""
        environment = {**os.environ, **self.environment, "FILTERD_CONFIG": str(self.config)}
        with (self.folder / "serve.log").open("ab") as log:
            return subprocess.Popen(
                [*self.program, "serve", *words],
                env=environment,
                cwd=self.directory,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextlib.contextmanager
    def serving(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """A running, ready installation."""
        process = self.start(*words)
        try:
            self.wait_ready(process)
            yield process
        finally:
            stop(process)

    def wait_ready(
        self, process: subprocess.Popen[bytes] | None = None, seconds: float = READY_SECONDS
    ) -> None:
        """Until /readyz of the resolver says yes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert process is None or process.poll() is None, f"serve ended: {self.log()}"
            if self.http(self.metrics, "/readyz")[0] == 200:
                return
            time.sleep(0.02)
        msg = f"not ready: {self.http(self.metrics, '/readyz')}\n{self.log()}"
        raise AssertionError(msg)

    def log(self) -> str:
        """The end of what serve wrote."""
        return self.log_whole()[-4000:]

    def log_whole(self) -> str:
        """All that serve wrote."""
        return (self.folder / "serve.log").read_text(errors="replace")

    @staticmethod
    def http(port: int, path: str, host: str = "") -> tuple[int, str]:
        """Status and body; status 0 where nobody listens. ``host``: the name that is asked for."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", headers={"Host": host} if host else {}
        )
        try:
            with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310 - loopback alone
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ask(
        self,
        name: str,
        kind: str = "A",
        source: str = "127.0.0.1",
        *,
        tcp: bool = False,
        dnssec: bool = False,
        edns: bool = True,
        timeout: float = 3.0,
    ) -> dns.message.Message:
        """One question from a client address."""
        query = dns.message.make_query(name, kind, use_edns=0 if edns else None, want_dnssec=dnssec)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, "127.0.0.1", port=self.port, source=source, timeout=timeout)

    def register(self, subscriber: str, address: str, profile: str | None = None) -> None:
        """A line with one address, opted in to a profile or to nothing."""
        self.cli("subscriber", "add", subscriber)
        self.cli("binding", "add", f"{address}/32", subscriber)
        if profile:
            self.opt_in(subscriber, profile)

    def opt_in(self, subscriber: str, profile: str) -> None:
        """The holder asks for a profile."""
        ticket = f"ticket {next(_TICKETS)}"
        evidence = ("--who", "holder", "--text-version", "2026-11", "--reference", ticket)
        self.cli("subscriber", "opt-in", subscriber, "--profile", profile, *evidence)

    def order(self, *names: str, reason: str = "test order", more: Sequence[str] = ()) -> Any:
        """An order on names, accepted at once (orders.approvals is 1)."""
        return self.cli(
            "order", "add", *names, "--authority", "judge", "--official", "Official", "--document", "D-1",
            "--ground", "lmtr-182", "--law", "Law 1", "--reason", reason, *more,
        )  # fmt: skip


def soon(condition: Callable[[], bool], figure: str = "", seconds: float = 60.0) -> bool:
    """True if it becomes true; how long it took goes to the summary under the name of ``figure``.

    The bound only keeps a test from hanging: how quick is quick enough is no test's business.
    """
    begin = time.monotonic()
    while not (held := condition()) and time.monotonic() - begin < seconds:
        time.sleep(0.005)
    if figure:
        measured(figure, time.monotonic() - begin)
    return held


def stop(process: subprocess.Popen[bytes]) -> None:
    """End serve and, should it not manage, its whole group."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ede(answer: dns.message.Message) -> list[int]:
    """The codes of the extended errors, in order."""
    return [int(option.code) for option in answer.options if isinstance(option, dns.edns.EDEOption)]
