"""Errors that keep a role from starting get a remedy, and the process in the way is named."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from filterd.disk.locks import take_lock
from filterd.serve import holders
from filterd.serve.holders import HeldError, Holder, holder_of_lock, holder_of_port, remedy_of

HOLD = """
import sys
from pathlib import Path
from filterd.disk.locks import take_lock
with take_lock(Path(sys.argv[1]), 0.0):
    print(flush=True)
    input()
"""
LISTEN = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    input()
"""


def test_the_holder_of_a_lock_is_found(tmp_path: Path) -> None:
    path = tmp_path / "resolver.lock"
    assert holder_of_lock(path) is None
    take_lock(path, 0.0).close()
    assert holder_of_lock(path) is None
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = holder_of_lock(path)
        process.communicate(b"\n")
    assert found is not None
    assert (found.pid, found.parent, found.stopped) == (process.pid, os.getpid(), False)


def test_the_holder_of_a_port_is_found() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", LISTEN], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        found = holder_of_port(port, "resolver")
        with pytest.raises(OSError) as caught, socket.socket() as other:
            other.bind(("127.0.0.1", port))
        error = OSError(f"cannot listen on 127.0.0.1:{port}: address already in use")
        error.__cause__ = caught.value
        remedy = remedy_of(error, "resolver", (1, port))
        process.communicate(b"\n")
    assert found is not None
    assert found.pid == process.pid
    assert f"it is held by process {process.pid} (python" in remedy


def test_a_port_of_nobody_that_can_be_found_leaves_the_command_to_look() -> None:
    error = OSError(errno.EADDRINUSE, "cannot listen on 192.0.2.1 port 1: address already in use")
    assert remedy_of(error, "none", (1,)) == "see who has it: ss -lntup 'sport = :1'"


def test_a_process_that_is_hidden_is_named_by_its_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its files cannot be looked at, and a resolver of another user is not blamed for it."""
    (tmp_path / "net").mkdir()
    line = "0: 0100007F:2489 00000000:0000 0A 0:0 0:0 0 {user} 0 {inode} 1"
    rows = ["header", line.format(user=0, inode=0), line.format(user=65534, inode=77)]
    (tmp_path / "net/tcp").write_text("\n".join(rows))
    monkeypatch.setattr(holders, "PROC", tmp_path)
    other = Holder(1 << 30, "resolver", 1, stopped=False, user=12)
    monkeypatch.setattr(holders, "process_of", lambda pid: other)
    (tmp_path / str(other.pid)).mkdir()
    error = OSError(errno.EADDRINUSE, "cannot listen on 127.0.0.1 port 9353: address already in use")
    said = remedy_of(error, "resolver", (9353,))
    assert said == "it is held by a process of the user nobody; see who has it: ss -lntup 'sport = :9353'"


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (PermissionError(errno.EACCES, "denied", "/var/lib/filterd/keys"), "give /var/lib/filterd/keys to"),
        (OSError(errno.ENOSPC, "full"), "free room"),
        (OSError(errno.EIO, "failing"), "dmesg"),
        (HeldError("another resolver", "kill -KILL 7"), "kill -KILL 7"),
    ],
)
def test_errors_of_the_system_have_remedies(error: OSError, part: str) -> None:
    assert part in remedy_of(error, "resolver")


def test_errors_that_say_it_themselves_get_none() -> None:
    assert remedy_of(ValueError("the key has 3 bytes: restore it"), "resolver") == ""


def test_the_command_fits_the_process() -> None:
    assert "kill -TERM 7, then" in Holder(7, "resolver", 1 << 30, stopped=False).remedy
    assert "kill -KILL 7" in Holder(7, "resolver", 1 << 30, stopped=True).remedy
    assert "ps -fp 7" in Holder(7, "named", 1, stopped=False).remedy
