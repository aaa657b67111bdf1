"""A household's network on loopback: addresses of sites of their own, and a web server that serves them.

The thread that enters it, and every process and socket that it makes from then on, belong to it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.worlds.network_namespace import interface, ip

ROUTER = "198.51.100.1"
"""the address of the interface, behind which there is nothing"""
_CLONE_NEWNET = 0x40000000


@contextmanager
def own_network(addresses: Sequence[str]) -> Iterator[None]:
    """A network of this thread's own with these addresses on loopback; afterwards the one before. Skips the
    test where there can be none."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("a network of its own takes root and iproute2")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_CLONE_NEWNET) != 0:
            pytest.skip(f"no network of its own: {os.strerror(ctypes.get_errno())}")
        try:
            ip("link", "set", "lo", "up")
            interface("home")  # without one a browser says that there is no Internet
            ip("address", "add", f"{ROUTER}/24", "dev", "home")
            ip("route", "add", "default", "dev", "home")
            for address in addresses:
                ip("address", "add", f"{address}/{128 if ':' in address else 32}", "dev", "lo")
            yield
        finally:
            assert libc.setns(before, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(before)


class _Site(BaseHTTPRequestHandler):
    """Any site: a page that says its name."""

    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        name = self.headers.get("Host", "")
        body = f'<!doctype html><html lang="en"><title>{name}</title><h1>{name} is open</h1>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library has it
        """Nothing is logged."""


@contextmanager
def sites(address: str, port: int = 80) -> Iterator[None]:
    """A web server for every name, each with a page of its own (:func:`opened`)."""
    server = ThreadingHTTPServer((address, port), _Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def opened(name: str) -> str:
    """The heading of a site's page."""
    return f"{name} is open"


def resolv_conf(folder: Path, nameserver: str) -> Path:
    """A file that stands for /etc/resolv.conf."""
    file = folder / "resolv.conf"
    file.write_text(f"nameserver {nameserver}\noptions timeout:2 attempts:2\n")
    return file
