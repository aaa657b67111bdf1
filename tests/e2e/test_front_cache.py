"""A dnsmasq in front of filterd: a cache that must go on saying what filterd says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.e2e.answer_world import prepare, write_policies
from tests.e2e.authority import free_port, running
from tests.e2e.broken import good
from tests.e2e.deployment import Deployment
from tests.e2e.resolver_process import upstream
from tests.worlds.system import command

pytestmark = pytest.mark.system("dnsmasq")


@contextlib.contextmanager
def _dnsmasq(folder: Path, forward: int) -> Iterator[int]:
    """It forwards everything to that port, and caches; yields its own port."""
    port = free_port()
    words = ["--no-daemon", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file=", "--user="]
    words += ["--bind-interfaces", "--listen-address=127.0.0.1", f"--port={port}"]
    words += [f"--server=127.0.0.1#{forward}", "--cache-size=1000"]
    with running([str(command("dnsmasq")), *words], port, "served.example", folder / "log") as ready:
        yield ready


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """dnsmasq above filterd, whose upstream serves every name."""
    folder = tmp_path_factory.mktemp("front")
    with upstream(good) as (port, _):
        filterd = Deployment(folder / "filterd", port, write_policies(folder))
        prepare(filterd)
        with filterd.serving(), _dnsmasq(folder, filterd.port) as ready:
            yield ready


def _ask(front: int, name: str, rtype: str = "A") -> dns.message.Message:
    query = dns.message.make_query(name, rtype, use_edns=0)
    return dns.query.udp(query, "127.0.0.1", port=front, timeout=10)


@pytest.mark.parametrize("name", ["nxdomain.banned.example", "www.a.nxdomain.banned.example"])
def test_a_denial_stays_one(front: int, name: str) -> None:
    """The second answer, out of its cache or not, is the first one's; with an SOA of the name itself it was
    NOERROR with AA (dnsmasq 2.91)."""
    for rtype in ("A", "A", "AAAA", "AAAA", "TXT"):
        answer = _ask(front, name, rtype)
        assert (answer.rcode(), answer.answer) == (dns.rcode.NXDOMAIN, [])
        assert not answer.flags & dns.flags.AA


def test_an_answer_without_data_stays_one(front: int) -> None:
    for rtype in ("A", "A", "AAAA", "TXT"):
        answer = _ask(front, "nodata.banned.example", rtype)
        assert (answer.rcode(), answer.answer) == (dns.rcode.NOERROR, [])


def test_what_is_not_blocked_comes_through_beside_it(front: int) -> None:
    _ask(front, "nxdomain.banned.example")
    for name in ("banned.example", "example", "other.banned.example"):
        answer = _ask(front, name)
        assert [str(rrset.name) for rrset in answer.answer] == [f"{name}."]
