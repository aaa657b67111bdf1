"""The small HTTP server: three paths, probes that mean something, nothing else."""

from __future__ import annotations

import http.client
import io
from collections.abc import Iterator

import pytest

from filterd.telemetry import log
from filterd.telemetry.http import HttpReply, HttpServer, health_routes

MISSING: list[str] = []
AILING: list[str] = []


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    routes = health_routes(
        lambda: HttpReply(b"m 1\n", content_type="text/plain; version=0.0.4"),
        lambda: list(MISSING),
        list,
        lambda: list(AILING),
    )
    made = HttpServer(request.param, 0, routes)
    made.start()
    yield request.param, made.port
    made.stop()


def fetch(server: tuple[str, int], path: str, method: str = "GET") -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection(*server, timeout=5)
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.headers["Content-Type"], reply.read()
    finally:
        connection.close()


def test_the_three_paths(server: tuple[str, int]) -> None:
    assert fetch(server, "/metrics?x=1") == (200, "text/plain; version=0.0.4", b"m 1\n")
    assert fetch(server, "/healthz")[0] == 200
    assert fetch(server, "/readyz")[0] == 200


def test_not_ready_says_why(server: tuple[str, int]) -> None:
    MISSING.append("no policy snapshot")
    try:
        assert fetch(server, "/readyz")[::2] == (503, b"not ready: no policy snapshot\n")
    finally:
        MISSING.clear()


def test_failing_says_why(server: tuple[str, int]) -> None:
    AILING.append("thread fast-0 is stuck")
    try:
        assert fetch(server, "/healthz")[::2] == (503, b"failing: thread fast-0 is stuck\n")
    finally:
        AILING.clear()
    assert fetch(server, "/healthz")[::2] == (200, b"ok\n")


def test_other_paths_and_methods(server: tuple[str, int]) -> None:
    assert fetch(server, "/etc/passwd")[0] == 404
    assert fetch(server, "/metrics", "HEAD")[2] == b""
    assert fetch(server, "/metrics", "POST")[0] == 405


def test_a_page_that_fails_is_said_and_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> HttpReply:
        raise ValueError("secret.example")

    stream = io.StringIO()
    log.configure("resolver", stream)
    made = HttpServer("127.0.0.1", 0, health_routes(broken, list))
    made.start()
    with pytest.raises((http.client.HTTPException, OSError)):
        fetch(("127.0.0.1", made.port), "/metrics")
    assert fetch(("127.0.0.1", made.port), "/healthz")[0] == 200
    made.stop()
    assert '"fault": "ValueError"' in stream.getvalue()
    assert "secret" not in stream.getvalue() + capsys.readouterr().err


def test_two_servers_may_have_one_socket_and_the_first_ends_its_connections() -> None:
    """Who loses the race for a client does not wait for the next one."""
    routes = health_routes(lambda: HttpReply(b"first\n"), list)
    first = HttpServer("127.0.0.1", 0, routes)
    first.start()
    address = ("127.0.0.1", first.port)
    kept = http.client.HTTPConnection(*address, timeout=5)
    kept.request("GET", "/metrics")
    assert kept.getresponse().read() == b"first\n"
    second = HttpServer(
        *address, health_routes(lambda: HttpReply(b"second\n"), list), first.listening_socket.dup()
    )
    second.start()
    assert second.port == first.port
    assert {fetch(address, "/metrics")[2] for _ in range(20)} <= {b"first\n", b"second\n"}
    first.stop()
    assert {fetch(address, "/metrics")[2] for _ in range(20)} == {b"second\n"}
    kept.request("GET", "/metrics")
    reply = kept.getresponse()
    assert (reply.read(), reply.headers["Connection"]) == (b"first\n", "close")
    kept.close()
    second.stop()
