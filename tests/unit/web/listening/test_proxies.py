"""Proxies: whom the API believes about its clients, and what a client cannot write into a header."""

from __future__ import annotations

from ipaddress import ip_network

import httpx
import pytest

from filterd.config.value_types import Endpoint, parse_endpoint
from filterd.config.web_settings import ApiSettings, WebSettings
from filterd.model.token import TokenRole
from filterd.web.api.application import make_api
from filterd.web.listening.proxies import client_of
from tests.unit.web.conftest import BASE, Api

LINES = "/api/v1/subscribers"
PROXY, CLIENT, OTHER = "198.51.100.1", "192.0.2.7", "203.0.113.9"
LISTEN: Endpoint = parse_endpoint("127.0.0.1:0")


@pytest.fixture
def fronted(api: Api) -> Api:
    """The API behind a proxy, which clients reach by a public URL."""
    proxies = (ip_network("198.51.100.0/24"), ip_network("2001:db8:f::/64"))
    web = WebSettings(ApiSettings(LISTEN, 64, 1_000), None, proxies, "https://api.isp.example")
    app, state = make_api(api.context, 1_000, web)
    return Api(app, state, api.context, api.installation)


@pytest.mark.ring("night")
@pytest.mark.parametrize(
    ("peer", "forwarded", "admitted"),
    [
        (PROXY, CLIENT, True),
        (PROXY, f"{OTHER}, {CLIENT}", True),
        (PROXY, f"{CLIENT}, {OTHER}", False),
        (PROXY, f"{CLIENT}, 198.51.100.7", True),
        (PROXY, f"{CLIENT}:4711", True),
        (PROXY, "unknown", False),
        (PROXY, "", False),
        (PROXY, f"{CLIENT}, ", False),
        (OTHER, CLIENT, False),
        (CLIENT, OTHER, True),
        ("2001:db8:f::1", CLIENT, True),
        ("2001:db8:e::1", CLIENT, False),
        ("::ffff:198.51.100.1", CLIENT, True),
    ],
)
async def test_a_trusted_proxy_alone_says_where_a_client_is(
    fronted: Api, peer: str, forwarded: str, admitted: bool
) -> None:
    made = await fronted.token(TokenRole.OPERATOR, networks=("192.0.2.0/24",))
    client = fronted.with_secret(made.secret, address=peer)
    reply = await client.get(LINES, headers={"X-Forwarded-For": forwarded})
    assert reply.status_code == (200 if admitted else 401)


def test_the_client_is_the_last_that_is_no_proxy() -> None:
    def trusted(address: object) -> bool:
        return str(address).startswith("10.")

    found = {
        "192.0.2.1, 10.0.0.1": "192.0.2.1",
        "10.0.0.2, 10.0.0.1": "10.0.0.2",
        "[2001:db8::1]:443": "2001:db8::1",
        "2001:db8::1": "2001:db8::1",
        "192.0.2.1, nonsense, 10.0.0.1": None,
    }
    for text, address in found.items():
        client = client_of(text, trusted)
        assert (None if client is None else str(client)) == address


@pytest.mark.ring("night")
async def test_links_and_the_description_have_the_public_url(fronted: Api, api: Api) -> None:
    for each, begins in ((fronted, "https://api.isp.example"), (api, "")):
        client = await each.client(TokenRole.PROVISIONING, "billing")
        made = await client.post(
            LINES, json={"id": f"a{len(begins)}"}, headers={"X-Forwarded-Host": "evil.example"}
        )
        assert made.headers["location"] == f"{begins}{LINES}/a{len(begins)}"
        document = (await each.bare().get("/api/openapi.json")).json()
        assert document.get("servers", [{"url": ""}]) == [{"url": begins}]


@pytest.mark.ring("night")
@pytest.mark.parametrize("text", ["a\r\nSet-Cookie: b=c", "a\nb", "a\0b", "a\x1b[2J"])
async def test_nobody_writes_headers_by_an_id(fronted: Api, text: str) -> None:
    client = await fronted.client(TokenRole.PROVISIONING, "billing")
    refused = await client.post(LINES, json={"id": text})
    assert (refused.status_code, "set-cookie" in refused.headers) == (422, False)
    path = httpx.URL(BASE + LINES + "/" + "".join(f"%{ord(each):02x}" for each in text))
    for reply in (await client.get(path), await client.get(LINES, params={"after": text})):
        assert "set-cookie" not in reply.headers
        assert reply.status_code in (200, 404, 422)


async def test_requests_are_counted_by_group_and_status_alone(fronted: Api) -> None:
    client = await fronted.client(TokenRole.SUPPORT, "desk")
    await client.get(f"{LINES}/nobody")
    await client.get("/api/v1/audit")
    await fronted.bare().get(f"{LINES}/nobody")
    await fronted.bare().get("/api/v1/secret-path")
    await fronted.bare().get("/")
    counts = fronted.state.counts
    assert counts.copied() == {
        ("subscribers", "404"): 1,
        ("audit", "403"): 1,
        ("subscribers", "401"): 1,
        ("other", "404"): 2,
    }
    assert (counts.in_flight, sum(counts.seconds["subscribers"].counts)) == (0, 2)
