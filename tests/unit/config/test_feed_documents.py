"""The keys of a feed's entry that say how its list arrives."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from filterd.config.feed_documents import read_feed
from filterd.config.feed_entries import definition_of, feed_of
from filterd.config.policy_values import DocumentValue, Problem
from filterd.policy.documents import Feed
from filterd.policy.feed_documents import BasicLogin, CertificateLogin, HeaderLogin

KEY = base64.b64encode(b"Ed" + bytes(40)).decode()
PIN = base64.b64encode(bytes(32)).decode()
ENTRY = {"id": "adult", "source": "https://lists.example/adult.txt", "format": "domains", "category": "adult"}
MANDATORY = {"mandatory": {"authority": "interpol", "ground": "adopted-list"}, "category": None}


def read(**changes: Any) -> tuple[Feed, list[str]]:
    problems: list[Problem] = []
    feed = read_feed(DocumentValue(ENTRY | changes, "feeds.yaml[0]", problems))
    return feed, [str(each) for each in problems]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"format": "ut1", "part": "adult", "observe": True, "stale_after": "2d"},
        {"mirrors": ["https://other.example/adult.txt"], "pins": [PIN]},
        {"mirrors": ["https://other.example/adult.txt"], "signature": {"public_key": KEY}, "ca": "lists.pem"},
        {"login": {"header": {"name": "X-Token", "value_file": "credential:lists"}}},
        {"login": {"basic": {"user": "us", "password_file": "/etc/filterd/password"}}},
        {"login": {"certificate": {"file": "client.pem", "key_file": "client.key"}}},
        {"guard": {"max_exchange": 0.1, "max_week_shrink": 0.2, "private_suffixes": True}},
        MANDATORY | {"signature": {"public_key": KEY}},
        MANDATORY | {"source": "lists/adult.txt"},
    ],
)
def test_an_entry_is_read_and_its_definition_gives_it_back(changes: dict[str, Any]) -> None:
    feed, problems = read(**changes)
    assert problems == []
    assert feed_of(definition_of(feed)) == feed


def test_the_values() -> None:
    mirrors = ["https://other.example:8443/a"]
    feed, _ = read(format="ut1", part="adult", mirrors=mirrors, pins=[PIN], stale_after="2d")
    assert feed.remote
    assert (feed.part, feed.stale_after, feed.pins) == ("adult", 172800, (PIN,))
    assert feed.mirrors == ("https://other.example:8443/a",)
    assert read(login={"basic": {"user": "u", "password_file": "/p"}})[0].login == BasicLogin("u", "/p")
    assert read(login={"header": {"name": "N", "value_file": "v"}})[0].login == HeaderLogin("N", "v")
    certificate = {"certificate": {"file": "c", "key_file": "k"}}
    assert read(login=certificate)[0].login == CertificateLogin("c", "k")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"source": "http://lists.example/adult.txt"}, ".source: a list is fetched by https:// only"),
        ({"source": "https://us:secret@lists.example/a"}, ".source: must not hold a password"),
        ({"source": "https://"}, ".source: is no address"),
        ({"source": "https://lists.example:port/"}, ".source: is no address"),
        ({"mirrors": ["https://other.example/a"]}, ".mirrors: mirrors are believed only with"),
        ({"mirrors": ["lists/a"], "source": "lists/b"}, ".mirrors: is for a source that is fetched"),
        ({"source": "lists/a", "pins": [PIN]}, ".pins: is for a source that is fetched"),
        ({"pins": ["secret"]}, ".pins[0]: is no SHA-256"),
        ({"signature": {"public_key": "RWQ"}}, ".signature.public_key: is no public key of minisign"),
        (MANDATORY, ": a mandatory list from a network needs signature"),
        (MANDATORY | {"source": "a", "observe": True}, ".observe: a mandatory list blocks"),
        ({"part": "../adult"}, ".part: is no name of a directory"),
        ({"part": "adult"}, ".part: is a category of an archive"),
        ({"login": {}}, ".login: must have exactly one of"),
        ({"login": {"basic": {"user": "u", "password": "secret"}}}, ".login.basic.password: unknown key"),
        ({"login": {"header": {"name": "a b", "value_file": "v"}}}, ".login.header.name: is no name"),
    ],
)
def test_a_wrong_entry_is_refused_and_no_secret_is_quoted(changes: dict[str, Any], problem: str) -> None:
    _, problems = read(**changes)
    assert any(each.startswith(f"feeds.yaml[0]{problem}") for each in problems), problems
    assert not any("secret" in each for each in problems)
