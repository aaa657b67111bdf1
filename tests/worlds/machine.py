"""A booted Debian 13 of a test's own: real systemd, its own network with a loopback only, and a disk that is
forgotten.

``systemd-nspawn`` boots the root of ``machine_root`` below an overlay in memory. Commands run in it by
``nsenter``: nothing is registered anywhere, so that a host without systemd can boot machines too, and several
at a time. It takes root.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.worlds import machine_root

BOOT_SECONDS = 90.0
COMMAND_SECONDS = 240.0
QUEUE = Path("/proc/sys/net/core/rmem_max")
_HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")


def unavailable() -> str:
    """The reason why no machine can be booted here, in one line; empty: one can."""
    if os.geteuid() != 0:
        return "a machine takes root"
    for command, package in (("systemd-nspawn", "systemd-container"), ("nsenter", "util-linux")):
        if shutil.which(command) is None:
            return f"a machine takes {command}: apt-get install {package}"
    return machine_root.missing()


class Machine:
    """One machine that runs. Made by :func:`booted`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], console: Path, exchange: Path) -> None:
        self.name = name
        self.exchange = exchange
        """a folder of the host; the machine has it as /exchange"""
        self._process = process
        self._console = console
        self._leader = 0

    def run(self, *command: str, check: bool = True, user: str = "root") -> subprocess.CompletedProcess[str]:
        """A command in the machine; ``check``: it must succeed, otherwise the test fails with all that it
        printed."""
        done = subprocess.run(
            [*self._enter(user), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0 or not check, (
            f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}\n{self.journal()}"
        )
        return done

    def out(self, *command: str, user: str = "root") -> str:
        """What a command that succeeds prints, without the end of the line."""
        return self.run(*command, user=user).stdout.strip()

    def shell(self, script: str, *, user: str = "root") -> str:
        """What a script for bash in the machine prints; it stops at the first failure, and the test fails."""
        return self.run("bash", "-euc", script, user=user).stdout

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A command that goes on in the machine; its output can be read."""
        words = [*self._enter("root"), *command]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def write(self, path: str, text: str) -> None:
        """Write a file of the machine, with the folders above it."""
        source = self.exchange / "written"
        source.write_text(text)
        self.run("install", "-D", "-m", "0644", "/exchange/written", path)

    def journal(self, *units: str, lines: int = 120) -> str:
        """The newest lines of the journal."""
        of = [word for unit in units for word in ("-u", unit)]
        words = [*self._enter("root"), "journalctl", "--no-pager", f"-n{lines}", *of]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout

    def wait_until_booted(self) -> None:
        """Wait until every unit of the boot has started."""
        deadline = time.monotonic() + BOOT_SECONDS
        state = ""
        while state not in ("running", "degraded"):
            ended = self._process.poll() is not None
            assert not ended and time.monotonic() < deadline, f"no boot ({state}): {self.console()}"
            time.sleep(0.1)
            self._leader = self._leader or self._find_leader()
            if self._leader:
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def console(self) -> str:
        """The end of what the machine wrote to its console."""
        return self._console.read_text("utf-8", "replace")[-3000:]

    def end(self) -> None:
        """Power off; end it by force where it does not."""
        if self._leader:
            self.run("systemctl", "poweroff", "--no-block", check=False)
        for stop in (self._process.terminate, self._process.kill, lambda: None):
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                stop()
            else:
                return

    def _enter(self, user: str) -> list[str]:
        """The words that run a command in the machine, in the environment of a shell of this user."""
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        words = ["nsenter", "--all", f"--target={self._leader}", "env", "-i", "-C", "/", path]
        words += ["LANG=C.UTF-8", "HOME=/root", "DEBIAN_FRONTEND=noninteractive"]
        return words if user == "root" else [*words, "sudo", "-u", user, "--"]

    def _find_leader(self) -> int:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for pid in children.read_text().split():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                    return int(pid)
        return 0


@contextlib.contextmanager
def booted(folder: Path, binds: Mapping[Path, str] | None = None) -> Iterator[Machine]:
    """A machine that runs inside the block. ``folder``: an empty one, for its console and ``exchange``;
    ``binds``: more folders of the host, which it can only read, and where it sees them."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"filterd-{os.getpid()}-{folder.name}")[:60].rstrip("-")
    exchange, console = folder / "exchange", folder / "console"
    exchange.mkdir()
    groups = _groups(name)
    root = machine_root.debian_root()
    command = [
        "systemd-nspawn", "--quiet", "--boot", f"--machine={name}", f"--directory={root}",
        "--volatile=overlay", "--private-network", "--register=no", "--console=pipe", "--resolv-conf=off",
        "--timezone=off", "--link-journal=no", f"--bind={exchange}:/exchange",
        *(f"--bind-ro={source}:{target}" for source, target in (binds or {}).items()),
        *(["--keep-unit"] if groups else []),
    ]  # fmt: skip
    # Groups of its own, before it runs: two machines would take each other's processes for theirs.
    enter = 'for each in $GROUPS_OF_MACHINE; do echo $$ > "$each/cgroup.procs"; done; exec "$@"'
    with console.open("wb") as written:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "sh", "-c", enter, "sh", *command],
            env={**os.environ, "GROUPS_OF_MACHINE": " ".join(map(str, groups))},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    machine = Machine(name, process, console, exchange)
    try:
        machine.wait_until_booted()
        yield machine
    finally:
        machine.end()
        _remove_groups(groups)


def _groups(name: str) -> list[Path]:
    """Control groups of the machine's own; none where the host's systemd makes one."""
    if Path("/run/systemd/system").is_dir():
        return []
    made = [Path(each, name) for each in _HIERARCHIES if Path(each, "cgroup.procs").exists()]
    for group in made:
        group.mkdir(exist_ok=True)
    return made


def _remove_groups(groups: list[Path]) -> None:
    for group in groups:
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


@contextlib.contextmanager
def short_queues(size: int) -> Iterator[None]:
    """Sockets that are made inside the block have queues of at most ``size`` bytes. The limit is one for the
    whole host: keep the block short."""
    before = QUEUE.read_text()
    QUEUE.write_text(f"{size}\n")
    try:
        yield
    finally:
        QUEUE.write_text(before)
