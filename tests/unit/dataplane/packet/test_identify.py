"""The line of a query: one row for each method, the order of trust, and what is unknown."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from ipaddress import IPv4Network

import pytest

from filterd.dataplane.packet.exchange_reference import ReferenceUnread
from filterd.dataplane.packet.plane_types import Front
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses, network
from filterd.model.identity import IdentityKind
from filterd.model.rule import Action, Scope
from filterd.policy.published import StateSettings
from tests.worlds.identities import NAT, TICKS, TLV, Known, header, port_prefix, query
from tests.worlds.policy import Line
from tests.worlds.rate import wide

MAC = bytes.fromhex("001122aabbcc")
SENDER, STRANGER, CLIENT = "10.9.0.1", "10.7.0.1", "10.1.0.5"
FRONT = wide("10.8.0.1")
CLOSED = StateSettings(parental_ready=False)


def front(*tlvs: tuple[int, bytes], port: int = 5000) -> Front:
    return Front(FRONT, header(CLIENT, port, *tlvs))


@pytest.fixture
def known() -> Iterator[Known]:
    """Line 1 by hardware address, 2 by device, 3 by equipment, 4 by TLV; 5 and 6 by session, 7 and 8 by
    binding, each by port and by address. The client has it all."""
    made = Known()
    for kind, text, line in (
        (IdentityKind.MAC, MAC, 1),
        (IdentityKind.DEVICE, b"tablet", 2),
        (IdentityKind.CPE, b"ONT-77", 3),
        (IdentityKind.TLV, b"line-4", 4),
    ):
        made.bind((kind, text), line)
    made.set("session_ports", *port_prefix(CLIENT, 4096, 12), 5)
    made.set("sessions", wide(CLIENT)[12:], 32, 6, TICKS + 60)
    made.set("ports", *port_prefix(CLIENT, 4096, 11), 7)
    made.set("addresses", wide("10.1.0.0")[12:], 16, 8)
    made.publish()
    made.use_sessions()
    made.use_rules()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ((65001, MAC), 1),
        ((65073, b"00:11:22:aa:bb:cc"), 1),
        ((65073, b"00-11-22-AA-BB-CC"), 1),
        ((65073, b"001122aabbcc"), 1),
        ((65073, base64.b64encode(MAC)), 1),
        ((65073, b"tablet"), 2),
        ((65074, b"ONT-77"), 3),
    ],
)
def test_an_option_of_a_trusted_sender_is_the_first_thing(
    known: Known, option: tuple[int, bytes], line: int
) -> None:
    assert known.whose(SENDER, 0, option) == ("edns-id", line)
    assert known.whose(STRANGER, 0, option) == ("unknown", 0)
    assert known.whose(CLIENT, 5000, option, front=front((TLV, b"line-4"))) == ("edns-id", line)


def test_a_text_that_looks_like_base64_may_be_a_device(known: Known) -> None:
    known.bind((IdentityKind.DEVICE, b"AB12cd34"), 9)
    assert known.whose(SENDER, 0, (65073, b"AB12cd34")) == ("edns-id", 9)


@pytest.mark.parametrize(
    "option",
    [
        (65001, MAC[:5]),
        (65001, b""),
        (65073, b"00:11:22-aa:bb:cc"),
        (65073, b"0g1122aabbcc"),
        (65074, b"ONT-77" + bytes(59)),
        (65074, b"ont-77"),
    ],
)
def test_what_is_no_identity_falls_through(known: Known, option: tuple[int, bytes]) -> None:
    assert known.whose(SENDER, 0, option) == ("unknown", 0)
    known.set("addresses", wide(SENDER)[12:], 32, 9)
    assert known.whose(SENDER, 0, option) == ("binding", 9)


def test_two_options_of_one_kind_are_refused(known: Known) -> None:
    answer = known.ask(query("l1.example", (65001, MAC), (65001, MAC)), SENDER)
    assert isinstance(answer, bytes)
    assert answer[3] & 15 == 1


def test_an_identity_is_not_echoed(known: Known) -> None:
    answer = known.ask(query("l1.example", (65001, MAC), (65074, b"ONT-77")), SENDER)
    assert isinstance(answer, bytes)
    assert MAC not in answer
    assert b"ONT-77" not in answer


def test_the_order_of_trust(known: Known) -> None:
    """Each method in turn, as those above it lead nowhere."""
    told = front((4, b"other"), (TLV, b"line-4"))
    mac, cpe = (65001, MAC), (65074, b"ONT-77")
    assert known.whose(CLIENT, 4100, mac, cpe, front=told) == ("edns-id", 1)
    assert known.whose(CLIENT, 4100, cpe, (65073, b"tablet"), front=told) == ("edns-id", 2)
    assert known.whose(CLIENT, 4100, cpe, front=told) == ("edns-id", 3)
    assert known.whose(CLIENT, 4100, (65074, b"nobody"), front=told) == ("proxy-id", 4)
    assert known.whose(CLIENT, 4100, front=front((TLV, b"nobody"), (TLV, b"line-4"))) == ("session", 5)
    assert known.whose(CLIENT, 4095) == ("session", 6)
    assert known.whose(CLIENT, 4100, ticks=TICKS + 60) == ("session", 5), "a session without an end"
    assert known.whose(CLIENT, 4120, ticks=TICKS + 59) == ("session", 6)
    assert known.whose(CLIENT, 4120, ticks=TICKS + 60) == ("binding", 7)
    assert known.whose(CLIENT, 4128, ticks=TICKS + 60) == ("binding", 8)
    assert known.whose(CLIENT, 0, ticks=TICKS + 60) == ("binding", 8), "a port that is not known"
    assert known.whose("10.2.0.1", 4100) == ("unknown", 0)


def test_what_leads_to_no_line_falls_through(known: Known) -> None:
    known.bind((IdentityKind.CPE, b"gone"), 77)
    known.set("session_ports", *port_prefix(CLIENT, 4096, 12), 78)
    known.set("sessions", wide(CLIENT)[12:], 32, 79)
    assert known.whose(CLIENT, 4100, (65074, b"gone"), front=front()) == ("binding", 7)


def test_a_client_subnet_has_no_port(known: Known) -> None:
    subnet = (8, bytes([0, 1, 32, 0]) + wide(CLIENT)[12:])
    assert known.whose(SENDER, 4100, subnet) == ("session", 6)


@pytest.mark.parametrize("broken", [b"\xe0\0\7line-4", b"\xe0", b"\5\0\xff" + b"x" * 20])
def test_a_tlv_that_does_not_fit_the_header_is_none(known: Known, broken: bytes) -> None:
    made = header(CLIENT, 5000)
    made = made[:14] + (12 + len(broken)).to_bytes(2, "big") + made[16:] + broken
    assert known.whose(CLIENT, 0, front=Front(FRONT, made)) == ("session", 6)


def test_the_first_tlv_counts_and_a_long_one_is_none(known: Known) -> None:
    known.bind((IdentityKind.TLV, b"x" * 128), 9)
    assert known.whose(CLIENT, 0, front=front((TLV, b"x" * 128))) == ("proxy-id", 9)
    assert known.whose(CLIENT, 0, front=front((TLV, b"x" * 129), (TLV, b"line-4"))) == ("session", 6)
    assert known.whose(CLIENT, 0, front=front((TLV, b""))) == ("session", 6)


def test_sessions_that_nothing_tells_of_are_not_looked_up(known: Known) -> None:
    known.use_sessions(used=False, ready=False)
    assert known.whose(CLIENT, 4100) == ("binding", 7)
    assert known.whose("10.2.0.1") == ("unknown", 0)


@pytest.mark.parametrize("open_", [False, True])
def test_until_sessions_are_loaded_parental_fail_decides(known: Known, open_: bool) -> None:
    known.use_sessions(ready=False)
    known.publish(StateSettings(parental_fail_open=open_))
    nobody = ("unknown", 0) if open_ else ("not ready", 0)
    assert known.whose("10.2.0.1") == nobody
    known.use_rules(pools=["10.2.0.0/24"])
    assert known.whose("10.2.0.1") == nobody
    assert known.whose("10.3.0.1") == ("unknown", 0), "none of the pools is its own"
    assert known.whose("10.1.9.9") == ("binding", 8), "something else recognises it"
    assert known.whose(CLIENT, 9) == ("session", 6), "loaded already"
    known.use_rules(pools=["10.1.9.0/24"])
    bound = ("binding", 8) if open_ else ("not ready", 0)
    assert known.whose("10.1.9.9") == bound, "a session of the pool would come before the binding"
    assert known.whose("10.1.8.9") == ("binding", 8)
    known.use_sessions()
    assert known.whose("10.1.9.9") == ("binding", 8)
    assert known.whose("10.2.0.1") == ("unknown", 0)


def test_without_the_lines_a_client_that_has_one_gets_nothing(known: Known) -> None:
    known.publish(CLOSED)
    assert known.whose(CLIENT, 4100) == ("not ready", 0)
    assert known.whose("10.1.9.9") == ("not ready", 0)
    assert known.whose(SENDER, 0, (65001, MAC)) == ("not ready", 0)
    assert known.whose(SENDER, 0, (65074, b"nobody")) == ("unknown", 0)
    known.publish(CLOSED, identity_ready=False)
    assert known.whose("10.2.0.1") == ("not ready", 0)
    known.publish(StateSettings(parental_ready=False, parental_fail_open=True))
    assert known.whose(CLIENT, 4100) == ("unknown", 0)


def test_a_line_with_unread_changes_gets_nothing_and_no_other_line_waits(known: Known) -> None:
    known.use_sessions(used=False)
    assert known.whose(CLIENT) == ("binding", 8)
    known.publish(unread=ReferenceUnread(frozenset({8}), 9))
    assert known.whose(CLIENT) == ("not ready", 0)
    assert known.whose(CLIENT, 4100) == ("binding", 7), "its port comes first"
    assert known.whose("10.2.0.1") == ("unknown", 0)
    known.publish(StateSettings(parental_fail_open=True), unread=ReferenceUnread(frozenset({8}), 9))
    assert known.whose(CLIENT) == ("binding", 8), "an old choice is better than none"
    known.publish()
    assert known.whose(CLIENT) == ("binding", 8)


def test_an_unread_binding_counts_where_no_longer_prefix_is_known(known: Known) -> None:
    known.use_sessions(used=False)
    longer = ReferenceAddresses({IPv4Network("10.1.7.0/24"): 3, IPv4Network("10.3.0.0/16"): 3})
    known.publish(unread=ReferenceUnread(frozenset({3}), 9, longer))
    assert known.whose("10.1.7.9") == ("not ready", 0)
    assert known.whose("10.3.0.9") == ("not ready", 0)
    assert known.whose("10.1.9.9") == ("binding", 8)
    shorter = ReferenceAddresses({IPv4Network("10.0.0.0/8"): 3})
    known.publish(unread=ReferenceUnread(frozenset({3}), 9, shorter))
    assert known.whose("10.1.9.9") == ("binding", 8)
    assert known.whose("10.3.0.9") == ("not ready", 0)
    ports = ReferenceAddresses({network(*port_prefix(CLIENT, 4096)): 3})
    known.publish(unread=ReferenceUnread(frozenset({3}), 9, ports=ports))
    assert known.whose(CLIENT, 4096) == ("not ready", 0)
    assert known.whose(CLIENT, 4097) == ("binding", 7)
    told = {(IdentityKind.CPE, b"ONT-78"): 3}
    known.publish(unread=ReferenceUnread(frozenset({3}), 9, identities=told))
    assert known.whose(SENDER, 0, (65074, b"ONT-78")) == ("not ready", 0)
    assert known.whose(SENDER, 0, (65074, b"ONT-77")) == ("not ready", 0), "it leads to the same line"


def test_a_new_line_waits_until_all_changes_are_read(known: Known) -> None:
    """Its first change, with which it is in the tables, says nothing of its choices."""
    known.set("sessions", wide("10.4.0.1")[12:], 32, 10)
    assert known.whose("10.4.0.1") == ("unknown", 0)
    known.publish(unread=ReferenceUnread(highest=9))
    assert known.whose("10.4.0.1") == ("not ready", 0)
    known.add_line(10)
    assert known.whose("10.4.0.1") == ("not ready", 0)
    known.publish()
    assert known.whose("10.4.0.1") == ("session", 10)


@pytest.mark.parametrize(("opened", "whose"), [(False, ("not ready", 0)), (True, ("binding", 8))])
def test_a_line_whose_policy_the_state_lacks_is_not_ready(
    known: Known, *, opened: bool, whose: tuple[str, int]
) -> None:
    """A thread that is slow to take up the next state forwarded what the new policy blocks."""
    known.use_sessions(used=False)
    line = Line(policy=1, opted_in=True, own_names=(("l8.example", Action.BLOCK, Scope.EXACT),))
    known.lines.upsert(line.native(8))
    known.plain_lines[8] = line.reference()
    known.publish(StateSettings(parental_fail_open=opened))
    assert known.whose(CLIENT) == whose


def test_64_lines_behind_one_address_are_told_apart() -> None:
    known = Known(64)
    for number in range(64):
        known.set("sessions", NAT.inside[number].packed, 32, number + 1)
    known.set("ports", *port_prefix("203.0.113.1", 512, 9), 3)
    known.publish()
    known.use_sessions()
    known.use_rules([NAT], pools=["100.64.0.0/26"])
    for number in (0, 1, 31, 63):
        first = 1024 + 1008 * number
        assert known.whose("203.0.113.1", first) == ("session", number + 1)
        assert known.whose("203.0.113.1", first + 1007) == ("session", number + 1)
    assert known.whose("203.0.113.1", 1023) == ("unknown", 0)
    assert known.whose("203.0.113.1", 0) == ("unknown", 0)
    assert known.whose("203.0.113.1", 520) == ("binding", 3), "ports that were written down"
    assert known.whose("100.64.0.2") == ("session", 3), "inside, nothing is translated"
    known.tables["sessions"].remove(NAT.inside[0].packed, 32)
    known.plain.sessions.values.pop(next(iter(known.plain.sessions.values)))
    known.use_sessions(ready=False)
    assert known.whose("203.0.113.1", 1024) == ("not ready", 0), "the inside address is of the pool"
    known.close()


def test_tables_that_were_empty_when_they_were_published_are_those_in_force() -> None:
    """A first binding to an identity, or to ports, stands in a table that is published already."""
    known = Known()
    known.publish()
    known.use_sessions()
    known.use_rules()
    assert known.whose(SENDER, 4096, (65074, b"ONT-77")) == ("unknown", 0)
    known.bind((IdentityKind.CPE, b"ONT-77"), 3)
    known.set("ports", *port_prefix(CLIENT, 4096), 7)
    assert known.whose(SENDER, 4096, (65074, b"ONT-77")) == ("edns-id", 3)
    assert known.whose(CLIENT, 4096) == ("binding", 7)
    known.close()
