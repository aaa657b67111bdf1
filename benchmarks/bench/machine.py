"""The machine: which processors there are, which programs, and what a process has used of them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 10.0
READY_SECONDS = 120.0
"""a system that has not answered by then is given up"""
MOST_PORTS = 50
PORTS = range(20_000, 32_000)
HEADER = 12
IS_ANSWER = 0x80


class CannotRunError(Exception):
    """Something cannot be measured here; the text says what and why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where: the system under test alone, the generator and the upstream elsewhere."""

    system: int
    generator: int

    @classmethod
    def of_machine(cls) -> Cores:
        """The first two processors that this process may use. Raises CannotRunError where there is one."""
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) < 2:
            message = "two processors are needed: one for the system, one for the generator"
            raise CannotRunError(message)
        return cls(usable[0], usable[1])


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time, in seconds."""

    user: float = 0.0
    system: float = 0.0

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(self.user - earlier.user, self.system - earlier.system)

    @property
    def total(self) -> float:
        """Both."""
        return self.user + self.system


def usage(pid: int) -> Usage:
    """What a process and its threads have used so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage(int(words[11]) / TICK, int(words[12]) / TICK)


def busy() -> float:
    """Seconds of processor time that all processes of the machine together have used."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    used = [int(words[place]) for place in (1, 2, 3, 6, 7, 8)]
    return sum(used) / TICK


def resident(pid: int) -> int:
    """The process's memory in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def program(name: str) -> str:
    """Where a program is. Raises CannotRunError. Daemons are not on every user's PATH."""
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin")
    if found is None:
        message = f"{name} is not installed"
        raise CannotRunError(message)
    return found


def version(words: Sequence[str]) -> str:
    """The first line that a program says of itself."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10, check=False)
    return next(iter(done.stdout.decode(errors="replace").splitlines()), "").strip()


def pinned(core: int, words: Sequence[str]) -> list[str]:
    """The command that runs ``words`` on that processor alone."""
    return [program("taskset"), "-c", str(core), *words]


def free_port() -> int:
    """A port of 127.0.0.1 that was free for UDP and TCP a moment ago, none of those that the kernel gives to
    clients: a client must not have it when its server binds, nor ask itself."""
    for _ in range(MOST_PORTS):
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            contextlib.suppress(OSError),
        ):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port
    message = "no port is free for both UDP and TCP"
    raise CannotRunError(message)


def ask(port: int, packet: bytes, seconds: float, client: str = "127.0.0.1") -> bytes | None:
    """The answer to one packet, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, contextlib.suppress(OSError):
        asking.bind((client, 0))
        asking.connect(("127.0.0.1", port))
        asking.settimeout(seconds)
        asking.send(packet)
        answer = asking.recv(4096)
        return answer if len(answer) >= HEADER and answer[2] & IS_ANSWER else None
    return None


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes], what: str, log: Path) -> None:
    """Until it holds. Raises CannotRunError when the process ends before, or takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise CannotRunError(_why_not_ready(process, what, log))
        time.sleep(0.002)


def _why_not_ready(process: subprocess.Popen[bytes], what: str, log: Path) -> str:
    """With the last that it said, where it ended by itself."""
    if process.poll() is None:
        return f"{what} took more than {READY_SECONDS:.0f} s before it answered"
    said = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return f"{what} ended before it answered" + (f": {said[-1][:300]}" if said else "")


@contextlib.contextmanager
def child(words: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours; it ends with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it, kindly first."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
