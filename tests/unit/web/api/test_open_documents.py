"""Documents that need no token: compressed where that is taken, and so many in a second."""

from __future__ import annotations

import pytest

from filterd.web.api import open_documents
from filterd.web.api.open_documents import OpenLimit, takes_gzip
from filterd.web.api.problems import RefusedCall
from tests.unit.web.conftest import Api

PATHS = ("/api/openapi.json", "/api/docs")


@pytest.mark.parametrize("path", PATHS)
async def test_a_document_is_compressed_where_that_is_taken(api: Api, path: str) -> None:
    client = api.bare()
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    small = await client.get(path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert (plain.status_code, small.status_code) == (200, 200)
    assert ("content-encoding" in plain.headers, small.headers["content-encoding"]) == (False, "gzip")
    assert small.content == plain.content
    assert int(small.headers["content-length"]) * 4 < int(plain.headers["content-length"])
    assert small.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert small.headers["content-security-policy"] == plain.headers["content-security-policy"]


def test_gzip_is_taken_where_it_is_named_with_a_weight() -> None:
    assert all(map(takes_gzip, ("gzip", "deflate, gzip;q=0.1", "GZIP ; q=1", "gzip;q=0.01")))
    assert not any(map(takes_gzip, ("", "br", "gzip;q=0", "gzip; q=0.000", "identity")))


def test_one_address_gets_so_many_and_all_together_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_documents, "OF_ADDRESS", 2)
    monkeypatch.setattr(open_documents, "OF_ALL", 3)
    now = [1.0]
    limit = OpenLimit(lambda: now[0])
    for each in ("a", "a", "b"):
        limit.take(each)
    for each in ("a", "b", "c"):
        with pytest.raises(RefusedCall):
            limit.take(each)
    now[0] = 2.0
    limit.take("a")


async def test_the_refusal_says_when_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_documents, "OF_ADDRESS", 0)
    refused = await api.bare().get(PATHS[0])
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["remedy"]
