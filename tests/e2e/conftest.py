"""The world of the end-to-end tests: a root zone in which every name resolves, and an installation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.authority import nsd
from tests.e2e.deployment import ROOT, Deployment
from tests.e2e.names import BANNED, CHILD, ORDERED_ADDRESSES, STRANGER, TEENAGER
from tests.worlds.small_policies import copy_policies

WORLD = f"""$TTL 300
. IN SOA ns.example. hostmaster.example. 1 3600 900 86400 60
. IN NS ns.example.
* IN A 192.0.2.10
* IN AAAA 2001:db8::10
* IN HTTPS 1 . alpn=h2
example. IN A 192.0.2.11
*.example. IN A 192.0.2.11
*.example. IN AAAA 2001:db8::11
*.example. IN TXT "served"
*.example. IN HTTPS 1 . alpn=h2
cloaked-mandatory.example. IN CNAME www.banned.example.
cloaked-chain.example. IN CNAME cloaked-mandatory.example.
target-mandatory.example. IN HTTPS 1 svc.banned.example. alpn=h2
hint-mandatory.example. IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.12,{ORDERED_ADDRESSES[0]}
hint6-mandatory.example. IN HTTPS 1 . alpn=h2 ipv6hint={ORDERED_ADDRESSES[1]}
address-mandatory.example. IN A {ORDERED_ADDRESSES[0]}
address-mandatory.example. IN AAAA {ORDERED_ADDRESSES[1]}
cloaked-adult.example. IN CNAME {{adult}}.
target-adult.example. IN HTTPS 1 {{adult}}. alpn=h2
mixed.example. IN CNAME www.banned.example.
"""


@dataclass(frozen=True)
class World:
    """A running installation, and a name of the shipped adult list."""

    filterd: Deployment
    adult: str


def adult_names() -> list[str]:
    """The names of the shipped adult list; the tests' upstream serves them on loopback."""
    lines = (ROOT / "policies" / "lists" / "adult.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def policies_with_mandatory(folder: Path) -> Path:
    """The shipped policies with an adopted mandatory list of names under .example beside them."""
    policies = copy_policies(folder / "policies")
    (policies / "lists" / "adopted.txt").write_text(f"{BANNED}\nnever-served.example\n")
    with (policies / "feeds.yaml").open("a") as feeds:
        feeds.write(
            "\n- id: adopted\n  source: lists/adopted.txt\n  format: domains\n  scope: subtree\n"
            "  mandatory: {authority: Test, ground: Test law, blocking_mode: nxdomain}\n"
        )
    return policies


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running installation with three lines: a child's, a teenager's, and one that asked for nothing."""
    folder = tmp_path_factory.mktemp("world")
    adult = adult_names()[0]
    with nsd(folder / "authority", {".": WORLD.format(adult=adult)}) as upstream:
        filterd = Deployment(folder / "filterd", upstream, policies_with_mandatory(folder))
        filterd.cli("store", "migrate")
        filterd.register("child", CHILD, "children")
        filterd.register("teenager", TEENAGER, "teenagers")
        filterd.register("stranger", STRANGER)
        filterd.order(*ORDERED_ADDRESSES, more=["--accept-overblocking"])
        filterd.cli("feed", "update")
        filterd.cli("snapshot", "build")
        with filterd.serving():
            yield World(filterd, adult)
