"""Ways to a server: a proxy, a client certificate, pins, redirects inward; and secrets."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from filterd.fetch.body import Body
from filterd.fetch.failures import FetchError, FetchFailure
from filterd.fetch.hosts import held_socket, leads_inward
from filterd.fetch.secrets import LONGEST, SecretError, Secrets
from filterd.fetch.tls import key_pin
from filterd.policy.feed_documents import CertificateLogin
from tests.unit.fetch.conftest import NAMES, Lab
from tests.worlds.certificates import Authority
from tests.worlds.list_server import Fault, ListServer
from tests.worlds.network_namespace import in_own_network, ip


@asynccontextmanager
async def proxy(to: int, status: str = "200 Connected") -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy that connects everything with one port of loopback; its address, and what it was asked."""
    asked: list[str] = []
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            try:
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
            finally:
                writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.decode().splitlines()[0])
        writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
        if not status.startswith("200"):
            writer.close()
            return
        inner, outer = await asyncio.open_connection("127.0.0.1", to)
        for pair in ((reader, outer), (inner, writer)):
            task = asyncio.create_task(pump(*pair))
            tasks.add(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.02)


async def test_a_proxy_finds_the_server_and_sees_nothing_of_the_list(lab: Lab) -> None:
    async with proxy(lab.server.port) as (address, asked):
        await lab.get(proxy=address)
    assert lab.got == NAMES
    assert asked == [f"CONNECT adult.lists.example:{lab.server.port} HTTP/1.1"]
    assert lab.asked == [], "the proxy looks the server's name up"


async def test_a_proxy_that_refuses_is_named(lab: Lab) -> None:
    async with proxy(lab.server.port, "407 Login") as (address, _):
        with pytest.raises(FetchError, match=r"the proxy does not let through to it \(answered 407\)"):
            await lab.get(proxy=address)
    with pytest.raises(FetchError) as gone:
        await lab.get(proxy=address)
    assert gone.value.failure is FetchFailure.PROXY


async def test_a_client_certificate_is_shown_to_its_server_alone(tmp_path: Path) -> None:
    clients, authority = Authority(), Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    (tmp_path / "clients.pem").write_bytes(clients.pem)
    clients.server(tmp_path, "client.example")
    server = ListServer(authority, tmp_path / "server", lists={"adult": NAMES})
    login = CertificateLogin("client.example.pem", "client.example.pem")
    async with server.serving(client_ca=tmp_path / "clients.pem"):
        lab = Lab(server, tmp_path)
        await lab.get(login=login)
        assert lab.got == NAMES
        with pytest.raises(FetchError):
            await lab.get()
        server.faults["adult"] = Fault.ELSEWHERE
        with pytest.raises(FetchError) as elsewhere:
            await lab.get(login=login)
        assert elsewhere.value.host == "elsewhere.lists.example"
    with pytest.raises(FetchError) as missing:
        await lab.get(login=CertificateLogin("none.pem", "none.pem"))
    assert missing.value.failure is FetchFailure.SECRET


async def test_a_pin_is_of_the_key_and_another_one_is_refused_before_the_request(lab: Lab) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    text = (lab.folder / "server" / "none" / "*.lists.example.pem").read_bytes()
    pin = key_pin(x509.load_pem_x509_certificate(text).public_bytes(Encoding.DER))
    await lab.get(pins=("A" * 43 + "=", pin))
    assert lab.got == NAMES
    lab.server.requests.clear()
    with pytest.raises(FetchError) as caught:
        await lab.get(pins=("A" * 43 + "=",))
    assert caught.value.failure is FetchFailure.OTHER_KEY
    assert lab.server.requests == []


@pytest.mark.parametrize(
    ("first", "later", "inward"),
    [
        (["8.8.8.8"], ["9.9.9.9"], False),
        (["8.8.8.8"], ["10.0.0.1"], True),
        (["8.8.8.8"], ["9.9.9.9", "127.0.0.1"], True),
        (["8.8.8.8"], ["::ffff:169.254.169.254"], True),
        (["2001:4860:4860::8888"], ["fd00::1"], True),
        (["10.0.0.1"], ["192.168.1.1"], False),
        (["10.0.0.1"], ["8.8.8.8"], False),
        ([], ["8.8.8.8"], False),
        ([], ["127.0.0.1"], True),
        ([], [], False),
        (["8.8.8.8"], ["64:ff9b::808:808"], False),
        (["64:ff9b::808:808"], ["64:ff9b::a00:1"], True),
        *(
            (["8.8.8.8"], [inner], True)
            for inner in (
                "64:ff9b::7f00:1",
                "64:ff9b:1::808:808",
                "2002:7f00:1::",
                "2002:a00:1::1",
                "2001:0:a00:1::1",
                "2001:0:808:808::80ff:fffe",
                "::127.0.0.1",
                "::10.0.0.1",
                "::ffff:127.0.0.1",
                "ff0e::1",
                "ff02::1",
                "fec0::1",
                "fe80::1",
                "224.0.0.1",
                "239.1.1.1",
                "0.0.0.0",
                "::",
                "100.64.0.1",
                "255.255.255.255",
            )
        ),
    ],
)
def test_a_stranger_chooses_no_server_inside(first: list[str], later: list[str], *, inward: bool) -> None:
    assert leads_inward(first, later) is inward


def test_a_redirect_inward_is_not_followed(tmp_path: Path) -> None:
    """In a network of its own, where a public address is ours."""
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    server = ListServer(authority, tmp_path / "server", lists={"adult": NAMES, "outside": NAMES})
    server.faults["adult"] = Fault.ELSEWHERE
    lab = Lab(server, tmp_path)
    public, inner = "9.9.9.9", "10.0.0.1"

    def addresses(host: str) -> tuple[str, ...]:
        return (public,) if host.startswith("adult") or lab.size == 1 << 19 else (inner,)

    async def play() -> None:
        async with server.serving(addresses=(public, inner), port=8443):
            lab.addresses = addresses
            with pytest.raises(FetchError) as caught:
                await lab.get()
            assert caught.value.failure is FetchFailure.INWARD
            assert [each.host for each in server.requests] == ["adult"]
            lab.size = 1 << 19
            await lab.get()
            assert lab.got == NAMES, "between public addresses it is followed"

    def body() -> None:
        for address in (public, inner):
            ip("address", "add", f"{address}/32", "dev", "lo")
        asyncio.run(play())

    in_own_network(body)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[64:ff9b::7f00:1]", "224.0.0.1", "localhost", "lists.localhost.", "10.0.0.1"],
)
async def test_a_redirect_inward_is_not_followed_behind_a_proxy(lab: Lab, host: str) -> None:
    """The proxy would look the host up, or connect to the address."""
    lab.server.faults["adult"] = Fault.ELSEWHERE
    lab.server.targets["adult"] = f"https://{host}:{lab.server.port}/names.txt"
    async with proxy(lab.server.port) as (address, asked):
        with pytest.raises(FetchError) as caught:
            await lab.get(proxy=address)
    assert caught.value.failure is FetchFailure.INWARD
    assert asked == [f"CONNECT adult.lists.example:{lab.server.port} HTTP/1.1"]


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0x7f000001", "127.0.0.1."])
@pytest.mark.parametrize("proxied", [False, True])
async def test_a_number_in_the_place_of_a_host_is_no_target(lab: Lab, host: str, *, proxied: bool) -> None:
    """Such a host has no address in the DNS, and aiohttp or a proxy connects to 127.0.0.1 for it."""
    lab.server.faults["adult"] = Fault.ELSEWHERE
    lab.server.targets["adult"] = f"https://{host}:{lab.server.port}/names.txt"
    async with proxy(lab.server.port) as (address, asked):
        with pytest.raises(FetchError) as caught:
            await lab.get(proxy=address if proxied else None)
    assert caught.value.failure is FetchFailure.NO_TARGET
    assert len(asked) == proxied


def test_a_socket_is_made_to_held_addresses_alone() -> None:
    make = held_socket(["192.0.2.1", "2001:db8::1"])
    tcp = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    make((socket.AF_INET, *tcp, ("192.0.2.1", 443))).close()
    make((socket.AF_INET6, *tcp, ("2001:db8:0::1", 443, 0, 0))).close()
    with pytest.raises(OSError, match="not an address that was looked up"):
        make((socket.AF_INET, *tcp, ("127.0.0.1", 443)))


def test_a_server_inside_that_leads_out_leads_no_further_in(tmp_path: Path) -> None:
    """Every hop is judged by the one before it: inside, outside, inside."""
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    server = ListServer(authority, tmp_path / "server", lists={"adult": NAMES, "outside": NAMES})
    server.faults = {"adult": Fault.ELSEWHERE, "elsewhere": Fault.ELSEWHERE}
    lab = Lab(server, tmp_path)
    places = {"adult": "10.0.0.1", "elsewhere": "9.9.9.9", "inside": "10.0.0.1"}

    def addresses(host: str) -> tuple[str, ...]:
        return (places[host.partition(".")[0]],)

    async def play() -> None:
        async with server.serving(addresses=("9.9.9.9", "10.0.0.1"), port=8443):
            server.targets["elsewhere"] = server.url("inside")
            lab.addresses = addresses
            with pytest.raises(FetchError) as caught:
                await lab.get()
            assert caught.value.failure is FetchFailure.INWARD
            assert [each.host for each in server.requests] == ["adult", "elsewhere"]

    def body() -> None:
        for address in ("9.9.9.9", "10.0.0.1"):
            ip("address", "add", f"{address}/32", "dev", "lo")
        asyncio.run(play())

    in_own_network(body)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"two\nlines", "more than one line"),
        (b"a\x00b", "control characters"),
        (b"\xff", "is not UTF-8"),
        (b"x" * (LONGEST + 1), "has more than"),
    ],
)
def test_what_is_no_secret_is_not_sent(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(SecretError, match=reason):
        Secrets(tmp_path, {}).read("token")


def test_a_secret_is_a_file_or_a_credential(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\r\n")
    (tmp_path / "policies").mkdir()
    secrets = Secrets(tmp_path / "policies", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert secrets.read("../token") == secrets.read(str(tmp_path / "token")) == "s3cret"
    assert secrets.read("credential:token") == "s3cret"
    for name in ("credential:../token", "credential:", "credential:.."):
        with pytest.raises(SecretError, match="is no name of a credential"):
            secrets.read(name)
    with pytest.raises(SecretError, match="LoadCredential=token"):
        Secrets(tmp_path, {}).read("credential:token")


def test_a_disk_that_takes_a_part_gets_the_rest() -> None:
    class Narrow(io.BytesIO):
        """Takes seven bytes at a time."""

        def write(self, data: object, /) -> int:
            return super().write(bytes(data)[:7])  # type: ignore[call-overload]  # a view of bytes

    sink = Narrow()
    body = Body(sink, "lists.example", 1000, gzipped=False)
    body.take(NAMES[:500])
    assert sink.getvalue() == NAMES[:500]
