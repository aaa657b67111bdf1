"""An order on what many people use waits for a second person, though ``orders.approvals`` is 1."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from tests.e2e.deployment import Deployment, ede, soon
from tests.e2e.small import small

pytestmark = pytest.mark.ring("night")

CENSORED = 16
NAMES = ("chat.example", "popular.example", "search.example", "shop.example", "help.example")
RECORDS = {(name, "A"): ["203.0.113.7"] for name in NAMES} | {("hosted.example", "A"): ["203.0.113.9"]}
ORDER = (
    *("--authority", "A", "--official", "O", "--document", "D", "--ground", "G", "--reason", "served"),
    *("--proportionality", "weighed by the court"),
)


@pytest.fixture
def filterd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The small installation, one of whose services is called Chat."""
    with small(tmp_path_factory.mktemp("people"), RECORDS) as made:
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        with made.serving():
            yield made


def by(person: str, filterd: Deployment, *words: str) -> tuple[int, Any, str]:
    """A command of a person: exit code, JSON, and what it says to people."""
    environment = {**os.environ, "FILTERD_CONFIG": str(filterd.config), "SUDO_USER": person}
    result = CliRunner().invoke(main, [*words, "--json"], env=environment)
    return result.exit_code, json.loads(result.stdout) if result.stdout else None, result.stderr


@pytest.mark.parametrize(
    ("entry", "asked", "says"),
    [
        ("chat.example", "chat.example", "the service Chat: 1 of its 1 names"),
        ("popular.example", "popular.example", "popular.example, a popular name"),
        ("203.0.112.0/23", "hosted.example", "203.0.112.0/23: 512 addresses, wider than /24"),
    ],
)
def test_two_people(filterd: Deployment, entry: str, asked: str, says: str) -> None:
    def blocked() -> bool:
        return ede(filterd.ask(asked)) == [CENSORED]

    code, added, _ = by("daemon", filterd, "order", "add", entry, *ORDER, "--accept-overblocking")
    assert (code, added["state"], added["in_force"]) == (0, "pending", False)
    assert [hit["says"] for hit in added["reach"]] == [says]
    # What is in force at once shows that the node has read on, past the order that waits.
    assert by("daemon", filterd, "order", "add", "shop.example", *ORDER)[1]["state"] == "accepted"
    assert soon(lambda: ede(filterd.ask("shop.example")) == [CENSORED])
    assert filterd.ask(asked).answer
    code, _, errors = by("daemon", filterd, "order", "approve", "O-1")
    assert (code, "daemon stands behind order O-1 already" in errors) == (1, True)
    assert filterd.ask(asked).answer
    shown = by("sys", filterd, "order", "show", "O-1")[1]
    assert shown["reach"] == added["reach"]
    assert by("sys", filterd, "order", "approve", "O-1")[1]["state"] == "accepted"
    assert soon(blocked)
    assert by("daemon", filterd, "order", "withdraw", "O-1", "--reason", "lifted")[0] == 0
    assert soon(lambda: bool(filterd.ask(asked).answer))


def test_a_help_line_is_not_blocked_on_a_line(filterd: Deployment) -> None:
    filterd.register("casa", "127.0.0.9")
    code, _, errors = by("daemon", filterd, "subscriber", "deny", "casa", "help.example")
    assert (code, "help.example is protected" in errors) == (1, True)
    assert by("daemon", filterd, "subscriber", "deny", "casa", "shop.example")[0] == 0
    assert soon(lambda: ede(filterd.ask("shop.example", source="127.0.0.9")) == [17])
    assert filterd.ask("help.example", source="127.0.0.9").answer
