"""The connections to a platform of tickets: logins that expire, failures with their words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from filterd.feed.registers.ticket_messages import read_tickets, read_tokens
from filterd.fetch.failures import FetchError, FetchFailure
from filterd.fetch.known_login import KnownLogin
from filterd.fetch.secrets import Secrets
from filterd.fetch.ticket_platform import LOGIN, REFRESH, Platform, PlatformAccount
from tests.worlds.threaded_https import Address, serving
from tests.worlds.ticket_platform import EMAIL, PASSWORD, PlatformFault, TicketPlatform

ALL = "/api/v1/ticket/get/all"


@pytest.fixture
def platform() -> TicketPlatform:
    found = TicketPlatform()
    found.add("T-1", "stream.example", at=1_795_809_600)
    return found


@pytest.fixture
def server(platform: TicketPlatform, tmp_path: Path) -> Iterator[Address]:
    (tmp_path / "password").write_text(PASSWORD)
    with serving(platform, tmp_path / "tls") as found:
        yield found


async def nobody(host: str) -> tuple[str, ...]:
    raise LookupError(host)


def connect(server: Address, tmp_path: Path, known: KnownLogin | None = None) -> Platform:
    account = PlatformAccount(server.url, EMAIL, "password", server.ca, timeout=5.0)
    return Platform(account, Secrets(tmp_path), nobody, read_tokens, known)


async def test_a_login_is_kept_renewed_and_done_anew(
    platform: TicketPlatform, server: Address, tmp_path: Path
) -> None:
    known = KnownLogin()
    for _ in range(2):
        async with connect(server, tmp_path, known) as found:
            assert len(read_tickets(await found.get(ALL)).tickets) == 1
    assert (platform.counted[LOGIN], platform.counted[REFRESH]) == (1, 0)
    platform.expire()
    async with connect(server, tmp_path, known) as found:
        await found.get(ALL)
    assert (platform.counted[LOGIN], platform.counted[REFRESH]) == (1, 1)
    platform.expire(wholly=True)
    async with connect(server, tmp_path, known) as found:
        await found.get(ALL)
    assert (platform.counted[LOGIN], platform.counted[REFRESH]) == (2, 2)
    assert PASSWORD not in repr(known)


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (PlatformFault.LOCKED, FetchFailure.LOGIN),
        (PlatformFault.NO_RENEWAL, FetchFailure.LOGIN),
        (PlatformFault.SERVER_ERROR, FetchFailure.SERVER_ERROR),
        (PlatformFault.NO_JSON, FetchFailure.UNASKED),
    ],
)
async def test_a_failure_has_its_words_and_holds_no_secret(
    platform: TicketPlatform, server: Address, tmp_path: Path, fault: PlatformFault, failure: FetchFailure
) -> None:
    platform.fault = fault
    async with connect(server, tmp_path) as found:
        with pytest.raises(FetchError) as caught:
            await found.get(ALL)
    assert caught.value.failure is failure
    assert PASSWORD not in str(caught.value)


async def test_a_password_that_is_not_there_is_told(server: Address, tmp_path: Path) -> None:
    (tmp_path / "password").unlink()
    async with connect(server, tmp_path) as found:
        with pytest.raises(FetchError, match="password: No such file"):
            await found.get(ALL)


async def test_only_the_authority_that_is_named_is_believed(server: Address, tmp_path: Path) -> None:
    account = PlatformAccount(server.url, EMAIL, "password", None, timeout=5.0)
    async with Platform(account, Secrets(tmp_path), nobody, read_tokens) as found:
        with pytest.raises(FetchError) as caught:
            await found.get(ALL)
    assert caught.value.failure is FetchFailure.UNKNOWN_AUTHORITY


async def test_replies_are_posted(platform: TicketPlatform, server: Address, tmp_path: Path) -> None:
    async with connect(server, tmp_path) as found:
        await found.post("/api/v1/ticket/item/set/processed", {"value": "stream.example"})
        with pytest.raises(FetchError):
            await found.post("/api/v1/nothing", {})
    assert platform.processed == ["stream.example"]
