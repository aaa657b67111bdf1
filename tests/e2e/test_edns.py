"""A resolver process and EDNS: cookies that outlast it, secrets that nodes share, clients others name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.e2e.authority import free_port
from tests.e2e.resolver_process import ResolverProcess, resolver_of, resolver_settings
from tests.worlds.node import make_store

CLIENT = b"\1\2\3\4\5\6\7\x08"
COOKIE, SUBNET = 10, 8
FORWARDER = "127.0.0.9"


@pytest.fixture
def resolver(tmp_path: Path) -> Iterator[ResolverProcess]:
    """Started, with nothing published: its answers are errors, which carry the options like all others."""
    make_store(tmp_path / "filterd.db")
    settings = resolver_settings(tmp_path, free_port(), ecs_from=[f"{FORWARDER}/32"])
    made = resolver_of(settings, tmp_path / "log")
    made.start()
    yield made
    made.stop()


def ask(
    resolver: ResolverProcess, *options: dns.edns.Option, source: str = "127.0.0.1"
) -> dns.message.Message:
    query = dns.message.make_query("www.example", "A", use_edns=0, options=list(options))
    return dns.query.udp(query, "127.0.0.1", port=resolver.port, source=source, timeout=5)


def content(reply: dns.message.Message, code: int) -> bytes | None:
    """The option's content, None where there is none."""
    return next((option.to_wire() for option in reply.options if option.otype == code), None)


def cookie_for(resolver: ResolverProcess, sent: bytes) -> bytes:
    option = dns.edns.GenericOption(dns.edns.OptionType.make(COOKIE), sent)
    found = content(ask(resolver, option), COOKIE)
    assert found is not None
    return found


def test_a_cookie_outlasts_the_process_that_made_it(resolver: ResolverProcess) -> None:
    made = cookie_for(resolver, CLIENT)
    assert (made[:9], len(made)) == (CLIENT + b"\1", 24)
    resolver.kill()
    resolver.start()
    assert cookie_for(resolver, made) == made


def test_shared_secrets_come_into_force_without_a_restart(resolver: ResolverProcess, tmp_path: Path) -> None:
    made = cookie_for(resolver, CLIENT)
    shared = tmp_path / "cookies"
    shared.write_text("00" * 16)
    shared.chmod(0o600)
    dns_part = resolver.settings["dns"]
    assert isinstance(dns_part, dict)
    resolver.tell({**resolver.settings, "dns": {**dns_part, "cookie_secret_file": str(shared)}})
    resolver.wait_for(lambda: cookie_for(resolver, made) != made)


def test_a_forwarder_and_nobody_else_gets_its_subnet_back(resolver: ResolverProcess) -> None:
    subnet = dns.edns.ECSOption("198.51.100.7", 32, 0)
    named = ask(resolver, subnet, source=FORWARDER)
    assert (named.rcode(), content(named, SUBNET)) == (dns.rcode.REFUSED, b"\0\1\x20\x20\xc6\x33\x64\x07")
    other = ask(resolver, subnet)
    assert (other.rcode(), content(other, SUBNET)) == (dns.rcode.SERVFAIL, None)
