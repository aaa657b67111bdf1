"""A running installation in which things break one after the other: it is said, what was good goes on, and
mending is enough."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from filterd.model.mandatory import label_of
from tests.e2e.authority import free_port
from tests.e2e.deployment import FILTERD, Deployment, ede, soon, stop
from tests.e2e.resolver_process import answering, upstream
from tests.e2e.small import small
from tests.worlds.installation import POLICIES, write_policies

pytestmark = pytest.mark.ring("night")

CHILD, STRANGER = "127.0.0.2", "127.0.0.4"
CENSORED, FILTERED = 16, 17
NO_PAGES = "metrics and health pages are not served"
RECORDS = {
    ("alias.example", "CNAME"): ["behind.example."],
    ("behind.example", "A"): ["192.0.2.3"],
    ("visited.example", "A"): ["192.0.2.1"],
    ("blue.example", "A"): ["192.0.2.2"],
}


@pytest.fixture(scope="module")
def filterd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Both roles running over a small set of policies, with a child's line and an order."""
    folder = tmp_path_factory.mktemp("faults")
    policies = write_policies(folder / "policies")
    with upstream(answering(RECORDS)) as (port, _):
        made = Deployment(folder / "filterd", port, policies)
        made.cli("store", "migrate")
        made.register("secret-holder", CHILD, "child")
        with made.serving() as process:
            made.order("ordered.example")
            yield made
            assert process.poll() is None
            process.terminate()
            assert process.wait(timeout=20) == 0


def value(filterd: Deployment, port: int, sample: str) -> float | None:
    """One sample of /metrics; None where it is not there."""
    for line in filterd.http(port, "/metrics")[1].splitlines():
        if line.startswith(sample + " "):
            return float(line.rsplit(" ", 1)[1])
    return None


def holds(filterd: Deployment) -> bool:
    """True if order, adopted list and profile block, and nothing more does."""
    return (
        ede(filterd.ask("ordered.example", source=STRANGER)) == [CENSORED]
        and ede(filterd.ask("worst.example", source=CHILD)) == [CENSORED]
        and ede(filterd.ask("blue.example", source=CHILD)) == [FILTERED]
        and bool(filterd.ask("blue.example", source=STRANGER).answer)
        and bool(filterd.ask("visited.example", source=CHILD).answer)
    )


def whole_log(filterd: Deployment) -> str:
    """All that serve wrote."""
    return (filterd.folder / "serve.log").read_text()


def serve_ends(filterd: Deployment, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A further ``filterd serve``, which must end by itself."""
    environment = {**os.environ, "FILTERD_CONFIG": str(config or filterd.config)}
    return subprocess.run(
        [*FILTERD, "serve"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def reasons(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The reasons of what was logged as an error; nothing but log lines was written."""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    return [line.get("reason", "") for line in lines if line["level"] == "error"]


def test_an_order_acts_on_answers_that_are_cached(filterd: Deployment) -> None:
    assert filterd.ask("alias.example", source=STRANGER).answer
    assert filterd.ask("alias.example", source=STRANGER, tcp=True).answer
    order = filterd.order("behind.example")
    assert soon(lambda: ede(filterd.ask("alias.example", source=STRANGER)) == [CENSORED])
    filterd.cli("order", "withdraw", order["reference"], "--reason", "lifted")
    assert soon(lambda: bool(filterd.ask("alias.example", source=STRANGER).answer))


def test_a_second_serve_says_in_one_line_which_address_is_taken(filterd: Deployment) -> None:
    assert soon(lambda: holds(filterd)), filterd.log()
    other = filterd.folder / "other.yaml"
    text = filterd.config.read_text().replace(str(filterd.state), str(filterd.folder / "other"))
    other.write_text(text)
    done = serve_ends(filterd, other)
    assert done.returncode == 1
    assert any(
        f"cannot listen on 127.0.0.1:{filterd.port}: address already in use" in r for r in reasons(done)
    )
    assert "Traceback" not in done.stderr


def test_dns_is_served_though_others_have_the_ports_of_the_pages(tmp_path: Path) -> None:
    """They are bound once they are free; until then the node says what it lacks."""
    with small(tmp_path) as made:
        at = (("127.0.0.1", port) for port in (made.metrics, made.control))
        others = [socket.create_server(each) for each in at]
        process = made.start()
        try:
            assert soon(lambda: made.log_whole().count(NO_PAGES) == 2), made.log()  # both roles began
            assert soon(lambda: bool(made.ask("fine.example", timeout=10).answer)), made.log()
            lacking = f"no metrics and health pages: cannot listen on 127.0.0.1 port {made.metrics}"
            assert soon(lambda: lacking in made.run("node", "list").stderr), made.log()
            assert [each["state"] for each in made.cli("node", "list")] == ["ready"]
            for each in others:
                each.close()
            made.wait_ready(process)
            assert soon(lambda: made.http(made.control, "/readyz")[0] == 200), made.log()
        finally:
            stop(process)


def test_a_second_serve_is_kept_off_the_state_directory(filterd: Deployment) -> None:
    text = filterd.config.read_text()
    for port in (filterd.port, filterd.metrics, filterd.control):
        text = text.replace(f":{port}", f":{free_port()}")
    other = filterd.folder / "second.yaml"
    other.write_text(text)
    done = serve_ends(filterd, other)
    assert done.returncode == 1
    assert any("another resolver uses" in reason for reason in reasons(done))
    assert holds(filterd)


def test_a_wrong_configuration_is_all_said_at_once_and_starts_nothing(filterd: Deployment) -> None:
    wrong = filterd.folder / "wrong.yaml"
    wrong.write_text(
        "dns: {block_ttl: soon, upstream: [x], listen: ['nowhere:53']}\ncache: {size: 1}\nnodes: 1\n"
    )
    done = serve_ends(filterd, wrong)
    assert done.returncode == 2
    for path in ("dns.block_ttl", "dns.upstream:", "dns.listen[0]", "nodes"):
        assert f"filterd: {path}" in done.stderr, path
    assert f"mend {wrong};" in done.stderr, "it names the file"


def test_a_feed_that_shrank_is_quarantined_until_it_is_mended(filterd: Deployment) -> None:
    source = filterd.policies / "lists" / "adult.txt"
    text = source.read_text()
    sample = 'filterd_feed_quarantined{feed="adult-starter"}'
    source.write_text("left.example\n")
    assert soon(lambda: value(filterd, filterd.control, sample) == 1.0, seconds=30), filterd.log()
    assert holds(filterd)
    source.write_text(text)
    assert soon(lambda: value(filterd, filterd.control, sample) == 0.0, seconds=30), filterd.log()
    assert holds(filterd)


@pytest.mark.parametrize(
    ("document", "text", "said"),
    [
        ("profiles/child.yaml", None, "lines have profiles that the policies do not: child"),
        ("feeds.yaml", "nonsense: [", "feeds.yaml"),
        ("protected.yaml", "public_sufixes: true\n", "public_sufixes"),
    ],
)
def test_policies_that_went_wrong_change_nothing_until_they_are_mended(
    filterd: Deployment, document: str, text: str | None, said: str
) -> None:
    path = filterd.policies / document
    before = path.read_text()
    failures = value(filterd, filterd.control, "filterd_compile_failures_total") or 0.0
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    try:
        assert soon(lambda: said in whole_log(filterd), seconds=30), filterd.log()
        assert soon(
            lambda: (value(filterd, filterd.control, "filterd_compile_failures_total") or 0.0) > failures
        )
        assert holds(filterd)
    finally:
        path.write_text(before)


WORST_ENTRY = POLICIES["feeds.yaml"][POLICIES["feeds.yaml"].index("- id: worst-of") :]
CUTS = {
    "emptied": "",
    "comments alone": "# Where the lists come from.\n",
    "gone": None,
    "no entry": "[]\n",
    "cut at the last entry": POLICIES["feeds.yaml"].replace(WORST_ENTRY, ""),
    "cut at the first entry": "[]  # " + POLICIES["feeds.yaml"].splitlines()[1],
    "mandatory no more": POLICIES["feeds.yaml"].replace(
        "mandatory: {authority: INTERPOL, ground: adopted, confidential: true}", "security: {}"
    ),
    "confidential no more": POLICIES["feeds.yaml"].replace(", confidential: true", ""),
}


def worst_orphaned(filterd: Deployment) -> float | None:
    """The figure of the confidential list, under its opaque id."""
    label = label_of("worst-of", confidential=True)
    return value(filterd, filterd.control, f'filterd_feed_orphaned{{feed="{label}"}}')


@pytest.mark.parametrize("cut", CUTS)
def test_a_feeds_yaml_that_lost_its_entries_lifts_nothing(filterd: Deployment, cut: str) -> None:
    """DNS is asked from the cut until control has dealt with it, and goes on to block."""

    def kept_until(*done: Callable[[], bool]) -> bool:
        def held() -> bool:
            assert holds(filterd), filterd.log()
            return all(each() for each in done)

        return soon(held, seconds=30)

    def changed(port: int, sample: str) -> Callable[[], bool]:
        before = value(filterd, port, sample) or 0.0
        return lambda: (value(filterd, port, sample) or 0.0) > before

    assert soon(lambda: holds(filterd)), filterd.log()
    path = filterd.policies / "feeds.yaml"
    text = CUTS[cut]
    # A file that cannot be read is a failure; one that can changes nothing that is compiled.
    readable = (text is not None and "id:" in text) or text == CUTS["no entry"]
    failed = changed(filterd.control, "filterd_compile_failures_total")
    try:
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        dealt_with = () if readable else (failed,)
        assert kept_until(lambda: worst_orphaned(filterd) == 1.0, *dealt_with), filterd.log()
        ready = "feeds without their entry" if readable else "the policies cannot be read"
        assert soon(lambda: ready in filterd.http(filterd.control, "/readyz")[1], seconds=30), filterd.log()
        checked = filterd.cli("check", "worst.example", "--client", STRANGER)
        assert (checked["verdict"], checked["reason"], checked["ede"]) == ("block", "mandatory", [CENSORED])
        wrong = filterd.run("config", "check")
        assert wrong.returncode == 2
        assert "feeds.yaml" in wrong.stderr
    finally:
        path.write_text(POLICIES["feeds.yaml"])
    assert kept_until(lambda: worst_orphaned(filterd) == 0.0), filterd.log()
    assert filterd.run("config", "check").returncode == 0


def test_a_feed_that_is_retired_is_lifted_and_one_that_is_put_back_blocks_again(filterd: Deployment) -> None:
    def blocked() -> bool:
        return ede(filterd.ask("casino.example", source=CHILD)) == [FILTERED]

    assert soon(blocked), filterd.log()
    path = filterd.policies / "feeds.yaml"
    lines = POLICIES["feeds.yaml"].splitlines(keepends=True)
    try:
        path.write_text("".join(line for line in lines if "gambling-starter" not in line))
        sample = 'filterd_feed_orphaned{feed="gambling-starter"}'
        assert soon(lambda: value(filterd, filterd.control, sample) == 1.0, seconds=30), filterd.log()
        assert blocked()
        filterd.cli("feed", "retire", "gambling-starter", "--reason", "a better list is there")
        assert soon(lambda: not blocked(), "a retired feed is lifted", seconds=30), filterd.log()
        assert value(filterd, filterd.control, sample) in (None, 1.0)
    finally:
        path.write_text(POLICIES["feeds.yaml"])
    assert soon(blocked, seconds=30), filterd.log()
    assert holds(filterd)


def test_neither_log_nor_metrics_tell_of_names_clients_or_subscribers(filterd: Deployment) -> None:
    filterd.ask("visited.example", source=CHILD, tcp=True)
    texts = [whole_log(filterd)]
    texts += [filterd.http(port, "/metrics")[1] for port in (filterd.metrics, filterd.control)]
    for text in texts:
        assert text
        for word in ("visited", "ordered.example", "worst", "blue.example", CHILD, STRANGER, "secret-holder"):
            assert not re.search(rf"{re.escape(word)}(?!-of)", text), word
