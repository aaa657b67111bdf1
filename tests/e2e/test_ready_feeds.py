"""A ready feed over DNS: never asked for while it is off, blocking once a person enables it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small
from tests.worlds.certificates import Authority
from tests.worlds.fetched import ABOUT
from tests.worlds.list_server import ListServer
from tests.worlds.serve_lists import in_thread

pytestmark = pytest.mark.ring("night")

RECORDS = {
    ("way.example", "A"): ["192.0.2.7"],
    ("ready.lists.example", "A"): ["127.0.0.1"],
    ("fine.example", "A"): ["192.0.2.1"],
}
LINE = "127.0.0.5"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ListServer]:
    """A server with one list."""
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    made = ListServer(authority, tmp_path / "server", lists={"ready": b"way.example\n"})
    with in_thread(made, free_port()):
        yield made


def blocked(filterd: Deployment, name: str) -> bool:
    return filterd.ask(name, source=LINE).rcode() == dns.rcode.NXDOMAIN


def test_a_ready_feed_blocks_once_it_is_enabled(tmp_path: Path, server: ListServer) -> None:
    entry = (
        f"- {{id: ready, source: '{server.url('ready')}', format: domains, bypass: doh, refresh: 1s,"
        f" ca: ../ca.pem, about: {ABOUT}}}\n"
    )
    with small(tmp_path, RECORDS) as filterd:
        folder = tmp_path / "policies" / "feeds.d"
        folder.mkdir()
        (folder / "own.yaml").write_text(entry)
        filterd.register("casa-5", LINE, "child")
        filterd.cli("subscriber", "allow", "casa-5", "way.example")
        with filterd.serving():
            assert soon(lambda: not blocked(filterd, "way.example"), seconds=60)
            assert [each["id"] for each in filterd.cli("feed", "list", "--ready")] == ["ready"]
            assert filterd.run("feed", "update", "ready").returncode == 1
            assert server.requests == [], "nobody asks for a feed that is off"
            filterd.cli("feed", "enable", "ready", "--reason", "asked for by parents")
            assert soon(lambda: blocked(filterd, "way.example"), "a ready feed is in force", 60), (
                "the line's own allow does not open a way around"
            )
            assert not blocked(filterd, "fine.example")
            told = filterd.cli("check", "way.example", "--subscriber", "casa-5")
            assert (told["verdict"], told["reason"]) == ("block", "bypass")
            (stage,) = [each for each in told["stages"] if each["list"] == "ready"]
            assert (stage["way"], stage["title"]) == ("doh", "DoH")
            figure = 'filterd_feed_contributes{feed="ready"} 1.0'
            assert soon(lambda: figure in filterd.http(filterd.control, "/metrics")[1], seconds=60)
            filterd.cli("feed", "retire", "ready", "--reason", "too wide")
            assert soon(lambda: not blocked(filterd, "way.example"), seconds=60)
            assert filterd.cli("config", "check")["valid"]
        assert "a feed contributes nothing" not in filterd.log_whole()
