"""Accounting by way of a real FreeRADIUS server: what it hands on decides how DNS answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import soon
from tests.worlds.freeradius import Forwarding, FreeRadius, freeradius, radclient
from tests.worlds.session_site import SECRET, SessionSite, session_site

pytestmark = pytest.mark.system("freeradius", "radclient")

CLIENT, NEXT = "192.0.2.21", "192.0.2.22"


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


def _attributes(status: str, session: str, address: str, at: float, user: str = "ana@isp") -> dict[str, str]:
    when = time.strftime("%b %d %Y %H:%M:%S UTC", time.gmtime(at))
    return {
        "Acct-Status-Type": status,
        "User-Name": f'"{user}"',
        "Acct-Session-Id": f'"{session}"',
        "Framed-IP-Address": address,
        "NAS-Identifier": '"bras-1"',
        "Event-Timestamp": f'"{when}"',
    }


def test_what_the_server_hands_on_is_in_force(
    site: SessionSite, server: tuple[FreeRadius, Forwarding]
) -> None:
    front, way = server
    at, session = time.time() - 30, f"fr-{way}"
    assert not site.is_filtered(CLIENT)
    radclient("acct", front.accounting, _attributes("Start", session, CLIENT, at))
    assert soon(lambda: site.is_filtered(CLIENT), f"FreeRADIUS to DNS, {way}"), front.text()[-3000:]
    radclient("acct", front.accounting, _attributes("Interim-Update", session, NEXT, at + 5))
    assert soon(lambda: site.is_filtered(NEXT)), front.text()[-3000:]
    assert not site.is_filtered(CLIENT)
    radclient("acct", front.accounting, _attributes("Stop", session, NEXT, at + 10))
    assert soon(lambda: not site.is_filtered(NEXT)), front.text()[-3000:]


def test_a_disconnect_that_the_server_forwards_ends_the_session(
    site: SessionSite, server: tuple[FreeRadius, Forwarding]
) -> None:
    front, way = server
    at, session = time.time() - 30, f"dm-{way}"
    radclient("acct", front.accounting, _attributes("Start", session, CLIENT, at))
    assert soon(lambda: site.is_filtered(CLIENT)), front.text()[-3000:]
    named = {"User-Name": '"ana@isp"', "Acct-Session-Id": f'"{session}"', "NAS-Identifier": '"bras-1"'}
    assert "Disconnect-ACK" in radclient("disconnect", front.coa, named)
    assert soon(lambda: not site.is_filtered(CLIENT)), front.text()[-3000:]


def test_a_coa_that_the_server_forwards_is_acknowledged_and_ends_nothing(
    site: SessionSite, server: tuple[FreeRadius, Forwarding]
) -> None:
    front, way = server
    at, session = time.time() - 30, f"coa-{way}"
    radclient("acct", front.accounting, _attributes("Start", session, CLIENT, at))
    assert soon(lambda: site.is_filtered(CLIENT)), front.text()[-3000:]
    named = {"User-Name": '"ana@isp"', "Acct-Session-Id": f'"{session}"', "NAS-Identifier": '"bras-1"'}
    assert "CoA-ACK" in radclient("coa", front.coa, {**named, "Framed-IP-Address": CLIENT})
    assert site.is_filtered(CLIENT)
    radclient("acct", front.accounting, _attributes("Stop", session, CLIENT, at + 10))
    assert soon(lambda: not site.is_filtered(CLIENT)), front.text()[-3000:]


def test_filterd_answers_radclient_itself(site: SessionSite) -> None:
    answer = radclient("status", site.radius, {"Message-Authenticator": "0x00"}, SECRET)
    assert "Received" in answer, answer
    at = time.time() - 5
    radclient("acct", site.radius, _attributes("Start", "direct", CLIENT, at), SECRET)
    assert soon(lambda: site.is_filtered(CLIENT)), site.filterd.log()
    radclient("acct", site.radius, _attributes("Stop", "direct", CLIENT, at + 2), SECRET)
    assert soon(lambda: not site.is_filtered(CLIENT)), site.filterd.log()


def test_a_server_with_another_secret_is_not_heard(site: SessionSite) -> None:
    with pytest.raises(AssertionError):
        radclient("acct", site.radius, _attributes("Start", "bad", NEXT, time.time()), "another-secret")
    assert not site.is_filtered(NEXT)


def test_the_metrics_count_packets_without_naming_anybody(site: SessionSite) -> None:
    _, figures = site.filterd.http(site.filterd.control, "/metrics")
    assert 'filterd_accounting_packets_total{outcome="accepted"}' in figures, figures
    for word in ("ana", "bras-1", CLIENT, NEXT):
        assert word not in figures


def test_a_detail_file_is_read_once_filterd_is_there_again(tmp_path: Path) -> None:
    """With filterd away, what came meanwhile waits in the file, and nothing of it is lost."""
    with session_site(tmp_path / "site", radius={"normalize": ["realm"]}) as site:
        folder = tmp_path / "freeradius"
        folder.mkdir()
        with freeradius(folder, site.radius, SECRET, Forwarding.DETAIL) as front:
            serve = site.filterd
            assert not site.is_filtered(CLIENT)
            site.kill("control")
            radclient("acct", front.accounting, _attributes("Start", "waits", CLIENT, time.time()))
            assert soon(lambda: site.is_filtered(CLIENT), "a Start sent while control was dead", 60.0), (
                serve.log()
            )
