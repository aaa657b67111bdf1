"""Mail goes over TLS alone, to a server whose certificate is valid; refusals are told in our words."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from filterd.fetch.mail import MailError, MailServer, send
from tests.worlds.certificates import Authority
from tests.worlds.mail_server import MailHost, mail_host, silent_host

FROM, TO = "filterd@isp.example", ("duty@isp.example", "boss@isp.example")


async def no_lookup(host: str) -> tuple[str, ...]:
    """Nobody is asked for an address that is written as one."""
    return ("127.0.0.1",) if host == "mail.isp.example" else ()


def mail() -> EmailMessage:
    """A message."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = FROM, ", ".join(TO), "órdenes"
    message.set_content("el plazo vence mañana\n")
    return message


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> MailServer:
    """A server at no port yet, whose authority is the test's."""
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    return MailServer("127.0.0.1", 0, "starttls", "", None, tmp_path / "ca.pem", FROM, TO, 20.0)


async def trouble(server: MailServer, host: MailHost | int) -> str:
    """Why a mail is not taken."""
    port = host if isinstance(host, int) else host.port
    with pytest.raises(MailError) as raised:
        await send(replace(server, port=port), mail(), no_lookup)
    return str(raised.value)


async def test_starttls(server: MailServer, authority: Authority, tmp_path: Path) -> None:
    async with mail_host(starttls=authority.server(tmp_path, "127.0.0.1")) as host:
        sent = await send(replace(server, port=host.port), mail(), no_lookup)
        (taken,) = host.taken
    assert sent.refused == ()
    assert (taken["Subject"], taken.get_content()) == ("órdenes", "el plazo vence mañana\r\n")
    assert host.envelopes == [(FROM, TO)]
    assert host.encrypted == [True]


async def test_tls_from_the_first_byte(server: MailServer, authority: Authority, tmp_path: Path) -> None:
    async with mail_host(tls=authority.server(tmp_path, "mail.isp.example")) as host:
        there = replace(server, host="mail.isp.example", port=host.port, tls="tls")
        await send(there, mail(), no_lookup)
        assert len(host.taken) == 1


async def test_a_server_without_starttls_gets_nothing(server: MailServer, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    there = replace(server, user="filterd", password_file=tmp_path / "password")
    async with mail_host() as host:
        assert "STARTTLS" in await trouble(there, host)
    assert (host.taken, host.logins) == ([], [])


async def test_a_certificate_of_somebody_else(server: MailServer, tmp_path: Path) -> None:
    async with mail_host(starttls=Authority().server(tmp_path, "127.0.0.1")) as host:
        assert await trouble(server, host) == "its certificate is not valid"
    assert host.taken == []


async def test_a_certificate_for_another_name(
    server: MailServer, authority: Authority, tmp_path: Path
) -> None:
    async with mail_host(tls=authority.server(tmp_path, "other.example")) as host:
        assert await trouble(replace(server, tls="tls"), host) == "its certificate is not valid"


async def test_login(server: MailServer, authority: Authority, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("right\n")
    there = replace(server, user="filterd", password_file=password)
    async with mail_host(starttls=authority.server(tmp_path, "127.0.0.1")) as host:
        host.password = password.read_text().strip()
        await send(replace(there, port=host.port), mail(), no_lookup)
        assert host.logins == ["filterd"]
        password.write_text("wrong\n")
        assert await trouble(there, host) == "535: it refuses the login of filterd"
        password.unlink()
        assert "password cannot be used" in await trouble(there, host)
    assert len(host.taken) == 1


@pytest.mark.parametrize(("reply", "said"), [("451 busy", "451"), ("554 spam, said bad.example", "554")])
async def test_a_refused_message(
    server: MailServer, authority: Authority, tmp_path: Path, reply: str, said: str
) -> None:
    async with mail_host(starttls=authority.server(tmp_path, "127.0.0.1")) as host:
        host.data_replies = [reply]
        assert await trouble(server, host) == f"{said}: it does not take the mail"


async def test_an_address_from_which_nothing_comes_keeps_no_mail_from_the_next(server: MailServer) -> None:
    async def both(host: str) -> tuple[str, ...]:
        assert host == "mail.isp.example"
        return ("127.0.0.9", "127.0.0.1")

    async with mail_host() as host:
        with socket.create_server(("127.0.0.9", host.port), backlog=0), ExitStack() as waiting:
            for _ in range(3):  # it takes no more: what comes is dropped
                full = waiting.enter_context(socket.socket())
                full.setblocking(False)
                full.connect_ex(("127.0.0.9", host.port))
            there = replace(server, host="mail.isp.example", port=host.port, tls="none", ca=None, timeout=4.0)
            await send(there, mail(), both)
            assert len(host.taken) == 1


async def test_refused_recipients(server: MailServer, authority: Authority, tmp_path: Path) -> None:
    async with mail_host(starttls=authority.server(tmp_path, "127.0.0.1")) as host:
        host.refused = frozenset(TO[:1])
        assert (await send(replace(server, port=host.port), mail(), no_lookup)).refused == TO[:1]
        host.refused = frozenset(TO)
        assert await trouble(server, host) == "550: it refuses every recipient"
    assert host.envelopes == [(FROM, TO[1:])]


async def test_a_server_that_hangs(server: MailServer) -> None:
    async with silent_host() as port:
        assert await trouble(replace(server, timeout=0.2), port) == "no answer in time"


async def test_nobody_listens(server: MailServer) -> None:
    async with silent_host() as port:
        pass
    assert (await trouble(server, port)).startswith("no connection")


async def test_a_host_that_nobody_knows(server: MailServer) -> None:
    said = await trouble(replace(server, host="nowhere.example"), 25)
    assert said == "no connection: there is no such host"


async def test_no_certificates_in_ca(server: MailServer, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    assert await trouble(replace(server, ca=tmp_path / "empty.pem"), 25)
