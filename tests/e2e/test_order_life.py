"""The life of orders on a running node: suspensions and terms end by themselves, with nobody to tell it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.deployment import Deployment, ede, soon, stop
from tests.e2e.small import small

CENSORED = 16
"""the extended error of an order (RFC 8914)"""
RECORDS = {
    ("ordered.example", "A"): ["192.0.2.1"],
    ("ending.example", "A"): ["192.0.2.2"],
    ("lifted.example", "A"): ["192.0.2.3"],
    ("shop.portal.example", "A"): ["192.0.2.4"],
    ("www.portal.example", "A"): ["192.0.2.5"],
    ("help.example", "A"): ["192.0.2.6"],
}


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    with small(tmp_path, RECORDS) as made:
        yield made


def blocked(filterd: Deployment, name: str) -> bool:
    return CENSORED in ede(filterd.ask(name))


def ahead(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def test_nodes_resume_and_end_orders_without_control_which_notes_it_afterwards(filterd: Deployment) -> None:
    with filterd.serving():
        for name in ("ordered.example", "lifted.example"):
            filterd.order(name)
            assert soon(partial(blocked, filterd, name)), "an order in force"
        filterd.order("ending.example", more=("--not-after", ahead(15)))
        assert soon(lambda: blocked(filterd, "ending.example"))
        paper = ("--document", "P-2", "--reason", "the authority asked")
        filterd.cli("order", "lift", "O-2", *paper, "--received-at", ahead(-60))
        assert soon(lambda: not blocked(filterd, "lifted.example"), "an order lifted")
        filterd.cli("order", "suspend", "O-1", *paper, "--until", ahead(12))
        assert soon(lambda: not blocked(filterd, "ordered.example"), "an order suspended")
    resolver = filterd.start("--role", "resolver")
    try:
        assert soon(lambda: filterd.http(filterd.metrics, "/readyz")[0] == 200, seconds=30)
        assert soon(lambda: blocked(filterd, "ordered.example"), seconds=30), "resumed by the node alone"
        assert soon(lambda: not blocked(filterd, "ending.example"), seconds=30), "ended by the node alone"
        assert not blocked(filterd, "lifted.example")
        states = [each["state"] for each in filterd.cli("order", "list")]
        assert states == ["suspended", "lifted", "accepted"], "nobody was there to note it"
    finally:
        stop(resolver)
    with filterd.serving():

        def shown(number: int) -> Any:
            return filterd.cli("order", "show", f"O-{number}")

        assert soon(lambda: shown(1)["state"] == "accepted" and shown(3)["state"] == "expired", seconds=30)
        assert [each["kind"] for each in shown(1)["steps"]] == ["suspended", "resumed"]
        assert shown(3)["steps"][0]["actor"] == "control"
        assert shown(3)["steps"][0]["at"] == shown(3)["demand"]["not_after"]
        assert blocked(filterd, "ordered.example")
        assert not blocked(filterd, "ending.example")
        filterd.cli("order", "suspend", "O-1", *paper, "--until", ahead(3600))
        assert soon(lambda: not blocked(filterd, "ordered.example"))
        filterd.cli("order", "resume", "O-1", "--reason", "the authority asked")
        assert soon(lambda: blocked(filterd, "ordered.example"), "an order resumed")
    filterd.cli("audit", "verify")


def test_two_people_override_protection_and_nothing_beside_those_names_is_lost(
    filterd: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is enforced once a snapshot is compiled; with the order's end the name is protected again."""
    why = ("--override-protection", "--proportionality", "one shop of many, named by the judge")
    with filterd.serving():
        monkeypatch.setenv("SUDO_USER", "daemon")
        order = filterd.order("shop.portal.example", "help.example", more=("--scope", "exact", *why))
        assert (order["state"], {each["kind"] for each in order["reach"]}) == ("pending", {"protected"})
        monkeypatch.setenv("SUDO_USER", "nobody")
        filterd.cli("order", "approve", "O-1")
        assert soon(lambda: blocked(filterd, "shop.portal.example"), "an order that overrides protection")
        assert blocked(filterd, "help.example")
        assert not blocked(filterd, "www.portal.example")
        assert filterd.cli("order", "show", "O-1")["protected"]["count"] == 0
        filterd.cli("order", "withdraw", "O-1", "--reason", "the judge lifted it", "--emergency")
        assert soon(lambda: not blocked(filterd, "shop.portal.example"), "an order withdrawn")
        again = filterd.order("shop.portal.example")
        assert again["state"] == "quarantined"
