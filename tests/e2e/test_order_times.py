"""How long an order takes to be in force, and to be lifted, told by a running installation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.deployment import Deployment, ede
from tests.e2e.small import small

CENSORED = 16
RECORDS = {(name, "A"): ["203.0.113.7"] for name in ("shop.example", "o-1.canary.example")}
ORDER = ("--authority", "A", "--official", "O", "--document", "D", "--ground", "G", "--reason", "served")


@pytest.fixture
def filterd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The small installation; nothing runs yet."""
    with small(tmp_path_factory.mktemp("times"), RECORDS) as made:
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        yield made


def test_an_order_and_its_end_are_timed(filterd: Deployment) -> None:
    with filterd.serving():
        added: dict[str, Any] = filterd.cli("order", "add", "shop.example", *ORDER, "--wait")
        assert ede(filterd.ask("shop.example")) == [CENSORED]
        times = added["enforcement"]
        assert (times["kind"], times["due_at"]) == ("enforce", added["accepted_at"])
        assert 0 < times["first_node_seconds"] == times["all_nodes_seconds"]
        assert [(each["state"], each["exact"], each["probe"]) for each in times["nodes"]] == [
            ("applied", True, "")
        ]
        ended = filterd.cli("order", "withdraw", "O-1", "--reason", "over", "--wait")
        assert filterd.ask("shop.example").answer
        assert ended["lifting"]["all_nodes_at"] >= ended["withdrawn_at"]
        trail = [each["entry"] for each in filterd.cli("audit", "tail", "--of", "order:O-1")]
        done = [(each["action"], each["actor"]) for each in trail if each["action"].startswith("node.")]
        node = "node:resolver-1"
        assert done == [
            ("node.applied", node),
            ("node.everywhere", node),
            ("node.lifted", node),
            ("node.everywhere", node),
        ]
        assert filterd.cli("audit", "verify")


def test_an_order_is_seen_over_dns(filterd: Deployment) -> None:
    filterd.write_config(canary={"zone": "canary.example", "interval": "10s"})
    with filterd.serving():
        assert filterd.ask("o-1.canary.example").answer
        added = filterd.cli("order", "add", "shop.example", *ORDER, "--wait")
        assert [each["probe"] for each in added["enforcement"]["nodes"]] == ["seen"]
        assert added["enforcement"]["probed_seconds"] >= added["enforcement"]["all_nodes_seconds"]
        assert ede(filterd.ask("o-1.canary.example")) == [CENSORED]
        ended = filterd.cli("order", "withdraw", "O-1", "--reason", "over", "--wait")
        assert [each["probe"] for each in ended["lifting"]["nodes"]] == ["seen"]
        assert filterd.ask("o-1.canary.example").answer
