"""The listener for RADIUS accounting: its address, its secrets, and packets that become sessions."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from filterd.accounting.receiver import Receiver
from filterd.config.settings import Normalization, RadiusClientSettings, RadiusSettings, Timestamps
from filterd.config.value_types import AttributeName, Endpoint
from filterd.serve.sessions.accounting import AccountingListener
from filterd.telemetry import log
from tests.unit.serve.sessions.conftest import KEY, Told
from tests.worlds.radius_packets import plain, signed, start


def settings(secret: Path, port: int = 0) -> RadiusSettings:
    client = RadiusClientSettings(ip_network("127.0.0.0/8"), secret, Timestamps.EVENT, False)
    return RadiusSettings(
        Endpoint(ip_address("127.0.0.1"), port), (client,), AttributeName("User-Name"), (Normalization.REALM,)
    )


@pytest.fixture
def stream() -> io.StringIO:
    made = io.StringIO()
    log.configure("control", made)
    return made


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_bytes(b"testing123\n")
    return file


def events(stream: io.StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def send(port: int, address: str, secret: bytes, source: str = "127.0.0.1") -> bytes:
    """One Start for the address; the answer, empty for silence."""
    packet = signed(plain(4, start(address=ip_address(address).packed)), secret)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((source, 0))
        client.settimeout(0.5)
        client.sendto(packet, ("127.0.0.1", port))
        try:
            return client.recv(4096)
        except TimeoutError:
            return b""


def found(told: Told, address: str) -> int:
    view = told.table.find(bytes(10) + b"\xff\xff" + ip_address(address).packed)
    return 0 if view is None else view.line


@pytest.fixture
def listener(told: Told, secret: Path, stream: io.StringIO) -> Iterator[AccountingListener]:
    told.now = time.time()
    told.register("ana", 7)
    made = AccountingListener(Receiver(told.table, KEY), settings(secret), 7200)
    yield made
    made.close()


def test_a_packet_becomes_a_session_and_is_answered(listener: AccountingListener, told: Told) -> None:
    listener.look()
    assert send(listener.port, "100.64.0.9", b"testing123")[:1] == b"\5"
    assert found(told, "100.64.0.9") == 7
    assert send(listener.port, "100.64.0.10", b"another") == b""
    assert found(told, "100.64.0.10") == 0
    assert (listener.counts()["accepted"], listener.counts()["bad_authenticator"]) == (1, 1)
    assert listener.remarks() == []


def test_a_new_secret_and_new_clients_hold_at_once(listener: AccountingListener, secret: Path) -> None:
    listener.look()
    secret.write_bytes(b"changed\n")
    listener.configure(settings(secret), 7200)
    assert send(listener.port, "100.64.0.9", b"testing123") == b""
    assert send(listener.port, "100.64.0.9", b"changed")
    listener.configure(replace(settings(secret), clients=()), 7200)
    assert send(listener.port, "100.64.0.9", b"changed") == b""


def test_a_secret_that_cannot_be_read_is_told_once_and_the_one_of_before_holds(
    listener: AccountingListener, secret: Path, stream: io.StringIO
) -> None:
    listener.look()
    secret.unlink()
    listener.configure(settings(secret), 7200)
    for _ in range(3):
        listener.look()
    assert send(listener.port, "100.64.0.9", b"testing123")
    assert events(stream).count("the secret of an accounting client cannot be read") == 1
    assert "the one of before holds" in stream.getvalue()
    assert [str(secret) in each for each in listener.remarks()] == [True]
    secret.write_bytes(b"new\n")
    listener.look()
    assert send(listener.port, "100.64.0.9", b"new")
    assert listener.remarks() == []


def test_without_any_secret_its_clients_are_dropped_until_it_is_there(
    told: Told, tmp_path: Path, stream: io.StringIO
) -> None:
    file = tmp_path / "later"
    listener = AccountingListener(Receiver(told.table, KEY), settings(file), 7200)
    listener.look()
    assert send(listener.port, "100.64.0.9", b"testing123") == b""
    assert listener.counts()["unknown_client"] == 1
    assert "the packets of its clients are dropped" in stream.getvalue()
    file.write_bytes(b"testing123\n")
    listener.look()
    assert send(listener.port, "100.64.0.9", b"testing123")
    listener.close()


def test_an_address_in_use_is_told_once_and_bound_when_it_is_free(
    told: Told, secret: Path, stream: io.StringIO
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        listener = AccountingListener(Receiver(told.table, KEY), settings(secret, port), 7200)
        for _ in range(3):
            listener.look()
        assert listener.port == 0
        assert "no RADIUS accounting" in listener.remarks()[0]
    listener.look()
    assert (listener.port, listener.remarks()) == (port, [])
    told_events = events(stream)
    assert told_events.count("RADIUS accounting is not received, and binding is tried again") == 1
    assert told_events[-1] == "RADIUS accounting is received"
    assert send(port, "100.64.0.9", b"testing123")
    listener.close()
