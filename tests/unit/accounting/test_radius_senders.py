"""Real senders: pyrad, FreeRADIUS's ``radclient``, and a FreeRADIUS server that forwards accounting."""

from __future__ import annotations

import io
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket, CoAPacket, StatusServer

from filterd.accounting.radius_types import RadiusClient, ReadEvent
from filterd.accounting.receiver import Receiver
from filterd.accounting.recorded import RecordedEvents, take
from filterd.model.identity import IdentityKind, identity_input
from filterd.policy.fingerprint import fingerprint
from tests.e2e.authority import free_port
from tests.unit.accounting.test_receiver import client, made, serving
from tests.worlds.radius_packets import ARRIVAL, CLIENT, KEY, SECRET, SENDER
from tests.worlds.system import command

WORDS = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Proxy-State 33 octets
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Acct-Delay-Time 41 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Event-Timestamp 55 integer
ATTRIBUTE Message-Authenticator 80 octets
"""
"""what pyrad needs to know: a dictionary like those of FreeRADIUS"""
DICTIONARY = Dictionary(io.StringIO(WORDS))
TEXT = st.text("abcXYZ019@.-:", min_size=1, max_size=40)


def line_of(text: str) -> bytes:
    return fingerprint(KEY, identity_input(IdentityKind.SUBSCRIBER, text.encode()))


# ---- pyrad ----


@given(
    user=TEXT,
    session=TEXT,
    nas=TEXT,
    address=st.ip_addresses(v=4, network="100.64.0.0/10"),
    status=st.sampled_from([1, 2, 3]),
    at=st.integers(1_700_000_000, 1_900_000_000),
    proxies=st.lists(st.binary(min_size=1, max_size=20), max_size=3),
    proven=st.booleans(),
)
def test_pyrad_as_a_sender(
    user: str,
    session: str,
    nas: str,
    address: IPv4Address,
    status: int,
    at: int,
    proxies: list[bytes],
    proven: bool,
) -> None:
    request = AcctPacket(dict=DICTIONARY, secret=SECRET, id=9)
    request["User-Name"] = user
    request["Acct-Session-Id"] = session
    request["NAS-Identifier"] = nas
    request["Framed-IP-Address"] = str(address)
    request["Acct-Status-Type"] = status
    request["Event-Timestamp"] = at
    if proxies:
        request["Proxy-State"] = proxies
    if proven:
        request.add_message_authenticator()
    sent = request.RequestPacket()
    receiver, sink = made(CLIENT)
    (answer,) = take(receiver, [(SENDER, sent)], ARRIVAL)
    assert answer is not None
    reply = request.CreateReply(packet=answer)
    assert request.VerifyReply(reply, answer)
    assert reply.get("Proxy-State", []) == proxies
    (event,) = sink.events()
    assert (event.kind, event.line, event.stamp) == (status, line_of(user), at * 1000)
    assert event.claims == ((bytes(10) + b"\xff\xff" + address.packed, 128),)


@pytest.mark.parametrize("code", [40, 43])
def test_pyrad_forwards_coa_and_disconnect(code: int) -> None:
    request = CoAPacket(code=code, dict=DICTIONARY, secret=SECRET, id=9)
    request["Acct-Session-Id"] = "81100001"
    request.add_message_authenticator()
    receiver, sink = made(CLIENT)
    (answer,) = take(receiver, [(SENDER, request.RequestPacket())], ARRIVAL)
    assert answer is not None
    assert request.VerifyReply(request.CreateReply(packet=answer), answer)
    assert answer[0] == code + 1
    assert [each.kind for each in sink.events()] == [code]


def test_pyrad_asks_for_the_status() -> None:
    request = AcctPacket(code=StatusServer, dict=DICTIONARY, secret=SECRET, id=9)
    request.add_message_authenticator()
    receiver, sink = made(CLIENT)
    (answer,) = take(receiver, [(SENDER, request.RequestPacket())], ARRIVAL)
    assert answer is not None
    assert answer[0] == 5
    assert request.VerifyReply(request.CreateReply(packet=answer), answer)
    assert len(sink) == 0


# ---- radclient ----


def radclient(port: int, kind: str, words: str) -> subprocess.CompletedProcess[str]:
    command = ["radclient", "-x", "-r", "3", "-t", "3", f"127.0.0.1:{port}", kind, SECRET.decode()]
    return subprocess.run(command, input=words, capture_output=True, text=True, check=False, timeout=30)


@contextmanager
def received(*clients: RadiusClient) -> Iterator[tuple[Receiver, RecordedEvents, int]]:
    receiver, sink = made(*clients or (client("127.0.0.0/8"),))
    with serving(receiver) as (_sender, port):
        yield receiver, sink, port


STARTED = """User-Name = ana@isp.example, Acct-Status-Type = Start, Acct-Session-Id = 81100001,
NAS-Identifier = bras-1, Framed-IP-Address = 100.64.0.9, Framed-IPv6-Prefix = 2001:db8:0:1::/64,
Delegated-IPv6-Prefix = 2001:db8:1::/56, Event-Timestamp = 1790000000, Acct-Delay-Time = 3,
ADSL-Agent-Circuit-Id = "olt 1/2/3", Proxy-State = 0x6162"""


def assert_started(event: ReadEvent) -> None:
    assert event.kind == 1
    assert event.line == line_of("ana@isp.example")
    assert event.claims == (
        (bytes(10) + b"\xff\xff\x64\x40\0\x09", 128),
        (bytes.fromhex("20010db8000000010000000000000000"), 64),
        (bytes.fromhex("20010db8000100000000000000000000"), 56),
    )
    assert (event.stamped, event.stamp) == (True, 1_790_000_000_000)


@pytest.mark.system("radclient")
@pytest.mark.parametrize("proof", ["", ", Message-Authenticator = 0x00"])
def test_radclient_sends_accounting(proof: str) -> None:
    with received() as (receiver, sink, port):
        done = radclient(port, "acct", STARTED + proof)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Received Accounting-Response" in done.stdout
    assert receiver.counts()["accepted"] == 1
    (event,) = sink.events()
    assert_started(event)


@pytest.mark.system("radclient")
@pytest.mark.parametrize(("kind", "code"), [("coa", 43), ("disconnect", 40)])
def test_radclient_sends_coa_and_disconnect(kind: str, code: int) -> None:
    with received() as (_receiver, sink, port):
        done = radclient(port, kind, "Acct-Session-Id = 81100001, NAS-Identifier = bras-1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "-ACK" in done.stdout
    assert [each.kind for each in sink.events()] == [code]


@pytest.mark.system("radclient")
def test_radclient_asks_for_the_status() -> None:
    with received() as (receiver, _sink, port):
        done = radclient(port, "status", "Message-Authenticator = 0x00")
    assert done.returncode == 0, done.stdout + done.stderr
    assert receiver.counts()["accepted"] == 1


@pytest.mark.system("radclient")
def test_radclient_with_another_secret_gets_silence() -> None:
    with received(RadiusClient(ip_network("127.0.0.0/8"), b"another")) as (receiver, sink, port):
        command = ["radclient", "-r", "1", "-t", "1", f"127.0.0.1:{port}", "acct", SECRET.decode()]
        done = subprocess.run(command, input=STARTED, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert receiver.counts()["bad_authenticator"] == 1
    assert len(sink) == 0


# ---- a FreeRADIUS server that forwards ----

FORWARDER = """
name = forwarder
prefix = {folder}
logdir = {folder}
run_dir = {folder}
libdir = /usr/lib/freeradius
proxy_requests = yes
log {{ destination = stdout }}
proxy server {{ }}
home_server filterd {{
  type = acct
  ipaddr = 127.0.0.1
  port = {to}
  secret = "{secret}"
  status_check = status-server
}}
home_server_pool filterd {{ home_server = filterd }}
realm filterd {{ acct_pool = filterd }}
client nas {{
  ipaddr = 127.0.0.1
  secret = "{secret}"
}}
thread pool {{
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 2
}}
modules {{ }}
server default {{
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = {port}
  }}
  preacct {{
    update control {{
      &Proxy-To-Realm := "filterd"
    }}
  }}
  accounting {{ }}
}}
"""


@contextmanager
def forwarding(folder: Path, to: int) -> Iterator[int]:
    """A FreeRADIUS server that sends all accounting on; its port."""
    port = free_port()
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    (folder / "radiusd.conf").write_text(
        FORWARDER.format(folder=folder, to=to, port=port, secret=SECRET.decode())
    )
    words = [str(command("freeradius")), "-X", "-d", str(folder)]
    log = folder / "log"
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as server:
        try:
            wait_for(lambda: b"Ready to process requests" in log.read_bytes() or server.poll() is not None)
            assert server.poll() is None, log.read_text()
            yield port
        finally:
            server.terminate()


def wait_for(done: Callable[[], bool]) -> None:
    for _ in range(1000):
        if done():
            return
        time.sleep(0.02)
    pytest.fail("it did not happen within 20 seconds")


@pytest.mark.system("radclient", "freeradius")
def test_freeradius_forwards_and_gets_its_answers(tmp_path: Path) -> None:
    with received() as (receiver, sink, to), forwarding(tmp_path, to) as port:
        done = radclient(port, "acct", STARTED)
        begun = radclient(port, "acct", "Acct-Status-Type = Accounting-On, NAS-Identifier = bras-1")
    assert done.returncode == begun.returncode == 0, (
        done.stderr + begun.stderr + (tmp_path / "log").read_text()
    )
    assert receiver.counts()["accepted"] == 2
    first, second = sink.events()
    assert_started(first)
    assert (second.kind, second.nas) == (7, first.nas)
