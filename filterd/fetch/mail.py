"""Sends e-mail to the operator's own people by one SMTP server (RFC 5321; STARTTLS: RFC 3207).

A server that offers no TLS, or whose certificate is not valid, gets no login and no message. What a server
says is never quoted: its words may hold an address, or what was sent.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from pathlib import Path

import aiosmtplib

from filterd.fetch.hosts import literal
from filterd.fetch.request import Lookup
from filterd.fetch.secrets import SecretError, Secrets
from filterd.fetch.tls import client_context

_LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server, and the addresses of one mail's envelope."""

    host: str
    port: int
    tls: str
    """``starttls``, ``tls`` (from the first byte) or ``none``"""
    user: str
    password_file: Path | None
    """None: without a login; read at each mail, so that a changed one needs no restart"""
    ca: Path | None
    """a PEM file; None: the system's authorities"""
    sender: str
    to: tuple[str, ...]
    timeout: float


class MailError(Exception):
    """A mail was not taken; the message says why in words that hold nothing of it."""


@dataclass(frozen=True, slots=True)
class MailTaken:
    """A mail that the server took."""

    refused: tuple[str, ...] = ()
    """the recipients that the server refused; it took the mail for the others"""


async def send(server: MailServer, message: EmailMessage, lookup: Lookup) -> MailTaken:
    """Send one mail within ``server.timeout``. Raises MailError for whatever the server or the network
    does, a password that cannot be read, and a ``ca`` without certificates."""
    try:
        async with asyncio.timeout(server.timeout):
            return await _send(server, message, lookup)
    except TimeoutError:
        trouble = "no answer in time"
    except SecretError as error:
        trouble = f"its password cannot be used: {error}"
    except aiosmtplib.SMTPException as error:
        trouble = _words(error, server)
    except ssl.SSLCertVerificationError:
        trouble = "its certificate is not valid"
    except ssl.SSLError:
        trouble = "no TLS connection came about"
    except OSError as error:
        trouble = f"no connection: {error.strerror or 'refused'}"[:120]
    except ValueError:
        trouble = "it cannot be written as a mail"
    raise MailError(trouble) from None


async def _send(server: MailServer, message: EmailMessage, lookup: Lookup) -> MailTaken:
    password = None
    if server.password_file is not None:
        password = await asyncio.to_thread(
            Secrets(server.password_file.parent).read, server.password_file.name
        )
    context = None if server.tls == "none" else await asyncio.to_thread(client_context, server.ca)
    client = aiosmtplib.SMTP(
        hostname=server.host,
        sock=await _connect(server, lookup),
        local_hostname=server.sender.rpartition("@")[2],
        timeout=server.timeout,
        use_tls=server.tls == "tls",
        start_tls=server.tls == "starttls",  # True: refused where the server offers none
        tls_context=context,
    )
    try:
        await client.connect()
        if password is not None:
            await client.login(server.user, password)
        refused, _ = await client.sendmail(server.sender, list(server.to), message.as_bytes(policy=WIRE))
        return MailTaken(tuple(each for each in server.to if each in refused))
    finally:
        client.close()


async def _connect(server: MailServer, lookup: Lookup) -> socket.socket:
    """A connection to the first address of the server that takes one. Half of the time is theirs together, so
    that one from which nothing comes leaves the others, and the mail itself, enough."""
    trouble = OSError(0, "there is no such host")
    addresses = await _addresses(server.host, lookup)
    each = server.timeout / 2 / max(1, len(addresses))
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setblocking(False)
        try:
            async with asyncio.timeout(each):
                await asyncio.get_running_loop().sock_connect(found, (address, server.port))
        except TimeoutError:
            found.close()
            trouble = OSError(0, "no answer in time")
        except OSError as error:
            found.close()
            trouble = error
        except BaseException:
            found.close()
            raise
        else:
            return found
    raise trouble


async def _addresses(host: str, lookup: Lookup) -> tuple[str, ...]:
    fixed = "127.0.0.1" if host == _LOCAL else literal(host)
    if fixed is not None:
        return (fixed,)
    try:
        return await lookup(host)
    except LookupError:
        raise OSError(0, "no DNS server answered for its host") from None


def _words(error: aiosmtplib.SMTPException, server: MailServer) -> str:
    """A refusal in words of our own, with the code of the server where it gave one."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"{error.code}: it refuses the login of {server.user}"
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = sorted({each.code for each in error.recipients})
        return f"{', '.join(map(str, codes))}: it refuses every recipient"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code}: it does not take the mail"
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return "it offers no login that we know, or not this character"
    if isinstance(error, aiosmtplib.SMTPTimeoutError):
        return "no answer in time"
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return "its certificate is not valid"
    if "STARTTLS" in str(error):
        return "it offers no STARTTLS, so it gets nothing"
    return "the connection broke"
