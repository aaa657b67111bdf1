"""The conversions of docs/migration.md, carried out word for word on files of other resolvers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from filterd.cli.main import main

PAGE = Path(__file__).parents[3] / "docs" / "migration.md"
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

DNSMASQ = """\
# blocked
address=/ads.example/
address=/zero.example/0.0.0.0
address=/six.example/::
address=/one.example/two.example/#
local=/quiet.example/
server=/silent.example/
address=/shop.example/198.51.100.7
server=/corp.example/10.0.0.1
cache-size=1000
  address = /Indented.Example/0::0   # a comment
address=/home.example/127.0.0.1
address=/parent.example/
server=/ok.parent.example/#
address=/worse.ok.parent.example/#
local=/data.example/
host-record=www.data.example,192.0.2.9
address=/#/0.0.0.0
"""
ZONE = """\
$TTL 300
@ SOA localhost. root.localhost. 1 3600 600 86400 60
@ NS localhost.
both.example CNAME .
*.both.example CNAME .
only.example 60 IN CNAME *.
*.below.example CNAME .
pass.example CNAME rpz-passthru.
drop.example CNAME rpz-drop.
32.7.113.0.203.rpz-ip CNAME .
ns.example.rpz-nsdname CNAME .
land.example A 192.0.2.80
*.wide.example CNAME .
wide.example CNAME .
Ok.Wide.example CNAME rpz-passthru.
*.far.wide2.example CNAME rpz-passthru.
*.wide2.example CNAME *.
* CNAME .
"""
UNBOUND = """\
server:
    local-zone: "never.example" always_nxdomain
    local-zone: zero.example. always_null
    local-zone: "home.example." static
    local-data: "shop.example. A 198.51.100.7"
    local-data: "www.home.example. A 198.51.100.8"
  local-zone: 'Nodata.Example' always_nodata # a comment
    local-zone: "static.example" static
    local-zone: "null.example" redirect
    local-data: "null.example 60 IN A 0.0.0.0"
    local-zone: "portal.example" redirect
    local-data: 'portal.example A 192.0.2.80'
    local-zone: parent.example always_refuse
    local-zone: "ok.parent.example" transparent
    local-data: "alone.example A 0.0.0.0"
"""
ADGUARD = """\
! Title: a list
||ads.example^
||loud.example^$important
||right.example^
@@||right.example^
||some.example^$client=laptop
/^ad[0-9]+/
||Parent.Example^
@@||Ok.Parent.example^$important
||under.let.example^
@@||let.example^|
0.0.0.0 hosts.example
"""
CLIENTS = """\
clients:
  persistent:
    - {name: Casa 5, ids: [192.0.2.5, 2001:db8:5::/48, "00:00:5e:00:53:01"]}
    - {name: laptop, ids: ["00:00:5e:00:53:02"]}
"""
PARENT = r"""awk '
function parent(name) { return sub(/^[^.]*\./, "", name) ? name : "" }
"""
BEGINNINGS = {
    "dnsmasq": f"{PARENT}function lets",
    "rpz": "named-compilezone",
    "adguard": f"{PARENT}BEGIN",
    "lines": "python3",
}


def block(beginning: str) -> str:
    """The block of the page that begins so."""
    (found,) = [text for text in SHELL.findall(PAGE.read_text()) if text.startswith(beginning)]
    return str(found)


def carry_out(folder: Path, beginning: str, **inputs: str) -> None:
    """Write the inputs, ``a_b`` as a file a.b, and type the block in their folder."""
    for name, text in inputs.items():
        (folder / name.replace("_", ".")).write_text(text)
    done = typed(folder, beginning)
    assert done.returncode == 0, done.stderr


def typed(folder: Path, beginning: str) -> subprocess.CompletedProcess[str]:
    """The block that begins so, typed in this folder."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
    return subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", block(beginning)],
        cwd=folder,
        env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )


def taken(file: Path, scope: str = "subtree") -> set[str]:
    """The names that filterd would block by this file; no line of it is skipped."""
    words = ["feed", "parse", str(file), "--format", "domains", "--scope", scope, "--json"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    parsed = json.loads(result.stdout)
    assert parsed["skipped"] == []
    assert {each["scope"] for each in parsed["names"]} <= {scope}
    return {each["name"] for each in parsed["names"]}


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def test_dnsmasq(tmp_path: Path) -> None:
    carry_out(tmp_path, BEGINNINGS["dnsmasq"], dnsmasq_conf=DNSMASQ)
    names = ("ads", "zero", "six", "one", "two", "quiet", "silent", "indented", "home", "worse.ok.parent")
    assert taken(tmp_path / "blocked.txt") == {f"{name}.example" for name in names}
    assert lines(tmp_path / "left.txt") == [
        "address=/shop.example/198.51.100.7",
        "server=/corp.example/10.0.0.1",
        "cache-size=1000",
        "address=/parent.example/  # because of ok.parent.example",
        "server=/ok.parent.example/#",
        "local=/data.example/  # because of www.data.example",
        "host-record=www.data.example,192.0.2.9",
        "address=/#/0.0.0.0",
    ]


@pytest.mark.system("named-compilezone")
def test_a_response_policy_zone_and_local_zones(tmp_path: Path) -> None:
    carry_out(tmp_path, BEGINNINGS["rpz"], rpz_zone=ZONE, unbound_conf=UNBOUND)
    assert taken(tmp_path / "subtree.txt") == {"both.example"}
    assert taken(tmp_path / "exact.txt", "exact") == {"only.example", "wide.example"}
    assert taken(tmp_path / "below.txt", "below") == {"below.example"}
    left = {line.split()[0].removesuffix(".rpz.example.") for line in lines(tmp_path / "left-rpz.txt")}
    assert left == {
        *("pass.example", "drop.example", "32.7.113.0.203.rpz-ip", "ns.example.rpz-nsdname", "land.example"),
        *("*.wide.example", "Ok.Wide.example", "*.far.wide2.example", "*.wide2.example", "*"),
    }
    zones = ("never", "zero", "nodata", "static", "null")
    assert taken(tmp_path / "blocked.txt") == {f"{name}.example" for name in zones}
    assert [line.strip() for line in lines(tmp_path / "left-unbound.txt")] == [
        'local-zone: "home.example." static  # because of www.home.example',
        'local-data: "shop.example. A 198.51.100.7"',
        'local-data: "www.home.example. A 198.51.100.8"',
        'local-zone: "portal.example" redirect  # because of portal.example',
        "local-data: 'portal.example A 192.0.2.80'",
        "local-zone: parent.example always_refuse  # because of ok.parent.example",
        'local-zone: "ok.parent.example" transparent',
        'local-data: "alone.example A 0.0.0.0"',
    ]


def test_adguard_home(tmp_path: Path) -> None:
    carry_out(tmp_path, BEGINNINGS["adguard"], filter_txt=ADGUARD)
    assert taken(tmp_path / "blocked.txt") == {"ads.example", "loud.example"}
    assert set(lines(tmp_path / "left.txt")) == {
        "||right.example^  ! because of right.example",
        "@@||right.example^",
        "||some.example^$client=laptop",
        "/^ad[0-9]+/",
        "||Parent.Example^  ! because of ok.parent.example",
        "@@||Ok.Parent.example^$important",
        "||under.let.example^  ! because of let.example",
        "@@||let.example^|",
        "0.0.0.0 hosts.example",
    }


@pytest.mark.parametrize("exception", ["@@/^ok[0-9]+/", "@@||ok.*^", "@@ok"])
def test_an_exception_that_could_let_anything_through_stops_the_conversion(
    exception: str, tmp_path: Path
) -> None:
    (tmp_path / "filter.txt").write_text(f"||ads.example^\n{exception}\n")
    done = typed(tmp_path, BEGINNINGS["adguard"])
    assert done.returncode == 1
    assert done.stderr == f"by hand: {exception}\n"
    assert not (tmp_path / "blocked.txt").exists()


def test_clients_become_lines(tmp_path: Path) -> None:
    carry_out(tmp_path, BEGINNINGS["lines"], AdGuardHome_yaml=CLIENTS)
    assert (tmp_path / "lines.csv").read_text().splitlines() == [
        "subscriber,prefixes",
        "casa-5,192.0.2.5/32 2001:db8:5::/48",
    ]


def test_all_blocks_of_the_page_are_tried() -> None:
    blocks = [text for text in SHELL.findall(PAGE.read_text()) if not text.startswith("filterd ")]
    assert sorted(BEGINNINGS.values()) == sorted(
        beginning for text in blocks for beginning in BEGINNINGS.values() if text.startswith(beginning)
    )
    assert len(blocks) == len(BEGINNINGS)
