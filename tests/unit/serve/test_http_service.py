"""The HTTP listener of a role waits for its address, and keeps nothing from starting meanwhile."""

from __future__ import annotations

import io
import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from filterd.config.value_types import Endpoint
from filterd.serve import http_service
from filterd.serve.http_service import HttpService
from filterd.telemetry import log
from filterd.telemetry.http import HttpReply

ROUTES = {"/healthz": lambda: HttpReply(b"ok\n")}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    monkeypatch.setattr(http_service, "RETRY_SECONDS", 0.01)
    stream = io.StringIO()
    log.configure("resolver", stream)
    return stream


@pytest.fixture
def squatter() -> Iterator[socket.socket]:
    """Another program at the address."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def at(port: int) -> Endpoint:
    return Endpoint(ip_address("127.0.0.1"), port)


def page(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        return bytes(answer.read())


def soon(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(condition())


def events(said: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in said.getvalue().splitlines()]


def test_a_free_address_is_bound_at_once(said: io.StringIO) -> None:
    service = HttpService("resolver", at(0), ROUTES)
    assert (service.lacking(), service.listening_socket is None) == ([], False)
    service.start()
    assert page(service.port) == b"ok\n"
    service.stop()
    assert events(said) == []


def test_an_address_in_use_is_said_once_and_bound_once_it_is_free(
    said: io.StringIO, squatter: socket.socket
) -> None:
    port = squatter.getsockname()[1]
    service = HttpService("resolver", at(port), ROUTES)
    service.start()
    time.sleep(0.1)  # several tries
    (error,) = events(said)
    assert (service.listening_socket, service.port) == (None, 0)
    assert service.lacking() == [
        f"no metrics and health pages: cannot listen on 127.0.0.1 port {port}: address already in use"
    ]
    assert (error["level"], error["event"]) == (
        "error",
        "metrics and health pages are not served, and binding is tried again",
    )
    assert error["remedy"]
    squatter.close()
    assert soon(lambda: service.port)
    assert page(port) == b"ok\n"
    assert service.lacking() == []
    service.stop()
    assert [each["event"] for each in events(said)][1:] == ["metrics and health pages are served"]


def test_an_end_while_it_waits_binds_nothing(said: io.StringIO, squatter: socket.socket) -> None:
    port = squatter.getsockname()[1]
    service = HttpService("control", at(port), ROUTES)
    service.start()
    service.stop()
    squatter.close()
    time.sleep(0.1)
    assert service.listening_socket is None
    socket.create_server(("127.0.0.1", port)).close()


def test_an_address_that_no_interface_has_is_waited_for(said: io.StringIO) -> None:
    service = HttpService("resolver", Endpoint(ip_address("192.0.2.77"), 9353), ROUTES)
    service.start()
    assert service.listening_socket is None
    assert "192.0.2.77 port 9353" in service.lacking()[0]
    service.stop()
