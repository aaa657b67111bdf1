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
"""
UNBOUND = """\
server:
    local-zone: "never.example" always_nxdomain
    local-zone: zero.example. always_null
    local-zone: "home.example." static
    local-data: "shop.example. A 198.51.100.7"
"""
ADGUARD = """\
! Title: a list
||ads.example^
||loud.example^$important
||right.example^
@@||right.example^
||some.example^$client=laptop
/^ad[0-9]+/
"""
CLIENTS = """\
clients:
  persistent:
    - {name: Casa 5, ids: [192.0.2.5, 2001:db8:5::/48, "00:00:5e:00:53:01"]}
    - {name: laptop, ids: ["00:00:5e:00:53:02"]}
"""
BEGINNINGS = {
    "dnsmasq": "awk -F/",
    "rpz": "named-compilezone",
    "adguard": "sed -nE 's/^\\|",
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
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", block(beginning)],
        cwd=folder,
        env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def taken(file: Path, scope: str = "subtree") -> set[str]:
    """The names that filterd would block by this file; no line of it is skipped."""
    words = ["feed", "parse", str(file), "--format", "domains", "--scope", scope, "--json"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    parsed = json.loads(result.stdout)
    assert parsed["skipped"] == []
    assert {each["scope"] for each in parsed["names"]} <= {scope}
    return {each["name"] for each in parsed["names"]}


def test_dnsmasq(tmp_path: Path) -> None:
    carry_out(tmp_path, BEGINNINGS["dnsmasq"], dnsmasq_conf=DNSMASQ)
    assert taken(tmp_path / "blocked.txt") == {
        f"{name}.example" for name in ("ads", "zero", "six", "one", "two", "quiet", "silent")
    }
    assert (tmp_path / "stays.txt").read_text().splitlines() == [
        "address=/shop.example/198.51.100.7",
        "server=/corp.example/10.0.0.1",
    ]


@pytest.mark.system("named-compilezone")
def test_a_response_policy_zone_and_local_zones(tmp_path: Path) -> None:
    carry_out(tmp_path, BEGINNINGS["rpz"], rpz_zone=ZONE, unbound_conf=UNBOUND)
    assert taken(tmp_path / "subtree.txt") == {"both.example"}
    assert taken(tmp_path / "exact.txt", "exact") == {"only.example"}
    assert taken(tmp_path / "below.txt", "below") == {"below.example"}
    assert taken(tmp_path / "blocked.txt") == {"never.example", "zero.example"}


def test_adguard_home(tmp_path: Path) -> None:
    carry_out(tmp_path, BEGINNINGS["adguard"], filter_txt=ADGUARD)
    assert taken(tmp_path / "blocked.txt") == {"ads.example", "loud.example"}
    assert (tmp_path / "left.txt").read_text().splitlines() == [
        "||some.example^$client=laptop",
        "/^ad[0-9]+/",
    ]


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
