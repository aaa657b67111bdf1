"""Sessions in a running control: told by command and by RADIUS, streamed, and there again after a kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from statistics import quantiles

import pytest

from filterd.wire.session_stream import ENTRY_SIZE, FRAME_SIZE, Frame, FrameKind, SessionEntry
from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, stop
from tests.worlds.radius_packets import plain, signed, start

pytestmark = pytest.mark.ring("night")

WAIT = 60.0
SECRET = b"testing123"


class Listening(threading.Thread):
    """A resolver's end of the stream: what it knows, and when it heard of each address."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.lines: dict[str, int] = {}
        self.heard: dict[str, float] = {}
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.sendall(Frame(FrameKind.HELLO, 0, 0).to_bytes())
        self._file = self._socket.makefile("rb")
        self.start()

    def run(self) -> None:
        while len(head := self._file.read(FRAME_SIZE)) == FRAME_SIZE:
            frame = Frame.from_bytes(head)
            for _ in range(frame.entries):
                entry = SessionEntry.from_bytes(self._file.read(ENTRY_SIZE))
                mapped = ip_address(entry.address)
                address = str(getattr(mapped, "ipv4_mapped", None) or mapped)
                self.lines[address] = entry.line
                self.heard[address] = time.monotonic()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self._file.close()
        self._socket.close()


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture
def filterd(tmp_path: Path) -> Deployment:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET + b"\n")
    radius = {
        "listen": f"127.0.0.1:{free_port()}",
        "clients": [{"prefix": "127.0.0.0/8", "secret_file": str(secret)}],
        "normalize": ["realm"],
    }
    made = Deployment(tmp_path / "filterd", free_port(), settings={"accounting": {"radius": radius}})
    made.cli("store", "migrate")
    return made


@contextmanager
def control(filterd: Deployment) -> Iterator[subprocess.Popen[bytes]]:
    process = filterd.start("--role", "control")
    try:
        until(lambda: (filterd.state / "sessions-command.sock").exists(), filterd.log())
        until(lambda: filterd.http(filterd.control, "/healthz")[0] == 200, filterd.log())
        yield process
    finally:
        if process.poll() is None:
            stop(process)


def shown(filterd: Deployment, address: str) -> list[int]:
    return [each["line"] for each in filterd.cli("session", "show", address)]


def told_by_radius(filterd: Deployment, user: str, address: str) -> bytes:
    port = int(filterd.settings["accounting"]["radius"]["listen"].rpartition(":")[2])
    values = {"user": user.encode(), "address": ip_address(address).packed, "session": address.encode()}
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.settimeout(5)
        client.sendto(signed(plain(4, start(**values)), SECRET), ("127.0.0.1", port))
        return client.recv(4096)


def test_a_session_told_by_command_and_by_radius_is_streamed_and_outlives_a_kill(
    filterd: Deployment, tmp_path: Path
) -> None:
    with control(filterd) as process:
        filterd.cli("subscriber", "add", "ana")
        filterd.cli("subscriber", "add", "luis")
        listening = Listening(filterd.state / "sessions.sock")
        filterd.cli("session", "put", "100.64.0.1", "ana", "--for", "8h")
        assert told_by_radius(filterd, "luis@isp.example", "100.64.0.2")[0] == 5
        until(lambda: listening.lines == {"100.64.0.1": 1, "100.64.0.2": 2}, str(listening.lines))
        assert told_by_radius(filterd, "eva@isp.example", "100.64.0.3")[0] == 5
        until(lambda: shown(filterd, "100.64.0.3") == [None], "the session of nobody's line")
        filterd.cli("subscriber", "add", "eva")
        until(lambda: listening.lines.get("100.64.0.3") == 3, "the line that was registered later")
        listening.close()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    refused = filterd.run("session", "show", "100.64.0.1")
    assert refused.returncode == 1
    assert "filterd serve --role control" in refused.stderr
    with control(filterd):
        listening = Listening(filterd.state / "sessions.sock")
        expected = {"100.64.0.1": 1, "100.64.0.2": 2, "100.64.0.3": 3}
        until(lambda: listening.lines == expected, str(listening.lines))
        filterd.cli("session", "end", "100.64.0.1")
        until(lambda: listening.lines["100.64.0.1"] == 0, "the end")
        counts = filterd.cli("session", "list")
        assert (counts["known"], counts["complete"]) == ({"registered": 2, "unregistered": 0}, True)
        assert counts["followers"] == 1
        listening.close()
    assert no_address_in(filterd, "100.64.0.")


def no_address_in(filterd: Deployment, text: str) -> bool:
    """True if neither the log nor the audit trail has the text."""
    trail = json.dumps(filterd.cli("audit", "tail", "--count", "100"))
    assert "session.show" in trail
    return text not in filterd.log_whole() and text not in trail


def test_how_long_a_change_takes_to_the_resolver(
    filterd: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    with control(filterd):
        for number in range(3):
            filterd.cli("subscriber", "add", f"S-{number}")
        listening = Listening(filterd.state / "sessions.sock")
        until(lambda: filterd.cli("session", "list")["followers"] == 1, "the follower")
        took = []
        for number in range(300):
            address = f"100.64.{number >> 8}.{number & 255}"
            before = time.monotonic()
            assert told_by_radius(filterd, f"S-{number % 3}", address)
            until(partial(listening.heard.__contains__, address), address)
            took.append(listening.heard[address] - before)
        listening.close()
    with capsys.disabled():
        print(f"\nfrom packet to resolver: p50 {quantiles(took, n=100)[49] * 1000:.1f} ms, ", end="")
        print(f"p99 {quantiles(took, n=100)[98] * 1000:.1f} ms, most {max(took) * 1000:.1f} ms")


def test_a_file_of_sessions_is_put_and_its_bad_lines_are_told(filterd: Deployment, tmp_path: Path) -> None:
    file = tmp_path / "told"
    hosts = [f"100.{64 + number // 65536}.{number // 256 % 256}.{number % 256}" for number in range(2500)]
    file.write_text("".join(f"{each} S-{number % 9}\n" for number, each in enumerate(hosts)) + "nonsense\n")
    with control(filterd):
        filterd.cli("subscriber", "add", "S-1")
        done = filterd.run("session", "put", "--file", str(file), "--json")
        assert done.returncode == 1, done.stderr
        said = json.loads(done.stdout)
        assert said["taken"] == 2500
        assert [each["line"] for each in said["refused"]] == [2501]
        assert f"{file}:2501: " in done.stderr
        until(lambda: filterd.cli("session", "list")["known"]["registered"] == 278, "the registered ones")


def test_a_reload_puts_another_secret_in_force(filterd: Deployment, tmp_path: Path) -> None:
    filterd.cli("subscriber", "add", "ana")
    with control(filterd) as process:
        assert told_by_radius(filterd, "ana", "100.64.0.1")
        (tmp_path / "secret").write_bytes(b"another\n")
        process.send_signal(signal.SIGHUP)
        until(lambda: "new settings in force" in filterd.log_whole(), filterd.log())
        with pytest.raises(TimeoutError):
            told_by_radius(filterd, "ana", "100.64.0.2")
        explained = tmp_path / "packet"
        explained.write_bytes(signed(plain(4, start(user=b"ana")), b"another"))
        found = filterd.cli("session", "explain", str(explained), "--from", "127.0.0.1")
        assert (found["line"], found["packet"]["authenticator"]) == (1, True)
        explained.write_bytes(signed(plain(4, start(user=b"ana")), SECRET))
        refused = filterd.run("session", "explain", str(explained), "--from", "127.0.0.1")
        assert refused.returncode == 1
        assert "secret_file" in refused.stderr
