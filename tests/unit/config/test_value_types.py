"""The domain types of the settings: what they take, what they refuse, and that they are written as read."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.config import value_types
from filterd.config.resolvers import is_local, loops


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        (7, 7),
        (0, 0),
        ("0", 0),
        ("5B", 5),
        ("2kB", 2_000),
        ("2MB", 2_000_000),
        ("2GB", 2_000_000_000),
        ("2KiB", 2_048),
        ("2 MiB", 2_097_152),
        ("2GiB", 2_147_483_648),
    ],
)
def test_sizes(text: object, size: int) -> None:
    assert value_types.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", -1, True, None, "1.5GiB", "1 mib", "1TiB", [], 1.0])
def test_not_sizes(text: object) -> None:
    with pytest.raises(ValueError, match="not a size"):
        value_types.parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (30, 30),
        ("30s", 30),
        ("1m", 60),
        ("1h30m", 5400),
        ("1d", 86400),
        ("2w", 1209600),
        ("1w2d3h4m5s", 788645),
        (0, 0),
        ("0s", 0),
    ],
)
def test_durations(text: object, seconds: int) -> None:
    assert value_types.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "1m1h", "-1s", True, None, 1.5, "1 h"])
def test_not_durations(text: object) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        value_types.parse_duration(text)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_endpoints_are_read_as_they_are_written(address: object, port: int) -> None:
    endpoint = value_types.Endpoint(ip_address(str(address)), port)
    assert value_types.parse_endpoint(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    "text", ["", "::1:53", "[127.0.0.1]:53", "[::1]", "127.0.0.1", "1.2.3.4:x", "1.2.3.4:65536", "a:53", 53]
)
def test_not_endpoints(text: object) -> None:
    with pytest.raises(ValueError, match="not an address with a port"):
        value_types.parse_endpoint(text)


def test_a_default_port() -> None:
    assert value_types.parse_endpoint("192.0.2.1", 53).port == 53
    assert value_types.parse_endpoint("[2001:db8::1]", 53).port == 53
    assert value_types.parse_endpoint("192.0.2.1:5353", 53).port == 5353


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (
        value_types.parse_size,
        value_types.parse_duration,
        value_types.parse_endpoint,
        value_types.parse_network,
        value_types.parse_node_name,
        value_types.parse_store_url,
    ):
        try:
            parse(text)
        except ValueError as error:
            assert repr(text) in str(error)


@pytest.mark.parametrize(("port", "taken"), [("0", True), ("65535", True), ("65536", False)])
def test_the_ports_that_there_are(port: str, taken: bool) -> None:
    if taken:
        assert value_types.parse_endpoint(f"192.0.2.1:{port}").port == int(port)
    else:
        with pytest.raises(ValueError, match="not an address with a port"):
            value_types.parse_endpoint(f"192.0.2.1:{port}")


@pytest.mark.parametrize(
    ("text", "network"), [("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.1", "192.0.2.1/32"), ("::1", "::1/128")]
)
def test_networks(text: str, network: str) -> None:
    assert str(value_types.parse_network(text)) == network


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("192.0.2.1/24", "did you mean 192.0.2.0/24"),
        ("nonsense", "not an address prefix: 'nonsense'"),
        (5, "not an address prefix: 5"),
        ("fe80::1%lo", "has a zone"),
        ("10.0.0.0/33", "not an address prefix"),
    ],
)
def test_not_networks(text: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        value_types.parse_network(text)


@pytest.mark.parametrize(("length", "taken"), [(1, True), (63, True), (64, False)])
def test_the_length_of_a_node_name(length: int, taken: bool) -> None:
    if taken:
        assert value_types.parse_node_name("n" * length) == "n" * length
    else:
        with pytest.raises(ValueError, match="at most 63"):
            value_types.parse_node_name("n" * length)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dns.example", "dns.example"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("a" * 63, "a" * 63),
        (".".join(["a" * 63] * 3 + ["b" * 61]), ".".join(["a" * 63] * 3 + ["b" * 61])),
    ],
)
def test_names_of_certificates(text: str, name: str) -> None:
    assert value_types.parse_tls_name(text) == name


@pytest.mark.parametrize("text", ["", "a" * 64, ".".join(["a" * 63] * 3 + ["b" * 62]), "a..b", "a.", "-a", 7])
def test_not_names_of_certificates(text: object) -> None:
    with pytest.raises(ValueError, match="certificate"):
        value_types.parse_tls_name(text)


@pytest.mark.parametrize(
    ("text", "identity"), [("auto", "auto"), ("hidden", "hidden"), ("resolver-1", "resolver-1")]
)
def test_identities(text: str, identity: str) -> None:
    assert value_types.parse_identity(text) == identity


def test_stores() -> None:
    assert value_types.parse_store_url("sqlite:////var/lib/f.db") == "sqlite:////var/lib/f.db"
    for wrong in ("sqlite:///var/lib/f.db", "sqlite:////", "postgresql://a/b", "sqlite:////a?x=1", 7):
        with pytest.raises(ValueError, match="four slashes"):
            value_types.parse_store_url(wrong)


@pytest.mark.parametrize(
    ("upstream", "listen", "expected"),
    [
        ("127.0.0.1:53", "127.0.0.1:53", True),
        ("127.0.0.1:53", "127.0.0.1:5300", False),
        ("127.0.0.53:53", "0.0.0.0:53", True),
        ("[::1]:53", "0.0.0.0:53", False),
        ("127.0.0.1:53", "[::]:53", True),
        ("192.0.2.1:53", "0.0.0.0:53", False),
        ("0.0.0.0:53", "0.0.0.0:53", True),
    ],
)
def test_loops(upstream: str, listen: str, expected: bool) -> None:
    assert loops(value_types.parse_endpoint(upstream), [value_types.parse_endpoint(listen)]) is expected


def test_a_wildcard_listener_on_an_address_of_the_machine() -> None:
    upstream, listen = (
        value_types.parse_endpoint("198.51.100.7:53"),
        [value_types.parse_endpoint("0.0.0.0:53")],
    )
    assert loops(upstream, listen, local=lambda _: True)
    assert not is_local(ip_address("198.51.100.7"))


@pytest.mark.parametrize("text", ["America/Mexico_City", "Europe/Madrid", "UTC", "America/Argentina/Ushuaia"])
def test_zones(text: str) -> None:
    assert value_types.parse_zone(text) == text


@pytest.mark.parametrize(
    "text", ["", "America", "Mars/Olympus", "../etc/passwd", "right/UTC", "posixrules", 6, None, ["UTC"]]
)
def test_not_zones(text: object) -> None:
    with pytest.raises(ValueError, match=r"not a time zone: .*write it like America/Mexico_City"):
        value_types.parse_zone(text)
