"""The configuration: defaults, every kind of value, all errors at once with their paths, what is resolved."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path

import pytest

from filterd.config import raw
from filterd.config.load import HOLDS_NOTHING, ConfigErrors, load
from filterd.config.settings import ParentalFail, Settings
from filterd.config.value_types import Endpoint
from tests.worlds.certificates import Authority

DOCUMENTED = """
node: {name: resolver-1}
dns:
  listen: ["127.0.0.1:5300", "[::1]:5300"]
  threads: auto
  upstreams: ["192.0.2.53:53"]
  allow_from: [127.0.0.0/8, "::1/128", 10.0.0.0/8, 100.64.0.0/10]
  proxy_from: []
  ecs_from: []
  block_ttl: 30
  max_ttl_opted_in: 300
  parental_fail: closed
block_page: {ipv4: 192.0.2.80, ipv6: "2001:db8::80"}
cache: {size: 256MiB, serve_stale: 1d}
store: {url: "sqlite:////var/lib/filterd/filterd.db"}
state_dir: /var/lib/filterd
policies: /etc/filterd/policies
control: {listen: "127.0.0.1:8080"}
metrics: {listen: "127.0.0.1:9353"}
orders: {approvals: 2}
security: {enabled: false}
"""
WRONG = """
node: {name: "a b"}
dns:
  listne: ["127.0.0.1:53"]
  listen: ["127.0.0.1:5300", "localhost:53", "127.0.0.1:99999"]
  threads: 0
  upstreams: [{adress: 192.0.2.1}]
  allow_from: [10.0.0.1/8, nonsense]
  block_ttl: soon
  parental_fail: maybe
block_page: {ipv4: 192.0.2}
cache: {size: lots, serve_stale: 8d}
store: {url: "sqlite:///relative.db"}
orders: {approvals: true}
security: {enabled: perhaps}
foo: 1
"""
WRONG_PLACES = {
    "node.name",
    "dns.listne",
    "dns.listen[1]",
    "dns.listen[2]",
    "dns.threads",
    "dns.upstreams[0].address",
    "dns.upstreams[0].adress",
    "dns.allow_from[0]",
    "dns.allow_from[1]",
    "dns.block_ttl",
    "dns.parental_fail",
    "block_page.ipv4",
    "cache.size",
    "cache.serve_stale",
    "store.url",
    "orders.approvals",
    "security.enabled",
    "foo",
}


@pytest.fixture
def resolv_conf(tmp_path: Path) -> Path:
    """A resolv.conf with one resolver of each family."""
    path = tmp_path / "resolv.conf"
    path.write_text("# made by a test\nsearch example\nnameserver 192.0.2.1\nnameserver 2001:db8::53\n")
    return path


def read(tmp_path: Path, text: str, resolv_conf: Path) -> Settings:
    """The settings of a file with that text."""
    file = tmp_path / "filterd.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, resolv_conf=resolv_conf)


def errors(tmp_path: Path, text: str, resolv_conf: Path) -> dict[str, str]:
    """What is wrong with a file with that text, by place."""
    with pytest.raises(ConfigErrors) as caught:
        read(tmp_path, text, resolv_conf)
    return {error.path: error.message for error in caught.value.errors}


def test_all_defaults(resolv_conf: Path) -> None:
    settings = load(None, resolv_conf=resolv_conf)
    assert settings.dns.listen == (
        Endpoint(ip_address("127.0.0.1"), 5300),
        Endpoint(ip_address("::1"), 5300),
    )
    assert [str(each.address) for each in settings.dns.upstreams] == ["192.0.2.1:53", "[2001:db8::53]:53"]
    assert not any(each.trusted for each in settings.dns.upstreams)
    assert settings.dns.threads >= 1
    assert settings.dns.parental_fail is ParentalFail.CLOSED
    assert settings.block_page is None
    assert (settings.cache.size, settings.cache.serve_stale) == (256 * 1024**2, 86400)
    assert settings.orders.approvals == 2
    assert settings.security.enabled is False
    assert settings.zone == "America/Mexico_City"


def test_the_zone_is_the_operators(tmp_path: Path, resolv_conf: Path) -> None:
    assert read(tmp_path, "zone: Europe/Madrid", resolv_conf).zone == "Europe/Madrid"
    assert errors(tmp_path, "zone: Mars/Olympus", resolv_conf) == {
        "zone": "not a time zone: 'Mars/Olympus' (write it like America/Mexico_City)"
    }


@pytest.mark.parametrize("text", ["", "\n", "# node: {name: a}\n", "null", "~", "---\n", "{}"])
def test_a_file_without_settings_is_an_error(tmp_path: Path, resolv_conf: Path, text: str) -> None:
    assert errors(tmp_path, text, resolv_conf) == {str(tmp_path / "filterd.yaml"): HOLDS_NOTHING}


def test_a_file_cut_before_a_value_is_an_error(tmp_path: Path, resolv_conf: Path) -> None:
    whole = "dns:\n  block_ttl: 31\n  upstreams:\n"
    assert set(errors(tmp_path, whole, resolv_conf)) == {"dns.upstreams"}
    assert set(errors(tmp_path, "dns:\n", resolv_conf)) == {"dns"}


def test_the_documented_example(tmp_path: Path, resolv_conf: Path) -> None:
    settings = read(tmp_path, DOCUMENTED, resolv_conf)
    assert [str(each.address) for each in settings.dns.upstreams] == ["192.0.2.53:53"]
    assert settings.block_page is not None
    assert {str(each) for each in settings.block_page.kinds} == {"192.0.2.80", "2001:db8::80"}
    assert {len(kinds) for kinds in settings.block_page.kinds.values()} == {4}, "it serves every kind"


def test_json_round_trip(tmp_path: Path, resolv_conf: Path) -> None:
    for text in ("zone: Europe/Madrid", DOCUMENTED):
        settings = read(tmp_path, text, resolv_conf)
        line = settings.to_json()
        assert "\n" not in line
        assert Settings.from_json(line) == settings
        assert json.loads(line) == settings.as_dict()


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"node": {"name": "a"}}', "not json"])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Settings.from_json(text)


def test_json_with_a_wrong_type_is_refused(resolv_conf: Path) -> None:
    value = load(None, resolv_conf=resolv_conf).as_dict()
    value["orders"]["approvals"] = "2"
    with pytest.raises(ValueError, match="expected int"):
        Settings.from_json(json.dumps(value))


def test_all_errors_at_once(tmp_path: Path, resolv_conf: Path) -> None:
    found = errors(tmp_path, WRONG, resolv_conf)
    assert set(found) == WRONG_PLACES
    assert found["dns.listne"] == "unknown key; did you mean listen?"
    assert "10.0.0.0/8" in found["dns.allow_from[0]"]
    assert "256MiB" in found["cache.size"]


def test_a_loop_is_reported_beside_other_errors(tmp_path: Path, resolv_conf: Path) -> None:
    text = 'dns: {upstreams: ["127.0.0.1:5300", "192.0.2.1"]}\ncache: {size: lots}'
    found = errors(tmp_path, text, resolv_conf)
    assert set(found) == {"dns.upstreams[0]", "cache.size"}
    assert "ourselves" in found["dns.upstreams[0]"]


def test_the_prefixes_of_translators(tmp_path: Path, resolv_conf: Path) -> None:
    def given(*prefixes: str) -> str:
        return json.dumps({"dns": {"nat64": prefixes}})

    assert [str(each) for each in load(None, resolv_conf=resolv_conf).dns.nat64] == ["64:ff9b::/96"]
    assert read(tmp_path, given(), resolv_conf).dns.nat64 == ()
    every = [f"2001:db8::/{length}" for length in (32, 40, 48, 56, 64, 96)]
    assert [str(each) for each in read(tmp_path, given(*every), resolv_conf).dns.nat64] == every
    twice = read(tmp_path, given("64:ff9b:1::/48", "64:ff9b:1::/48"), resolv_conf)
    assert [str(each) for each in twice.dns.nat64] == ["64:ff9b:1::/48"]
    found = errors(
        tmp_path, given("2001:db8::/44", "192.0.2.0/24", "nonsense", "2001:db8:0:0:100::/96"), resolv_conf
    )
    assert "/32, /40, /48, /56, /64 or /96" in found["dns.nat64[0]"]
    assert "/32, /40, /48, /56, /64 or /96" in found["dns.nat64[1]"]
    assert "not an address prefix" in found["dns.nat64[2]"]
    assert "bits 64 to 71" in found["dns.nat64[3]"]
    many = given(*(f"2001:db8:{number}::/48" for number in range(9)))
    assert set(errors(tmp_path, many, resolv_conf)) == {"dns.nat64"}


def test_upstreams_may_not_be_empty(tmp_path: Path, resolv_conf: Path) -> None:
    assert set(errors(tmp_path, "dns: {upstreams: []}", resolv_conf)) == {"dns.upstreams"}
    assert set(errors(tmp_path, 'dns: {upstreams: ["192.0.2.1:0"]}', resolv_conf)) == {"dns.upstreams[0]"}
    assert set(errors(tmp_path, "zone: Europe/Madrid", tmp_path / "missing")) == {"dns.upstreams"}


def test_system_resolvers_without_ourselves(tmp_path: Path, resolv_conf: Path) -> None:
    resolv_conf.write_text("nameserver 127.0.0.1\nnameserver nonsense\nnameserver 192.0.2.7\n")
    settings = read(tmp_path, 'dns: {listen: ["127.0.0.1:53"]}', resolv_conf)
    assert [str(each.address) for each in settings.dns.upstreams] == ["192.0.2.7:53"]
    resolv_conf.write_text("nameserver 127.0.0.1\n")
    found = errors(tmp_path, 'dns: {listen: ["127.0.0.1:53"]}', resolv_conf)
    assert "names no resolver but ourselves" in found["dns.upstreams"]


def certificate(folder: Path) -> Path:
    """A PEM file with a certificate of a test's own."""
    file = folder / "ca.pem"
    file.write_bytes(Authority().pem)
    return file


def test_an_upstream_over_tls(tmp_path: Path, resolv_conf: Path) -> None:
    certificate(tmp_path)
    text = """
        dns:
          upstreams:
            - {address: 192.0.2.1, tls: {name: dns.example, ca: ca.pem}, outstanding: 100}
            - {address: "192.0.2.2:5353", tls: {name: 192.0.2.2}}
            - {address: "2001:db8::3", tls: {name: "2001:DB8::3"}}
            - {address: 192.0.2.4, trusted: true}
    """
    found = errors(tmp_path, text, resolv_conf)
    assert set(found) == {"dns.upstreams[2].address"}
    settings = read(tmp_path, text.replace('"2001:db8::3", tls', '"[2001:db8::3]", tls'), resolv_conf)
    first, second, third, fourth = settings.dns.upstreams
    assert (str(first.address), first.outstanding) == ("192.0.2.1:853", 100)
    assert first.tls is not None
    assert (first.tls.name, first.tls.ca) == ("dns.example", tmp_path / "ca.pem")
    assert str(second.address) == "192.0.2.2:5353"
    assert second.tls is not None
    assert (second.tls.name, second.tls.ca) == ("192.0.2.2", None)
    assert str(third.address) == "[2001:db8::3]:853"
    assert third.tls is not None
    assert third.tls.name == "2001:db8::3"
    assert (str(fourth.address), fourth.tls, fourth.outstanding) == ("192.0.2.4:53", None, 2048)
    assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ("{address: 192.0.2.1, tls: {}}", "tls.name"),
        ("{address: 192.0.2.1, tls: {name: dns.example.}}", "tls.name"),
        ("{address: 192.0.2.1, tls: {name: '*.example'}}", "tls.name"),
        ("{address: 192.0.2.1, tls: {name: dns.example, verify: no}}", "tls.verify"),
        ("{address: 192.0.2.1, tls: {name: dns.example, ca: missing.pem}}", "tls.ca"),
        ("{address: 192.0.2.1, tls: {name: dns.example, ca: filterd.yaml}}", "tls.ca"),
        ("{address: 192.0.2.1, tls: yes}", "tls"),
        ("{address: 192.0.2.1, outstanding: 0}", "outstanding"),
        ("{address: dns.example, tls: {name: dns.example}}", "address"),
    ],
)
def test_an_upstream_that_is_none(tmp_path: Path, resolv_conf: Path, entry: str, place: str) -> None:
    found = errors(tmp_path, f"dns: {{upstreams: [{entry}]}}", resolv_conf)
    assert set(found) == {f"dns.upstreams[0].{place}"}


def test_two_listeners_on_one_socket(tmp_path: Path, resolv_conf: Path) -> None:
    text = 'control: {listen: "127.0.0.1:9353"}\ndns: {listen: ["127.0.0.1:9353"]}'
    assert set(errors(tmp_path, text, resolv_conf)) == {"control.listen", "metrics.listen"}
    chosen_by_kernel = """
        dns: {listen: ["127.0.0.1:0", "127.0.0.1:0"]}
        control: {listen: "127.0.0.1:0"}
        metrics: {listen: "127.0.0.1:0"}
    """
    assert read(tmp_path, chosen_by_kernel, resolv_conf).control.listen.port == 0


def test_relative_paths_are_below_the_files_directory(tmp_path: Path, resolv_conf: Path) -> None:
    settings = read(tmp_path, "state_dir: state\npolicies: /etc/policies", resolv_conf)
    assert settings.state_dir == tmp_path / "state"
    assert settings.policies == Path("/etc/policies")


def test_files_that_are_no_configuration(tmp_path: Path, resolv_conf: Path) -> None:
    file = tmp_path / "filterd.yaml"
    for text, message in (
        ("node: {name: a}\nnode: {name: b}", "line 2: the key 'node' stands twice"),
        ("dns: [", "is not YAML"),
        ("when: !!timestamp 2024-13-45", "is not YAML"),
        ("dns: &a [*a]", "is not YAML"),
        ("dns: !!python/object:os.system {}", "is not YAML"),
    ):
        assert message in errors(tmp_path, text, resolv_conf)[str(file)]
    file.write_bytes(b"node: {name: \xff}")
    with pytest.raises(ConfigErrors, match="is not UTF-8"):
        load(file, resolv_conf=resolv_conf)
    with pytest.raises(ConfigErrors, match="cannot be read: No such file"):
        load(tmp_path / "missing.yaml", resolv_conf=resolv_conf)
    assert set(errors(tmp_path, "- a\n- b", resolv_conf)) == {"the file"}
    assert "dns" in errors(tmp_path, "dns: 5", resolv_conf)


def test_no_bare_text_in_the_schema() -> None:
    """Every text of the file has a domain type: a format, a pattern, an enumeration or an example."""
    marks = {"format", "pattern", "enum", "const", "examples"}

    def bare(schema: object, path: str) -> list[str]:
        if isinstance(schema, list):
            return [place for index, each in enumerate(schema) for place in bare(each, f"{path}/{index}")]
        if not isinstance(schema, dict) or marks & schema.keys():
            return []
        here = [path] if schema.get("type") == "string" else []
        return here + [place for key, each in schema.items() for place in bare(each, f"{path}/{key}")]

    assert bare(raw.json_schema(), "") == ["/$defs/Dns/properties/upstreams/anyOf/1/items/anyOf/0"]


RATES = """
dns:
  upstreams: ["192.0.2.53"]
  rate_limit:
    queries_per_second: 50
    overrides:
      - {prefix: 100.64.0.0/10, queries_per_second: 0}
      - {prefix: "2001:db8::/48", queries_per_second: 400}
      - {prefix: 127.0.0.0/8, queries_per_second: 10, burst: 20}
"""


def test_rate_limit_overrides_with_loopback_among_them(tmp_path: Path) -> None:
    """Loopback has no limit unless the file gives it one; a burst left out is that of five seconds."""
    (tmp_path / "filterd.yaml").write_text(RATES)
    limit = load(tmp_path / "filterd.yaml").dns.rate_limit
    assert (limit.queries_per_second, limit.burst, limit.ipv4_prefix, limit.ipv6_prefix) == (50, 1000, 32, 56)
    assert {str(each.prefix): (each.queries_per_second, each.burst) for each in limit.overrides} == {
        "127.0.0.0/8": (10, 20),
        "::1/128": (0, 1),
        "100.64.0.0/10": (0, 1),
        "2001:db8::/48": (400, 2000),
    }


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (
            "overrides: [{prefix: '2001:db8::1/128', queries_per_second: 5}]",
            "overrides[0]",
            "limit its /64, or write 0",
        ),
        (
            "overrides: [{prefix: 10.0.0.0/8, queries_per_second: 5},"
            " {prefix: 10.0.0.0/8, queries_per_second: 6}]",
            "overrides",
            "10.0.0.0/8 stands here twice",
        ),
        ("overrides: [{prefix: 10.0.0.0/8}]", "overrides[0].queries_per_second", "is missing; write it"),
        ("ipv6_prefix: 128", "ipv6_prefix", "write at most 64, not 128"),
        ("queries_per_second: -1", "queries_per_second", "write at least 0, not -1"),
        ("burst: 0", "burst", "write at least 1, not 0"),
        ("brust: 5", "brust", "did you mean burst?"),
    ],
)
def test_wrong_rate_limits(tmp_path: Path, text: str, place: str, message: str) -> None:
    (tmp_path / "filterd.yaml").write_text(f"dns: {{upstreams: ['192.0.2.53'], rate_limit: {{{text}}}}}\n")
    with pytest.raises(ConfigErrors) as raised:
        load(tmp_path / "filterd.yaml")
    (error,) = raised.value.errors
    assert error.path == f"dns.rate_limit.{place}"
    assert message in error.message


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("dns:\n", "dns", "has no value: write one"),
        ("dns: {upstreams: null}", "dns.upstreams", "(it says null)"),
        ("dns: {upstreams: [~]}", "dns.upstreams[0]", "(it says ~)"),
        ("dns: {cookie_secret_file: }", "dns.cookie_secret_file", "leave the key out"),
        ("block_page: {ipv4: Null}", "block_page.ipv4", "(it says Null)"),
        ("node: {name: null}", "node.name", "(it says null)"),
        ("store: {ledger: ~}", "store.ledger", "(it says ~)"),
        ("security: {enabled:}", "security.enabled", "has no value"),
        ('store: {ledger: ""}', "store.ledger", "no path"),
        ('state_dir: " "', "state_dir", "no path"),
        ("policies: 7", "policies", "no path"),
    ],
)
def test_nothing_that_is_written_reads_as_the_default(
    tmp_path: Path, resolv_conf: Path, text: str, path: str, says: str
) -> None:
    found = errors(tmp_path, text, resolv_conf)
    assert list(found) == [path]
    assert says in found[path]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("dns: {threads: 010}", "dns.threads"),
        ("dns: {threads: 0x4}", "dns.threads"),
        ("dns: {rate_limit: {burst: 1_000}}", "dns.rate_limit.burst"),
        ("dns: {rate_limit: {burst: 08}}", "dns.rate_limit.burst"),
        ("dns: {block_ttl: 1:30}", "dns.block_ttl"),
        ("cache: {size: 1_000_000_000}", "cache.size"),
        ("orders: {approvals: yes}", "orders.approvals"),
        ("orders: {approvals: 2.0}", "orders.approvals"),
    ],
)
def test_numbers_are_decimal_or_none(tmp_path: Path, resolv_conf: Path, text: str, path: str) -> None:
    """YAML 1.1 reads 010 as 8, 1_000 as 1000 and 1:30 as 90."""
    assert list(errors(tmp_path, text, resolv_conf)) == [path]


def test_words_that_yaml_1_1_takes_for_flags(tmp_path: Path, resolv_conf: Path) -> None:
    assert read(tmp_path, "node: {name: no}", resolv_conf).node.name == "no"
    assert read(tmp_path, "node: {name: NO}", resolv_conf).node.name == "NO"
    for word, on in (("yes", True), ("on", True), ("True", True), ("no", False), ("off", False)):
        settings = read(tmp_path, f"security: {{enabled: {word}}}", resolv_conf)
        assert settings.security.enabled is on, word
