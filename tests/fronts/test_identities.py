"""The order of trust with real fronts: dnsdist, which adds identities, and dnsmasq as a CPE.

Each row of the table in docs/sessions.md is a client behind dnsdist here (``test_sessions_page`` compares
them). Every line has a name that is blocked for it alone, so that the answers say which line a client was
taken for; and never two.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import pytest

from tests.e2e.authority import free_port, running
from tests.e2e.deployment import soon
from tests.fronts.servers import program
from tests.worlds.network_namespace import in_own_network, interface, ip
from tests.worlds.session_site import OPEN, SessionSite, session_site

CPE_OPTION, TLV = 65074, 0xE0
BY_PROXY, BY_SUBNET = "127.0.0.201", "127.0.0.202"
"""the addresses that dnsdist sends from: with PROXY headers, and with the client's subnet"""
MAC = "00:11:22:aa:bb:cc"
LINES = ("by-cpe", "by-tlv", "by-session", "by-binding", "by-mac")


@dataclass(frozen=True, slots=True)
class Row:
    """A client: what the front adds for it, what is known of its address, and the line that it must be."""

    client: str
    adds: frozenset[str]
    session: bool
    binding: bool
    line: str | None


ROWS = {
    "the EDNS id before all others": Row("127.0.0.31", frozenset({"cpe", "tlv"}), True, True, "by-cpe"),
    "the TLV before session and binding": Row("127.0.0.32", frozenset({"tlv"}), True, True, "by-tlv"),
    "the session before the binding": Row("127.0.0.33", frozenset(), True, True, "by-session"),
    "the binding last": Row("127.0.0.34", frozenset(), False, True, "by-binding"),
    "nothing known": Row("127.0.0.35", frozenset(), False, False, None),
    "an EDNS id that nobody has falls through": Row(
        "127.0.0.36", frozenset({"stranger", "tlv"}), True, True, "by-tlv"
    ),
    "a TLV that nobody has falls through": Row(
        "127.0.0.37", frozenset({"stranger-tlv"}), True, True, "by-session"
    ),
}
_RULES = {
    "cpe": f'SetEDNSOptionAction({CPE_OPTION}, "cpe-1")',
    "stranger": f'SetEDNSOptionAction({CPE_OPTION}, "cpe-nobody")',
    "tlv": f'SetAdditionalProxyProtocolValueAction({TLV}, "tlv-1")',
    "stranger-tlv": f'SetAdditionalProxyProtocolValueAction({TLV}, "tlv-nobody")',
}


@contextlib.contextmanager
def dnsdist(folder: Path, filterd: int, server: str) -> Iterator[int]:
    """dnsdist that adds what the rows say; ``server``: more keys of its upstream. Yields its port."""
    port = free_port()
    rules = [
        f'addAction(makeRule("{row.client}/32"), {_RULES[each]})'
        for row in ROWS.values()
        for each in sorted(row.adds)
    ]
    config = folder / "dnsdist.conf"
    config.write_text(
        f'setLocal("127.0.0.1:{port}")\nsetACL({{"0.0.0.0/0"}})\nsetSecurityPollSuffix("")\n'
        "setECSSourcePrefixV4(32)\nsetECSOverride(true)\n"
        f'newServer{{address="127.0.0.1:{filterd}", healthCheckMode="up", {server}}}\n'
        + "\n".join(rules)
        + "\n"
    )
    words = [program("dnsdist"), "--supervised", "--disable-syslog", "-C", str(config)]
    with running(words, port, OPEN, folder / "dnsdist.log") as ready:
        yield ready


def _prepare(site: SessionSite) -> None:
    for line in LINES:
        site.mark(line)
    site.filterd.cli("binding", "add", "cpe:cpe-1", "by-cpe")
    site.filterd.cli("binding", "add", "tlv:tlv-1", "by-tlv")
    site.filterd.cli("binding", "add", f"mac:{MAC}", "by-mac")
    for row in ROWS.values():
        if row.binding:
            site.filterd.cli("binding", "add", f"{row.client}/32", "by-binding")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SessionSite]:
    """A running installation that believes two senders, with the sessions of the rows."""
    trusting = {
        "proxy_from": [f"{BY_PROXY}/32"],
        "proxy_id_tlv": TLV,
        "ecs_from": [f"{BY_SUBNET}/32"],
        "edns_id_from": [f"{BY_PROXY}/32", f"{BY_SUBNET}/32"],
    }
    folder = tmp_path_factory.mktemp("identities")
    with session_site(folder, dns_section=trusting, prepare=_prepare) as made:
        for row in ROWS.values():
            if row.session:
                made.filterd.cli("session", "put", row.client, "by-session")
        assert soon(lambda: made.recognised(_asking(made.filterd.port, "127.0.0.33")) == ["by-session"])
        yield made


def _asking(
    port: int, client: str, *, tcp: bool = False, options: tuple[dns.edns.Option, ...] = ()
) -> Callable[[str], dns.message.Message]:
    def ask(name: str) -> dns.message.Message:
        query = dns.message.make_query(name, "A", use_edns=0, options=list(options))
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, "127.0.0.1", port=port, source=client, timeout=3.0)

    return ask


@pytest.mark.system("dnsdist")
@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_order_of_trust_behind_dnsdist_with_proxy_headers(
    site: SessionSite, row: Row, tcp: bool, tmp_path: Path
) -> None:
    server = f'source="{BY_PROXY}", useProxyProtocol=true'
    with dnsdist(tmp_path, site.filterd.port, server) as front:
        found = site.recognised(_asking(front, row.client, tcp=tcp))
    assert found == ([row.line] if row.line else []), site.filterd.log()


@pytest.mark.system("dnsdist")
@pytest.mark.parametrize(
    "row", [row for row in ROWS.values() if "tlv" not in row.adds and "stranger-tlv" not in row.adds]
)
def test_the_order_of_trust_behind_dnsdist_with_the_client_s_subnet(
    site: SessionSite, row: Row, tmp_path: Path
) -> None:
    server = f'source="{BY_SUBNET}", useClientSubnet=true'
    with dnsdist(tmp_path, site.filterd.port, server) as front:
        found = site.recognised(_asking(front, row.client))
    assert found == ([row.line] if row.line else []), site.filterd.log()


@pytest.mark.system("dnsdist")
@pytest.mark.parametrize(
    ("client", "sent", "line"),
    [("127.0.0.31", b"cpe-nobody", "by-cpe"), ("127.0.0.35", b"cpe-1", "by-cpe")],
    ids=["an option that dnsdist sets replaces it", "without a rule it passes it on"],
)
def test_a_client_that_sends_an_id_itself_behind_dnsdist(
    site: SessionSite, client: str, sent: bytes, line: str, tmp_path: Path
) -> None:
    """Either way the front is believed: it has to set the option for every client."""
    option = dns.edns.GenericOption(dns.edns.OptionType.make(CPE_OPTION), sent)
    with dnsdist(tmp_path, site.filterd.port, f'source="{BY_PROXY}", useProxyProtocol=true') as front:
        assert site.recognised(_asking(front, client, options=(option,))) == [line], site.filterd.log()


def test_identities_of_senders_that_nobody_named_are_passed_over(site: SessionSite) -> None:
    option = dns.edns.GenericOption(dns.edns.OptionType.make(CPE_OPTION), b"cpe-1")
    hardware = dns.edns.GenericOption(dns.edns.OptionType.make(65001), bytes.fromhex(MAC.replace(":", "")))
    asking = _asking(site.filterd.port, "127.0.0.35", options=(option, hardware))
    assert site.recognised(asking) == []
    asking = _asking(site.filterd.port, "127.0.0.33", options=(option,))
    assert site.recognised(asking) == ["by-session"]


def test_the_metric_says_how_lines_were_recognised(site: SessionSite) -> None:
    site.recognised(_asking(site.filterd.port, "127.0.0.33"))
    site.recognised(_asking(site.filterd.port, "127.0.0.34"))
    _, figures = site.filterd.http(site.filterd.metrics, "/metrics")
    for method in ("session", "binding"):
        assert f'filterd_identified_total{{method="{method}"}}' in figures, figures


@pytest.mark.system("dnsmasq")
@pytest.mark.parametrize(
    ("added", "line"),
    [
        ("add-mac", "by-mac"),
        ("add-mac=base64", "by-mac"),
        ("add-mac=text", "by-mac"),
        ("add-cpe-id=cpe-1", "by-cpe"),
        ("add-mac\nadd-cpe-id=cpe-1", "by-mac"),
        ("# nothing", None),
    ],
)
def test_dnsmasq_in_a_cpe_tells_the_device_or_itself(added: str, line: str | None, tmp_path: Path) -> None:
    """In a network of its own, since dnsmasq takes hardware addresses from an interface's neighbours."""
    in_own_network(lambda: _ask_by_dnsmasq(added, line, tmp_path))


HARDWARE = dns.edns.GenericOption(dns.edns.OptionType.make(65001), bytes.fromhex(MAC.replace(":", "")))
CPE_ID = dns.edns.GenericOption(dns.edns.OptionType.make(CPE_OPTION), b"cpe-1")


@pytest.mark.system("dnsmasq")
@pytest.mark.parametrize(
    ("added", "option", "line"),
    [
        ("add-mac", HARDWARE, "by-mac"),
        ("add-mac\nstrip-mac", HARDWARE, None),
        ("add-cpe-id=cpe-2", CPE_ID, None),
        ("# nothing", CPE_ID, "by-cpe"),
    ],
    ids=["add-mac alone passes it on", "strip-mac", "add-cpe-id replaces it", "nothing passes it on"],
)
def test_a_device_that_sends_an_id_itself_behind_dnsmasq(
    added: str, option: dns.edns.Option, line: str | None, tmp_path: Path
) -> None:
    """The device's own hardware address and router are nobody's: only what it sends leads to a line."""
    in_own_network(lambda: _ask_by_dnsmasq(added, line, tmp_path, "00:11:22:aa:bb:01", (option,)))


def _ask_by_dnsmasq(
    added: str,
    line: str | None,
    folder: Path,
    hardware: str = MAC,
    options: tuple[dns.edns.Option, ...] = (),
) -> None:
    interface("home0")
    for address in ("192.0.2.1", "192.0.2.5"):
        ip("address", "add", f"{address}/24", "dev", "home0")
    ip("neighbour", "replace", "192.0.2.5", "lladdr", hardware, "dev", "home0", "nud", "permanent")
    trusting = {"edns_id_from": ["127.0.0.1/32"]}
    with session_site(folder, dns_section=trusting, prepare=_prepare) as site:
        port, config = free_port(), folder / "dnsmasq.conf"
        config.write_text(
            f"port={port}\nlisten-address=192.0.2.1,127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\n"
            f"server=127.0.0.1#{site.filterd.port}\ncache-size=0\nuser=\ngroup=\nlog-facility=-\n{added}\n"
        )
        words = [program("dnsmasq"), "--keep-in-foreground", f"--conf-file={config}", "--pid-file="]
        with running(words, port, OPEN, folder / "dnsmasq.log"):

            def ask(name: str) -> dns.message.Message:
                query = dns.message.make_query(name, "A", use_edns=0, options=list(options))
                return dns.query.udp(query, "192.0.2.1", port=port, source="192.0.2.5", timeout=3.0)

            assert site.recognised(ask) == ([line] if line else []), site.filterd.log()
