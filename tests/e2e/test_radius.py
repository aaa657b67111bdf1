"""Accounting by way of a real FreeRADIUS server: what it hands on decides how DNS answers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.deployment import soon
from tests.worlds.freeradius import Forwarding, FreeRadius, freeradius, radclient
from tests.worlds.session_site import SECRET, SessionSite, session_site

pytestmark = pytest.mark.system("freeradius", "radclient")

_HOSTS = count(20)


@dataclass(frozen=True, slots=True)
class Place:
    """A NAS and addresses that no other test has: what one test says is not late news in the next."""

    nas: str
    client: str
    next: str


@pytest.fixture
def place() -> Place:
    """One of this test's own."""
    number = next(_HOSTS)
    return Place(f"bras-{number}", f"192.0.2.{2 * number}", f"192.0.2.{2 * number + 1}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SessionSite]:
    """A running installation."""
    with session_site(tmp_path_factory.mktemp("radius"), radius={"normalize": ["realm"]}) as made:
        yield made


@pytest.fixture(params=Forwarding)
def server(
    request: pytest.FixtureRequest, site: SessionSite, tmp_path: Path
) -> Iterator[tuple[FreeRadius, Forwarding]]:
    """A FreeRADIUS server before it, in each of the three ways of forwarding."""
    with freeradius(tmp_path, site.radius, SECRET, request.param) as made:
        yield made, request.param


def _attributes(status: str, session: str, nas: str, address: str, at: float) -> dict[str, str]:
    when = time.strftime("%b %d %Y %H:%M:%S UTC", time.gmtime(at))
    return {
        "Acct-Status-Type": status,
        "User-Name": '"ana@isp"',
        "Acct-Session-Id": f'"{session}"',
        "Framed-IP-Address": address,
        "NAS-Identifier": f'"{nas}"',
        "Event-Timestamp": f'"{when}"',
    }


def test_what_the_server_hands_on_is_in_force(
    site: SessionSite, server: tuple[FreeRadius, Forwarding], place: Place
) -> None:
    front, way = server
    at, session = time.time() - 30, f"fr-{way}"
    assert not site.is_filtered(place.client)
    radclient("acct", front.accounting, _attributes("Start", session, place.nas, place.client, at))
    assert soon(lambda: site.is_filtered(place.client), f"FreeRADIUS to DNS, {way}"), front.text()[-3000:]
    radclient("acct", front.accounting, _attributes("Interim-Update", session, place.nas, place.next, at + 5))
    assert soon(lambda: site.is_filtered(place.next)), front.text()[-3000:]
    assert not site.is_filtered(place.client)
    radclient("acct", front.accounting, _attributes("Stop", session, place.nas, place.next, at + 10))
    assert soon(lambda: not site.is_filtered(place.next)), front.text()[-3000:]


def test_a_disconnect_that_the_server_forwards_ends_the_session(
    site: SessionSite, server: tuple[FreeRadius, Forwarding], place: Place
) -> None:
    front, way = server
    at, session = time.time() - 30, f"dm-{way}"
    radclient("acct", front.accounting, _attributes("Start", session, place.nas, place.client, at))
    assert soon(lambda: site.is_filtered(place.client)), front.text()[-3000:]
    named = {"User-Name": '"ana@isp"', "Acct-Session-Id": f'"{session}"', "NAS-Identifier": f'"{place.nas}"'}
    assert "Disconnect-ACK" in radclient("disconnect", front.coa, named)
    assert soon(lambda: not site.is_filtered(place.client)), front.text()[-3000:]


def test_a_coa_that_the_server_forwards_is_acknowledged_and_ends_nothing(
    site: SessionSite, server: tuple[FreeRadius, Forwarding], place: Place
) -> None:
    front, way = server
    at, session = time.time() - 30, f"coa-{way}"
    radclient("acct", front.accounting, _attributes("Start", session, place.nas, place.client, at))
    assert soon(lambda: site.is_filtered(place.client)), front.text()[-3000:]
    named = {"User-Name": '"ana@isp"', "Acct-Session-Id": f'"{session}"', "NAS-Identifier": f'"{place.nas}"'}
    assert "CoA-ACK" in radclient("coa", front.coa, {**named, "Framed-IP-Address": place.client})
    assert site.is_filtered(place.client)
    radclient("acct", front.accounting, _attributes("Stop", session, place.nas, place.client, at + 35))
    assert soon(lambda: not site.is_filtered(place.client)), front.text()[-3000:]


def test_filterd_answers_radclient_itself(site: SessionSite, place: Place) -> None:
    answer = radclient("status", site.radius, {"Message-Authenticator": "0x00"}, SECRET)
    assert "Received" in answer, answer
    at = time.time() - 5
    radclient("acct", site.radius, _attributes("Start", "direct", place.nas, place.client, at), SECRET)
    assert soon(lambda: site.is_filtered(place.client)), site.filterd.log()
    radclient("acct", site.radius, _attributes("Stop", "direct", place.nas, place.client, at + 2), SECRET)
    assert soon(lambda: not site.is_filtered(place.client)), site.filterd.log()


def test_a_server_with_another_secret_is_not_heard(site: SessionSite, place: Place) -> None:
    with pytest.raises(AssertionError):
        radclient(
            "acct",
            site.radius,
            _attributes("Start", "bad", place.nas, place.next, time.time()),
            "another-secret",
        )
    assert not site.is_filtered(place.next)


def test_the_metrics_count_packets_without_naming_anybody(site: SessionSite) -> None:
    _, figures = site.filterd.http(site.filterd.control, "/metrics")
    assert 'filterd_accounting_packets_total{outcome="accepted"}' in figures, figures
    for word in (r"\bana\b", "bras-", r"192\.0\.2\."):  # "canary" is a word of its own
        assert not re.search(word, figures)


def test_a_detail_file_is_read_once_filterd_is_there_again(place: Place, tmp_path: Path) -> None:
    """With filterd away, what came meanwhile waits in the file, and nothing of it is lost."""
    with session_site(tmp_path / "site", radius={"normalize": ["realm"]}) as site:
        folder = tmp_path / "freeradius"
        folder.mkdir()
        with freeradius(folder, site.radius, SECRET, Forwarding.DETAIL) as front:
            assert not site.is_filtered(place.client)
            site.kill("control")
            radclient(
                "acct", front.accounting, _attributes("Start", "waits", place.nas, place.client, time.time())
            )
            assert soon(
                lambda: site.is_filtered(place.client), "a Start sent while control was dead", 60.0
            ), site.filterd.log()
