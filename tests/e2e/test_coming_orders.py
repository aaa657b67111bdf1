"""An order is known to the running resolver from when it is added: no device keeps what passes for a day."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment, ede, soon
from tests.e2e.small import small

pytestmark = pytest.mark.ring("night")

DAY = 86_400
CAP = 30
"""seconds, dns.block_ttl"""
LONG = DAY - 3600
"""more than this is left of a day while the test runs"""
ADDRESS = "203.0.113.5"
RECORDS = {
    ("ordered.example", "A"): ["192.0.2.1"],
    ("alias.example", "CNAME"): ["ordered.example."],
    ("service.example", "HTTPS"): ["1 ordered.example."],
    ("address.example", "A"): [ADDRESS, "192.0.2.2"],
    ("hint.example", "HTTPS"): [f"1 . ipv4hint={ADDRESS}"],
    ("later.example", "A"): ["192.0.2.3"],
    ("other.example", "A"): ["192.0.2.4"],
}
"""each has a twin below ``fresh-``, which nobody has asked for when the order comes"""
ASKED = [(name, "HTTPS" if kind == "HTTPS" else "A") for name, kind in list(RECORDS)[:5]]
STRANGER, OPTED_OUT = "127.0.0.9", "127.0.0.3"


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    twins = {(f"fresh-{name}", kind): data for (name, kind), data in RECORDS.items()}
    with small(tmp_path, {**RECORDS, **twins}, ttl=DAY) as made:
        made.write_config(orders={"approvals": 2})
        with made.serving():
            made.register("out", OPTED_OUT)
            yield made


def order(filterd: Deployment, *entries: str, more: tuple[str, ...] = ()) -> str:
    reference = filterd.order(*entries, more=("--accept-overblocking", *more))["reference"]
    return str(reference)


def longest(
    filterd: Deployment, name: str, kind: str = "A", source: str = STRANGER, tcp: bool = False
) -> int:
    """The longest TTL of an answer that passed, about which nothing is said."""
    answer = filterd.ask(name, kind, source, tcp=tcp)
    assert answer.answer
    assert ede(answer) == []
    return max(rrset.ttl for rrset in answer.answer)


def test_ttls_are_capped_from_the_addition_to_the_approval_or_the_withdrawal(
    filterd: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    everywhere = [
        (name, kind, source, tcp)
        for (name, kind), source, tcp in itertools.product(ASKED, (STRANGER, OPTED_OUT), (False, True))
    ]
    for asked in everywhere:
        assert longest(filterd, *asked) > LONG
    monkeypatch.setenv("SUDO_USER", "daemon")
    first = order(filterd, "ordered.example", "fresh-ordered.example", f"{ADDRESS}/32")
    assert soon(lambda: longest(filterd, "ordered.example") <= CAP, "the cap of a pending order")
    for name, kind, source, tcp in everywhere:
        assert longest(filterd, name, kind, source, tcp) <= CAP, "cached before"
        assert longest(filterd, f"fresh-{name}", kind, source, tcp) <= CAP
    assert longest(filterd, "other.example") > LONG

    told = filterd.run("check", "ordered.example")
    assert "under an order that is not in force yet" in told.stdout + told.stderr
    assert filterd.cli("check", "ordered.example")["coming"]
    assert not filterd.cli("check", "other.example")["coming"]

    monkeypatch.setenv("SUDO_USER", "bin")
    filterd.cli("order", "approve", first)
    assert soon(lambda: ede(filterd.ask("ordered.example")) == [16], "enforcement from the approval")
    for name, kind, source, tcp in everywhere:
        assert 16 in ede(filterd.ask(name, kind, source, tcp=tcp))
        assert 16 in ede(filterd.ask(f"fresh-{name}", kind, source, tcp=tcp))
    filterd.cli("order", "withdraw", first, "--reason", "lifted")
    assert soon(lambda: not ede(filterd.ask("ordered.example")))
    for asked in everywhere:
        assert longest(filterd, *asked) > LONG


def test_a_pending_or_future_order_caps_also_in_a_snapshot_until_it_is_withdrawn(
    filterd: Deployment,
) -> None:
    pending = order(filterd, "ordered.example")
    assert soon(lambda: longest(filterd, "ordered.example") <= CAP)
    filterd.cli("snapshot", "build")
    assert longest(filterd, "ordered.example") <= CAP
    filterd.write_config(orders={"approvals": 1})
    future = order(filterd, "later.example", more=("--not-before", "2030-01-01T00:00:00+00:00"))
    assert soon(lambda: longest(filterd, "later.example") <= CAP)
    for reference in (pending, future):
        filterd.cli("order", "withdraw", reference, "--reason", "mistyped")
    assert soon(lambda: longest(filterd, "ordered.example") > LONG)
    assert soon(lambda: longest(filterd, "later.example") > LONG)


def test_the_disk_remembers_a_pending_order(tmp_path: Path) -> None:
    with small(tmp_path, RECORDS, ttl=DAY) as made:
        made.write_config(orders={"approvals": 2})
        with made.serving():
            order(made, "ordered.example")
            assert soon(lambda: longest(made, "ordered.example") <= CAP)
        with made.serving():
            assert longest(made, "ordered.example") <= CAP
            assert longest(made, "other.example") > LONG
