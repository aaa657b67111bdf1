"""A network of a test's own, in which interfaces come and go: for whoever may make one (root)."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Callable

import pytest

_CLONE_NEWNET = 0x40000000


def ip(*words: str) -> None:
    """``ip`` in the network of this thread."""
    subprocess.run(["ip", *words], check=True)


def interface(name: str) -> None:
    """An interface that is up, with nothing at its other end. Skips the test where there can be none."""
    try:
        ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
    except subprocess.CalledProcessError:
        pytest.skip("the kernel has no veth interfaces")
    for end in (name, f"{name}-peer"):
        ip("link", "set", end, "up")


def in_own_network(body: Callable[[], None]) -> None:
    """Run ``body`` in a thread with a network of its own: loopback alone, and up. Sockets and processes that
    it makes belong to that network. Skips the test where that is not allowed."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("a network of its own takes root and iproute2")
    came: list[BaseException | str] = []

    def run() -> None:
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
                came.append(os.strerror(ctypes.get_errno()))
                return
            ip("link", "set", "lo", "up")
            body()
        except BaseException as error:
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for each in came:
        if isinstance(each, str):
            pytest.skip(f"no network of its own: {each}")
        raise each
