"""PROXY v2: headers of a front and of those who are none, over UDP and TCP."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

from tests.evasion.asking import datagrams, framed, query, streamed
from tests.evasion.form import Course, Gets, Way, has_data, judge, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ADULT, CHILD, FRONT, ORDERED, STRANGER, WAY

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
UDP4, TCP4, UDP6, UNSPECIFIED, UNIX = 0x12, 0x11, 0x22, 0x00, 0x31


def addresses(source: str) -> bytes:
    packed = ip_address(source).packed
    return packed + ip_address("127.0.0.1" if len(packed) == 4 else "::1").packed + b"\x12\x34\0\x35"


def header(
    source: str = CHILD,
    command: int = PROXY,
    family: int = UDP4,
    more: bytes = b"",
    length: int | None = None,
) -> bytes:
    """A header whose length is right unless one is given."""
    body = (addresses(source) if family in (UDP4, TCP4, UDP6) else b"") + more
    return (
        SIGNATURE
        + bytes([command, family])
        + struct.pack("!H", len(body) if length is None else length)
        + body
    )


def believed(id: str, head: bytes, gets: Gets, name: str = ADULT) -> Course:
    """A front says who asks; the client gets what is that client's, over both transports."""

    def steps(lab: Lab) -> None:
        good = header(STRANGER)
        (answer,) = datagrams(lab, head + query(name), client=FRONT, before=good, expect=1)
        judge(answer, gets, f"{id} udp")
        (answer,) = streamed(lab, head + framed(query(name)), client=FRONT)
        judge(answer, gets, f"{id} tcp")

    return Course(id, steps)


def dropped(id: str, sent: bytes, over_tcp: bytes | None = None, client: str = FRONT) -> Course:
    """What is said is not believed: silence, or an answer without data."""

    def steps(lab: Lab) -> None:
        judge(
            lab.send(query(ADULT)), Gets.SERVED
        )  # from now on it is cached: whoever may have it gets it at once
        before = header(STRANGER) if client == FRONT else b""
        for answer in datagrams(lab, sent, client=client, before=before):
            assert not has_data(answer[12:])
        for answer in streamed(lab, sent if over_tcp is None else over_tcp, client=client):
            assert not has_data(answer[12:])

    return Course(id, steps)


def told(id: str, head: bytes, name: str = ADULT) -> Course:
    """The header and a query, as each transport carries them, by a front."""
    return dropped(id, head + query(name), head + framed(query(name)))


def forged(id: str, head: bytes, client: str) -> Course:
    """A header by somebody who is no front."""
    return dropped(id, head + query(ADULT), head + framed(query(ADULT)), client)


TLV = b"\x01\0\x02h2"
FORMS: tuple[Way, ...] = (
    believed("a-line", header(), Gets.FILTERED),
    believed("nobody", header(STRANGER), Gets.SERVED),
    believed("ordered-for-a-line", header(), Gets.CENSORED, ORDERED),
    believed("ordered-for-nobody", header(STRANGER), Gets.CENSORED, ORDERED),
    believed("over-tcp-to-the-front", header(family=TCP4), Gets.FILTERED),
    believed("mapped-address", header(f"::ffff:{CHILD}", family=UDP6), Gets.FILTERED),
    believed("one-value", header(more=TLV), Gets.FILTERED),
    believed("many-values", header(more=TLV * 30), Gets.FILTERED),
    believed("value-that-names-another", header(more=b"\xe0\0\x09127.0.0.99"), Gets.FILTERED),
    believed("checksum-value", header(more=b"\x03\0\x04\0\0\0\0"), Gets.FILTERED),
    believed("a-client-outside", header("192.0.2.7"), Gets.REFUSED, ORDERED),
    believed("a-client-outside-ipv6", header("2001:db8::7", family=UDP6), Gets.REFUSED, ORDERED),
    believed("local-command-ordered", header(command=LOCAL), Gets.CENSORED, ORDERED),
    believed(
        "local-command-without-addresses", header(command=LOCAL, family=UNSPECIFIED), Gets.CENSORED, ORDERED
    ),
    believed("no-family-ordered", header(family=UNSPECIFIED), Gets.CENSORED, ORDERED),
    believed("no-family-is-the-front-itself", header(family=UNSPECIFIED), Gets.SERVED),
    believed("unix-family-ordered", header(family=UNIX, more=bytes(216)), Gets.CENSORED, ORDERED),
    told("version-1", f"PROXY TCP4 {STRANGER} 127.0.0.1 4660 53\r\n".encode()),
    told("version-3", header(command=0x31)),
    told("unknown-command", header(command=0x2F)),
    told("no-header", b""),
    told("half-a-header", header()[:20]),
    told("signature-alone", SIGNATURE),
    told("wrong-signature", b"\r\n\r\n\0\r\nQUIT\r" + header()[12:]),
    told("length-too-short", header(length=8)),
    told("length-too-long", header(length=200)),
    told("length-of-nothing", header(length=0)),
    told("two-headers", header() + header(STRANGER)),
    told("header-inside-values", header(more=header(STRANGER))[:-1]),
    forged("forged-by-a-line", header(STRANGER), CHILD),
    forged("forged-by-nobody", header(CHILD), STRANGER),
    forged("forged-local-command", header(command=LOCAL), CHILD),
    dropped("header-behind-the-length", header() + query(ADULT), framed(header() + query(ADULT))),
    dropped(
        "second-header-on-a-connection",
        header() + header(STRANGER),
        header() + framed(query(f"fine.{WAY}")) + header(STRANGER) + framed(query(ADULT)),
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Way) -> None:
    form.run(lab)
