"""A feed from a URL, in real processes: fetched by itself, found without filterd, and in force over DNS."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dns.rcode
import pytest

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small
from tests.worlds.certificates import Authority
from tests.worlds.list_server import Fault, ListServer
from tests.worlds.serve_lists import in_thread, made

TOKEN = "s3cret-t0ken-9f2c"  # noqa: S105 - of this test alone
NAMES = b"far.example\nfurther.example\n"
RECORDS = {
    ("far.example", "A"): ["192.0.2.7"],
    ("far.lists.example", "A"): ["127.0.0.1"],
    ("fine.example", "A"): ["192.0.2.1"],
}
LINE = "127.0.0.5"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ListServer]:
    """A server that asks for a token."""
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    made = ListServer(authority, tmp_path / "server", lists={"far": NAMES})
    made.required["far"] = ("X-Token", TOKEN)
    with in_thread(made, free_port()):
        yield made


def blocked(filterd: Deployment, name: str) -> bool:
    return filterd.ask(name, source=LINE).rcode() == dns.rcode.NXDOMAIN


def test_a_feed_from_a_url_is_in_force(tmp_path: Path, server: ListServer) -> None:
    entry = (
        f"{{id: far, source: '{server.url('far', '/names.txt?key=hidden-key')}', format: domains,"
        " category: adult, refresh: 1s, ca: ../ca.pem,"
        " login: {header: {name: X-Token, value_file: ../token}}}"
    )
    (tmp_path / "token").write_text(TOKEN + "\n")
    with small(tmp_path, RECORDS) as filterd:
        feeds = tmp_path / "policies" / "feeds.yaml"
        filterd.register("casa-5", LINE, "child")
        with filterd.serving():
            assert not blocked(filterd, "far.example")
            filterd.order("lists.example")  # filterd itself does not find the server
            feeds.write_text(f"{feeds.read_text()}- {entry}\n")
            assert soon(lambda: blocked(filterd, "far.example"), "a feed from a URL is in force", 60)
            server.faults["far"] = Fault.GONE
            assert soon(lambda: "a feed was not read" in filterd.log_whole(), seconds=60)
            assert blocked(filterd, "far.example")
            shown = filterd.run("feed", "show", "far").stdout
            assert "far.lists.example: it has no list at this address (answered 404)" in shown
            assert "by far.lists.example" in shown
            server.faults.clear()
            server.lists["far"] = NAMES + b"new.example\n"
            assert soon(lambda: blocked(filterd, "new.example"), seconds=90)
            figure = 'filterd_feed_contributes{feed="far"} 1.0'
            assert soon(lambda: figure in filterd.http(filterd.control, "/metrics")[1]), (
                "counted anew every 5 s"
            )
            page = filterd.http(filterd.control, "/metrics")[1]
        told = filterd.log_whole() + shown + page
        assert TOKEN not in told
        assert "hidden-key" not in filterd.log_whole() + page
        with closing(sqlite3.connect(filterd.state / "filterd.db")) as store:
            assert TOKEN not in "\n".join(store.iterdump())
            failures = store.execute("SELECT failures FROM feed_fetch").fetchall()
        assert "hidden-key" not in str(failures)


def test_the_list_server_of_the_readme(tmp_path: Path) -> None:
    """The lines of the README, with the server that ``make list-server`` starts."""
    with in_thread(made(tmp_path / "lists")) as server, small(tmp_path / "run", RECORDS) as filterd:
        feeds = tmp_path / "run" / "policies" / "feeds.yaml"
        line = (
            f"- {{id: fetched, source: 'https://127.0.0.1:{server.port}/names.txt', format: domains,"
            " category: adult, ca: ../../lists/ca.pem}"
        )
        feeds.write_text(f"{feeds.read_text()}{line}\n")
        (update,) = filterd.cli("feed", "update", "fetched")
        assert (update["outcome"], update["version"]["names"]) == ("updated", 1)
        (again,) = filterd.cli("feed", "update", "fetched")
        assert (again["outcome"], again["fetch"]["modified"]) == ("unchanged", False)
        (tmp_path / "lists" / "names.txt").write_bytes(b"shop.example\nmore.example\n")
        (more,) = filterd.cli("feed", "update", "fetched")
        assert more["version"]["names"] == 2
