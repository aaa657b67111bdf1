"""The servers of lists are found by the DNS servers of the settings, over UDP and TCP."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from filterd.config.settings import Settings
from filterd.config.value_types import Endpoint
from filterd.operations.feeds.server_addresses import server_addresses
from tests.e2e.authority import free_port
from tests.e2e.resolver_process import answering, upstream
from tests.worlds.installation import settings_in

RECORDS = {
    ("lists.example", "A"): ["192.0.2.1", "192.0.2.2"],
    ("lists.example", "AAAA"): ["2001:db8::1"],
    ("four.example", "A"): ["192.0.2.4"],
}


def with_resolver(base: Path, port: int) -> Settings:
    settings = settings_in(base)
    resolvers = (Endpoint(ip_address("127.0.0.1"), port),)
    return replace(settings, feeds=replace(settings.feeds, resolvers=resolvers))


async def test_both_kinds_of_addresses_are_found(tmp_path: Path) -> None:
    with upstream(answering(dict(RECORDS), 60)) as (port, _):
        async with server_addresses(with_resolver(tmp_path, port)) as lookup:
            first, *others = await lookup("Lists.Example")
            assert (first, sorted(others)) == ("2001:db8::1", ["192.0.2.1", "192.0.2.2"])
            assert await lookup("four.example") == ("192.0.2.4",)
            assert await lookup("none.example") == ()
            assert await lookup("a..b") == ()


async def test_a_dns_server_that_is_silent_is_no_name_without_addresses(tmp_path: Path) -> None:
    async with server_addresses(with_resolver(tmp_path, free_port())) as lookup:
        with pytest.raises(LookupError):
            await lookup("lists.example")
