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
from filterd.config.accounting_settings import Normalization, RadiusClientSettings, RadiusSettings, Timestamps
from filterd.config.value_types import AttributeName, Endpoint
from filterd.serve.sessions.accounting import AccountingListener
from filterd.serve.sessions.secret_files import AT_ONCE, SecretFiles
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


def test_a_secret_that_changes_is_taken_without_a_reload(
    listener: AccountingListener, secret: Path, stream: io.StringIO
) -> None:
    listener.look()
    anew = "the secret of an accounting client was taken anew"
    for content in (b"another123\n", b"another124\n"):  # of one size, and of one moment perhaps
        secret.write_bytes(content)
        listener.look()
        assert send(listener.port, "100.64.0.9", content.strip())
        assert send(listener.port, "100.64.0.9", b"testing123") == b""
    replacement = secret.with_name("made-aside")
    replacement.write_bytes(b"replaced\n")
    replacement.rename(secret)
    for _ in range(3):
        listener.look()
    assert send(listener.port, "100.64.0.9", b"replaced")
    assert events(stream).count(anew) == 3
    assert "another12" not in stream.getvalue()
    assert "replaced" not in stream.getvalue()


def test_both_secrets_hold_while_one_is_changed_for_the_other(
    listener: AccountingListener, secret: Path
) -> None:
    listener.look()
    secret.write_bytes(b"new-secret\ntesting123\n")
    listener.look()
    assert send(listener.port, "100.64.0.9", b"testing123")
    assert (listener.second, listener.counts()["accepted"]) == (1, 1)
    assert send(listener.port, "100.64.0.9", b"new-secret")
    assert (listener.second, listener.counts()["accepted"]) == (1, 2)
    secret.write_bytes(b"new-secret\n")
    listener.look()
    assert send(listener.port, "100.64.0.9", b"testing123") == b""


def test_a_file_that_is_being_written_leaves_the_secret_of_before(
    listener: AccountingListener, secret: Path
) -> None:
    listener.look()
    secret.write_bytes(b"")
    listener.look()
    assert send(listener.port, "100.64.0.9", b"testing123")
    assert len(listener.remarks()) == 1
    secret.write_bytes(b"new-secret\n")
    listener.look()
    assert send(listener.port, "100.64.0.9", b"new-secret")
    assert listener.remarks() == []


def test_many_files_take_their_turns(tmp_path: Path, stream: io.StringIO) -> None:
    files = [tmp_path / f"secret-{at}" for at in range(AT_ONCE + 200)]
    for each in files:
        each.write_bytes(b"one\n")
    known = SecretFiles()
    known.read(files)
    assert [known.look() for _ in range(4)] == [False] * 4
    for each in files:
        each.write_bytes(b"two!\n")
    assert [known.look(), known.look()] == [True, True]
    assert {known.of(each) for each in files} == {(b"two!",)}
    known.read(files[:1])
    assert (known.of(files[0]), known.of(files[1])) == ((b"two!",), ())


def test_pools_and_networks_limit_what_is_claimed(
    listener: AccountingListener, secret: Path, told: Told
) -> None:
    listener.look()
    pools = (ip_network("100.64.0.0/16"),)
    listener.configure(settings(secret), 7200, pools)
    assert send(listener.port, "100.64.0.9", b"testing123")
    assert send(listener.port, "100.65.0.9", b"testing123")
    assert (found(told, "100.64.0.9"), found(told, "100.65.0.9"), listener.refused) == (0, 0, 1)
    # one session: its address is one that it may not have, so it has none
    narrow = settings(secret)
    client = replace(narrow.clients[0], networks=(ip_network("100.64.1.0/24"),))
    listener.configure(replace(narrow, clients=(client,)), 7200, pools)
    assert send(listener.port, "100.64.0.9", b"testing123")
    assert (found(told, "100.64.0.9"), listener.refused) == (0, 2)
    assert send(listener.port, "100.64.1.9", b"testing123")
    assert found(told, "100.64.1.9") == 7


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
