"""Bindings of all kinds, and the questions whose a client is, at the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run

Answer = Callable[..., Any]


def test_ports_and_identities_are_bound_listed_found_and_removed(answer: Answer, run: Run) -> None:
    answer("subscriber", "add", "one", "--prefix", "10.0.0.1:1024-2047")
    assert answer("binding", "add", "MAC:00-11-22-AA-BB-CC", "one")["prefix"] == "mac:00:11:22:aa:bb:cc"
    shown = run("subscriber", "show", "one").stdout
    assert "10.0.0.1:1024-2047" in shown
    assert "mac:00:11:22:aa:bb:cc" in shown
    assert {each["prefix"] for each in answer("binding", "list")} == {
        "10.0.0.1:1024-2047",
        "mac:00:11:22:aa:bb:cc",
    }
    found = answer("subscriber", "find", "--address", "10.0.0.1", "--port", "1500")
    assert (found["line"], found["method"]) == (1, "binding")
    assert answer("subscriber", "find", "--address", "10.0.0.1")["line"] is None
    assert answer("subscriber", "find", "--identity", "mac:001122aabbcc")["subscriber"] == "one"
    unknown = run("subscriber", "find", "--identity", "cpe:other")
    assert "filterd binding add cpe:other SUBSCRIBER" in unknown.stderr + unknown.stdout
    answer("binding", "remove", "10.0.0.1:1024-2047")
    assert len(answer("binding", "list")) == 1


def test_what_overlaps_is_refused_with_its_owner(answer: Answer, run: Run) -> None:
    answer("subscriber", "add", "one", "--prefix", "10.0.0.1:1024-2047")
    refused = run("binding", "add", "10.0.0.1:2047", "one")
    assert refused.exit_code == 1
    assert "overlaps 10.0.0.1:1024-2047, which is bound to subscriber 'one'" in refused.stderr
    assert "filterd binding remove 10.0.0.1:1024-2047" in refused.stderr


def test_a_binding_that_moves_is_told_of_sessions(answer: Answer, run: Run, tmp_path: Path) -> None:
    answer("subscriber", "add", "one")
    for each in range(3):
        assert run("binding", "add", f"10.0.0.{each}", "one").stderr.count("session") == 0
    told = run("binding", "add", "10.0.0.9", "one")
    assert told.exit_code == 0
    assert "the bindings of this line changed 4 times within a day" in told.stderr
    assert "filterd session put" in told.stderr
    file = tmp_path / "lines.csv"
    file.write_text("subscriber,prefixes\none,10.0.0.10\n")
    told = run("subscriber", "import", str(file))
    assert told.exit_code == 0
    assert "the bindings of 1 line changed more than 3 times within a day" in told.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--subscriber", "one", "--client", "10.0.0.1"),
        ("--subscriber", "one", "--identity", "cpe:x"),
        ("--port", "5"),
        ("--client", "10.0.0.1", "--port", "0"),
    ],
)
def test_options_of_check_that_do_not_go_together(run: Run, options: tuple[str, ...]) -> None:
    refused = run("check", "adult.test.example", *options)
    assert refused.exit_code == 2
    assert refused.stderr


@pytest.mark.parametrize(
    "options", [(), ("--address", "10.0.0.1", "--identity", "cpe:x"), ("--identity", "cpe:x", "--port", "5")]
)
def test_find_is_asked_one_thing(run: Run, options: tuple[str, ...]) -> None:
    assert run("subscriber", "find", *options).exit_code == 2


def test_check_says_by_what_a_client_is_known(answer: Answer, run: Run) -> None:
    answer("feed", "update")
    answer("snapshot", "build")
    answer("subscriber", "add", "one", "--prefix", "10.0.0.1:1024-2047")
    shown = run("check", "adult.test.example", "--client", "10.0.0.1#1024").stdout
    assert "1, subscriber one (by binding)" in shown
    assert [line.split() for line in shown.splitlines() if " identify " in line] == [
        ["query", "identify", "binding", "10.0.0.1:1024-2047"]
    ]
    unknown = run("check", "adult.test.example", "--client", "10.0.0.1", "--port", "9", "--identity", "cpe:x")
    assert "the identity is not believed: dns.edns_id_from names no sender" in unknown.stdout + unknown.stderr


def test_an_identity_that_is_none_is_told_of_identities(answer: Answer, run: Run) -> None:
    """Seen: the remedy spoke of addresses and prefixes."""
    answer("feed", "update")
    answer("snapshot", "build")
    for words in (("check", "adult.test.example"), ("subscriber", "find")):
        told = " ".join(run(*words, "--identity", "ONT-77").stderr.split())
        assert "ONT-77 is no identity" in told
        assert "write cpe:ONT-77, mac:00:11:22:aa:bb:cc, device:TEXT or tlv:TEXT" in told
        assert "192.0.2" not in told
        other = " ".join(run(*words, "--identity", "2001:db8::1").stderr.split())
        assert "write cpe:TEXT, mac:" in other


@pytest.mark.parametrize(
    ("bound", "key"),
    [("cpe:ONT-77", "dns.edns_id_from names"), ("tlv:ONT-77", "dns.proxy_id_tlv name"), ("192.0.2.7", "")],
)
def test_a_binding_of_an_identity_that_nobody_may_say_is_warned_of(
    answer: Answer, run: Run, installation: Path, bound: str, key: str
) -> None:
    """Seen: the binding was made without a word, and check said later that the identity is not believed."""
    answer("subscriber", "add", "one")
    for _ in range(2):
        made = run("binding", "add", bound, "one")
        assert made.exit_code == 0
        assert ("nobody is believed" in made.stderr) == bool(key)
        assert key in " ".join(made.stderr.split())
    document = json.loads(installation.read_text())
    document["dns"] |= {"edns_id_from": ["10.0.0.1"], "proxy_from": ["10.0.0.1"], "proxy_id_tlv": 224}
    installation.write_text(json.dumps(document))
    assert "nobody is believed" not in run("binding", "add", bound, "one").stderr
