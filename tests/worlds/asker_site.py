"""Clients who ask names that are mandatorily blocked, with all that could tell that it was them."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import httpx

from filterd.wire.names import name_from_text
from tests.e2e.deployment import Deployment
from tests.worlds.kept_forms import FormSearch, address_forms, pair_forms, word_forms

LISTED = ("ordered.example", "sink.example", "sealed.example", "worst.example")
"""ordered, ordered with a page, ordered in confidence, and on an adopted list"""
KINDS = ("A", "AAAA", "TXT", "HTTPS")


@dataclass(frozen=True, slots=True)
class Asker:
    """A client. ``line``: the id of its line; empty: it has none."""

    address: str
    label: str
    """it asks for names below the listed ones that begin with this, and nobody else does"""
    line: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it asks for."""
        return tuple(f"{self.label}.{each}" for each in LISTED)


@dataclass
class Traces:
    """All that an installation leaves behind: files below a folder, and what it told."""

    folder: Path
    outputs: dict[str, bytes] = field(default_factory=dict)

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Each place with what stands there; the names of files too."""
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            yield f"the name of {name}", name.encode()
            if path.is_file():
                yield name, path.read_bytes()
        yield from self.outputs.items()

    def search(self, search: FormSearch) -> set[tuple[str, str, str]]:
        """The place, the thing and the form of all that is found; letter case is looked through."""
        return {
            (place, *each)
            for place, data in self.places()
            for each in search.found_in(data) | search.found_in(data.lower())
        }


def drawn(draw: random.Random) -> tuple[Asker, Asker]:
    """One on a line, and a stranger to the installation; nothing of theirs stands anywhere by chance."""
    line = Asker(_address(draw), _label(draw), f"holder-{_label(draw)}")
    return line, Asker(_address(draw), _label(draw))


def _address(draw: random.Random) -> str:
    return ".".join(["127", *(str(draw.randrange(100, 250)) for _ in range(3))])


def _label(draw: random.Random) -> str:
    return f"zq{draw.getrandbits(72):018x}"


def traces_of(askers: Iterable[Asker]) -> FormSearch:
    """All that could tell who asked: labels, names, addresses of strangers, and each with a name under one
    hash. The address of a line stands in its binding: alone it tells nothing, beside a name it does."""
    forms = []
    for each in askers:
        forms += [(each.label, form) for form in word_forms(each.label)]
        mixed = each.label.swapcase()
        forms += [(each.label, (f"{name}, capitals", text)) for name, text in word_forms(mixed)]
        for name in each.names:
            forms += [(name, form) for form in word_forms(name)]
            forms += [(name, (f"wire, {what}", text)) for what, text in _wire_forms(name)]
            for who in (each.address, *filter(None, [each.line])):
                forms += [(f"{who} and {name}", form) for form in pair_forms(who, name)]
        if not each.line:
            forms += [(each.address, form) for form in _address_forms(each.address)]
    return FormSearch(forms)


def own_forms(asker: Asker) -> FormSearch:
    """What rightly stands in some places of a line's: its id and its address."""
    forms = [(asker.line, form) for form in word_forms(asker.line)]
    return FormSearch([*forms, *((asker.address, form) for form in _address_forms(asker.address))])


def _wire_forms(name: str) -> Iterator[tuple[str, bytes]]:
    whole = name_from_text(name)
    yield "plain", whole
    yield "hex", whole.hex().encode()


def _address_forms(address: str) -> Iterator[tuple[str, bytes]]:
    """Every spelling: text, IPv6 around it, reversed, hexadecimal, numbers, base64 and hashes."""
    packed = socket.inet_aton(address)
    high, low = packed[:2].hex(), packed[2:].hex()
    yield "text", address.encode()
    yield "UTF-16", address.encode("utf-16-le")
    yield "mapped", f"ffff:{int(high, 16):x}:{int(low, 16):x}".encode()
    yield "mapped, exploded", f":ffff:{high}:{low}".encode()
    yield "reversed", ".".join(reversed(address.split("."))).encode()
    yield "hex", packed.hex().encode()
    yield "mapped bytes", bytes(2) + b"\xff\xff" + packed
    yield from address_forms(address)


def ask_all(filterd: Deployment, askers: Iterable[Asker], page: tuple[str, int]) -> None:
    """Each asks for each of its names in every way, and goes to the block page that it was led to (address
    and port)."""
    for each in askers:
        for name in each.names:
            for kind in KINDS:
                _asked(filterd, dns.message.make_query(name, kind, use_edns=0), each.address)
            mixed = name.replace(each.label, each.label.swapcase())
            for tcp in (False, True):
                _asked(filterd, dns.message.make_query(mixed, "A"), each.address, tcp=tcp)
            _went(name, each.address, page)
        _sent(filterd, dns.message.make_query(each.names[0], "A").to_wire()[:-3], each.address)


def _asked(filterd: Deployment, query: dns.message.Message, source: str, *, tcp: bool = False) -> None:
    """A question that gets an answer. Raises where it does not: a search of nothing proves nothing."""
    send = dns.query.tcp if tcp else dns.query.udp
    send(query, "127.0.0.1", port=filterd.port, source=source, timeout=10)


def _sent(filterd: Deployment, packet: bytes, source: str) -> None:
    """Bytes that are no sound query."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((source, 0))
        udp.sendto(packet, ("127.0.0.1", filterd.port))


def _went(name: str, source: str, page: tuple[str, int]) -> None:
    """A browser that was led to the page, with all that browsers tell."""
    told = {"Host": name, "Referer": f"https://{name}/seen", "X-Forwarded-For": source, "Cookie": f"a={name}"}
    with contextlib.closing(httpx.HTTPTransport(local_address=source)) as transport:
        client = httpx.Client(transport=transport, timeout=30, trust_env=False)
        assert client.get(f"http://{page[0]}:{page[1]}/{name}?from={source}", headers=told).status_code >= 400
