"""A list under a moving address: only what its control file vouches for is taken."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from filterd.feed.registers.list_page import Marks
from filterd.fetch.client import Client
from filterd.fetch.failures import FetchError
from filterd.fetch.request import Access, Limits
from filterd.fetch.secrets import Secrets
from filterd.operations.registers.listed import ListedError, obtain
from tests.worlds.listed_site import PAGE, ListedFault, ListedSite
from tests.worlds.threaded_https import Address, serving

MARKS = Marks("elenco_siti.txt", "elenco_siti.sha-256")


@pytest.fixture
def site() -> ListedSite:
    return ListedSite(("betting.example", "casino.example"))


@pytest.fixture
def server(site: ListedSite, tmp_path: Path) -> Iterator[Address]:
    with serving(site, tmp_path / "tls") as found:
        yield found


async def nobody(host: str) -> tuple[str, ...]:
    raise LookupError(host)


async def obtained(server: Address, tmp_path: Path) -> bytes:
    limits = Limits(size=1 << 20, connect=5.0, stall=2.0, total=5.0, attempts=1)
    client = Client(Access(Secrets(tmp_path), ca=server.ca), limits, nobody, lambda: 0.0)

    async def get(address: str) -> bytes:
        sink = BytesIO()
        await client.get(address, sink)
        return sink.getvalue()

    return (await obtain(get, server.url + PAGE, MARKS)).content


async def test_the_list_is_found_wherever_it_moves(site: ListedSite, server: Address, tmp_path: Path) -> None:
    assert await obtained(server, tmp_path) == site.content()
    site.update("poker.example")
    assert b"poker.example" in await obtained(server, tmp_path)


async def test_an_update_midway_is_followed_by_the_page(
    site: ListedSite, server: Address, tmp_path: Path
) -> None:
    site.fault = ListedFault.MOVES_MIDWAY
    assert await obtained(server, tmp_path) == site.content()
    assert site.asked.count(PAGE) == 2


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (ListedFault.WRONG_CONTROL, "does not have the digest"),
        (ListedFault.NO_LINK, "no list"),
        (ListedFault.TWO_LINKS, "2 list"),
    ],
)
async def test_what_nobody_vouches_for_is_refused(
    site: ListedSite, server: Address, tmp_path: Path, fault: ListedFault, says: str
) -> None:
    site.fault = fault
    with pytest.raises(ListedError, match=says):
        await obtained(server, tmp_path)
    assert site.asked.count(PAGE) == 2


@pytest.mark.parametrize("fault", [ListedFault.SERVER_ERROR, ListedFault.SHORT])
async def test_a_server_that_fails_gives_nothing(
    site: ListedSite, server: Address, tmp_path: Path, fault: ListedFault
) -> None:
    site.fault = fault
    with pytest.raises(FetchError):
        await obtained(server, tmp_path)
