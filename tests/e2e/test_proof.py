"""A running installation proves what it runs: lists in metrics, their history, and canaries over DNS."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from filterd.model.mandatory import label_of
from tests.e2e.deployment import Deployment, ede, soon
from tests.e2e.resolver_process import answering, upstream
from tests.worlds.installation import POLICIES, write_policies

pytestmark = pytest.mark.ring("night")

LABEL = label_of("worst-of", confidential=True)
NAME = f"{LABEL}.canary.example"
RECORDS = {(NAME, "A"): ["192.0.2.7"], ("fine.example", "A"): ["192.0.2.1"]}
LISTED = {"worst.example", "adult.example", "blue.example", "red.example", "casino.example"}


@pytest.fixture
def asked() -> list[str]:
    """The names that the upstream was asked for."""
    return []


@pytest.fixture
def filterd(tmp_path: Path, asked: list[str]) -> Iterator[Deployment]:
    """An installation with one confidential mandatory list and a canary zone; nothing runs yet."""
    policies = write_policies(tmp_path / "policies")
    answer = answering(dict(RECORDS), 60)

    def noting(query: Any) -> Any:
        asked.append(str(query.question[0].name).rstrip(".").lower())
        return answer(query)

    with upstream(noting) as (port, _):
        made = Deployment(tmp_path / "filterd", port, policies)
        made.write_config(canary={"zone": "canary.example", "interval": "10s"})
        made.cli("store", "migrate")
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        yield made


def samples(port: int) -> dict[tuple[str, str], float]:
    """(metric, its list) -> value, of the metrics on lists, canaries and drift."""
    found = {}
    for family in text_string_to_metric_families(Deployment.http(port, "/metrics")[1]):
        for sample in family.samples:
            if sample.name.startswith(("filterd_list_", "filterd_canary", "filterd_nodes_")):
                found[sample.name, sample.labels.get("list", "")] = sample.value
    return found


def test_canaries_and_lists_of_a_running_node(filterd: Deployment, asked: list[str]) -> None:
    with filterd.serving():
        assert soon(lambda: samples(filterd.metrics).get(("filterd_canary", LABEL)) == 1.0, seconds=60)
        found = samples(filterd.metrics)
        assert {each for metric, each in found if metric == "filterd_list_info"} == {
            "adult-starter",
            "gambling-starter",
            LABEL,
        }
        assert found["filterd_list_names", LABEL] == 1.0
        assert found["filterd_list_names", "adult-starter"] == 3.0
        assert found["filterd_canary_last_success_timestamp_seconds", LABEL] > 0
        assert ede(filterd.ask(NAME)) == [16]
        assert soon(lambda: filterd.cli("canary", "list")[0]["state"] == "blocked")
        (row,) = filterd.cli("canary", "list")
        assert (row["label"], row["name"], row["node"]) == (LABEL, NAME, "resolver-1")
        node = filterd.cli("node", "show", "resolver-1")
        assert {each["label"] for each in node["report"]["feeds"]} == {
            "adult-starter",
            "gambling-starter",
            LABEL,
        }
        assert len(node["report"]["effective_digest"]) == 64
        assert (node["state"], node["drift"]) == ("ready", [])
        assert "worst-of" not in str(node)
        assert soon(lambda: ("filterd_nodes_drifted", "") in samples(filterd.control))
        assert samples(filterd.control)["filterd_nodes_drifted", ""] == 0.0
    assert NAME in asked
    assert LISTED.isdisjoint(asked)


def test_every_address_is_asked_also_over_ipv6_and_behind_proxy_headers(filterd: Deployment) -> None:
    addresses = [f"127.0.0.1:{filterd.port}", f"[::1]:{filterd.port}"]
    filterd.write_config(
        dns={"listen": addresses, "allow_from": ["127.0.0.0/8", "::1"], "proxy_from": ["127.0.0.1"]}
    )
    with filterd.serving():
        assert soon(lambda: samples(filterd.metrics).get(("filterd_canary", LABEL)) == 1.0, seconds=60)
    filterd.write_config(dns={"listen": addresses, "allow_from": ["127.0.0.0/8"], "proxy_from": []})
    with filterd.serving():
        refused = f"[::1]:{filterd.port}: refused: dns.allow_from lacks loopback (127.0.0.0/8, ::1/128)"
        assert soon(lambda: filterd.cli("canary", "list")[0]["reason"] == refused, seconds=60)
        assert filterd.cli("canary", "list")[0]["state"] == "unjudged"


def test_a_canary_that_passes_is_told_everywhere(filterd: Deployment) -> None:
    """A protected name is answered although a list demands it: here the whole zone of the canaries is."""
    protected = POLICIES["protected.yaml"].replace("[portal.example]", "[portal.example, canary.example]")
    (filterd.policies / "protected.yaml").write_text(protected)
    filterd.cli("snapshot", "build")
    with filterd.serving():
        assert soon(lambda: samples(filterd.metrics).get(("filterd_canary", LABEL)) == 0.0, seconds=60)
        assert samples(filterd.metrics)["filterd_canary_last_success_timestamp_seconds", LABEL] == 0.0
        assert soon(lambda: filterd.cli("canary", "list")[0]["state"] == "passed")
        assert "does not block there" in filterd.run("canary", "list").stderr
        assert f"answers the canary of these lists: {LABEL}" in filterd.run("node", "list").stderr
        told = filterd.run("doctor", "--json").stdout
        assert "nodes.canary_passes" in told
    assert "the list does not block here" in filterd.log_whole()


def test_the_history_answers_which_list_ran_when(filterd: Deployment) -> None:
    with filterd.serving():
        assert soon(lambda: len(filterd.cli("node", "history", "--list", "adult-starter")) == 1)
        (first,) = filterd.cli("node", "history", "--list", "adult-starter")
        (filterd.policies / "lists" / "adult.txt").write_text("adult.example\nnew.example\nred.example\n")
        assert soon(lambda: len(filterd.cli("node", "history", "--list", "adult-starter")) == 2, seconds=60)
        before, after = filterd.cli("node", "history", "--list", "adult-starter")
        assert (before["version"], before["since"]) == (first["version"], first["since"])
        assert (after["version"], after["until"]) == ("2", None)
        assert before["until"] == after["since"]
        at = filterd.cli("node", "history", "--list", "adult-starter", "--at", after["since"])
        assert [each["digest"] for each in at] == [after["digest"]]
        whole = len(filterd.cli("node", "history", "--list", "(all)"))
        filterd.order("banned.example")
        assert soon(lambda: len(filterd.cli("node", "history", "--list", "(all)")) == whole + 1)
        newest = filterd.cli("node", "history", "--list", "(all)")[-1]
        assert newest["digest"] == filterd.cli("node", "show", "resolver-1")["report"]["effective_digest"]


def test_a_list_that_was_changed_by_hand_in_the_store_is_drift(filterd: Deployment) -> None:
    """The node has what control read; the store says now that it read something else."""
    with filterd.serving():
        assert soon(lambda: bool(filterd.cli("node", "list")))
        with closing(sqlite3.connect(filterd.state / "filterd.db", timeout=10)) as store, store:
            store.execute("UPDATE feed_version SET digest = ? WHERE feed = 'worst-of'", ("0" * 64,))
        assert soon(lambda: samples(filterd.control).get(("filterd_nodes_drifted", "")) == 1.0, seconds=60)
        (node,) = filterd.cli("node", "list")
        assert node["state"] == "drifted"
        assert f"{LABEL} version 1" in node["drift"][0]
        assert "filterd node show resolver-1" in filterd.run("node", "list").stderr
    assert "a node runs other lists than it should" in filterd.log_whole()
