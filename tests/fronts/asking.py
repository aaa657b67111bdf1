"""The answers that a client behind a front gets: for every zone and a name below it, twice."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from tests.fronts.servers import Front, Place
from tests.fronts.zones import FREE, MODES, SERVED, SIGNED, filtered, make_zones, zone_name
from tests.worlds.network_namespace import interface, ip

FILTERD = "filterd itself"
TIMES = ("first", "second")
BELOW = "www."
MADE = {"null": "0.0.0.0", "sinkhole": "192.0.2.80"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer; ``rcode`` is "none" where there was no answer."""

    rcode: str
    authoritative: bool = False
    addresses: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    """extended error codes"""


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """A mode (or FREE), signed or unsigned, its own name or one below, the first or second time."""

    mode: str
    kind: str
    below: bool
    time: str

    @property
    def name(self) -> str:
        """What was asked for."""
        return (BELOW if self.below else "") + zone_name(self.mode, self.kind)


Found = Mapping[str, Mapping[Asked, Seen]]
"""front -> question -> answer"""


def questions() -> Iterator[Asked]:
    """All of them, in the order in which they are asked."""
    for kind in SIGNED:
        for mode in (*MODES, FREE):
            for below in (False, True):
                for time in TIMES:
                    yield Asked(mode, kind, below, time)


def ask(port: int, name: str) -> Seen:
    """One query for an address, with EDNS, as a stub resolver sends it."""
    query = dns.message.make_query(name, "A", use_edns=0)
    try:
        reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=15, ignore_unexpected=True)
    except (dns.exception.Timeout, OSError):
        return Seen("none")
    addresses = sorted(
        item.to_text() for rrset in reply.answer if rrset.rdtype == dns.rdatatype.A for item in rrset
    )
    errors = sorted(int(each.code) for each in reply.options if isinstance(each, dns.edns.EDEOption))
    return Seen(
        dns.rcode.to_text(reply.rcode()), bool(reply.flags & dns.flags.AA), tuple(addresses), tuple(errors)
    )


def ask_all(fronts: Iterable[Front], tell: Callable[[str], None] = lambda _: None) -> Found:
    """Every question of every front and of filterd itself. To be called in a network of its own."""
    interface("outside")
    ip("address", "add", "198.18.0.1/24", "dev", "outside")
    found: dict[str, dict[Asked, Seen]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filterd-fronts-")))
        zones = make_zones()
        filterd = stack.enter_context(filtered(folder, zones))
        found[FILTERD] = {each: ask(filterd.port, each.name) for each in questions()}
        for number, front in enumerate(fronts):
            tell(front.name)
            place = Place(folder / f"front{number}", filterd.port, zones, front.validating)
            place.folder.mkdir()
            with front.start(place) as port:
                found[front.name] = {each: ask(port, each.name) for each in questions()}
    return found


def expected(asked: Asked, *, validating: bool) -> Seen:
    """Rcode and addresses that a client has to see, whatever else comes with them."""
    if asked.mode == FREE:
        return Seen("NOERROR", addresses=(SERVED,))
    if validating and asked.kind == "signed":
        return Seen("SERVFAIL")
    if asked.mode == "nxdomain":
        return Seen("NXDOMAIN")
    return Seen("NOERROR", addresses=(MADE[asked.mode],) if asked.mode in MADE else ())


def contradicts(asked: Asked, *, validating: bool) -> bool:
    """True if a front has proof that the denied name exists: the signed denial of its DS record bears it.
    It may deny the name all the same, fail, or have no address for it."""
    return validating and (asked.mode, asked.kind, asked.below) == ("nxdomain", "unsigned", False)


def agrees(asked: Asked, seen: Seen, *, validating: bool) -> bool:
    """True if an answer is as it has to be."""
    if contradicts(asked, validating=validating):
        return seen.rcode in ("NXDOMAIN", "SERVFAIL", "NOERROR") and not seen.addresses
    wanted = expected(asked, validating=validating)
    return (seen.rcode, seen.addresses) == (wanted.rcode, wanted.addresses)
