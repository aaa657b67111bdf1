"""The chapter "Backup and restore" of operations.md, carried out word for word while DNS is asked."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.rcode
import pytest

from tests.e2e.authority import nsd
from tests.e2e.conftest import WORLD, adult_names
from tests.e2e.deployment import ROOT, Deployment, ede, soon
from tests.e2e.names import CHILD, STRANGER

pytestmark = [pytest.mark.ring("night"), pytest.mark.system("nsd")]

CENSORED, FILTERED = 16, 17
FOLDER = "/backup"
"""the folder that the page names"""


def commands_under(heading: str) -> list[list[str]]:
    """The commands that an operator types, of the chapter under this heading."""
    text = (ROOT / "docs" / "operations.md").read_text().split(f"{heading}\n", 1)[1]
    text = re.split(r"^##", text, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```(?:sh|text)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


class Asker:
    """Asks for names that an order blocks, without a pause; notes each answer that is not filtered."""

    def __init__(self, filterd: Deployment, names: list[str]) -> None:
        self.unfiltered: list[str] = []
        self.answers = 0
        self._filterd = filterd
        self._names = names
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def asking(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.005):
            for name in self._names:
                try:
                    answer = self._filterd.ask(name, source=STRANGER, timeout=1.0)
                except dns.exception.Timeout:
                    continue
                self.answers += 1
                if answer.answer or (answer.rcode() != dns.rcode.SERVFAIL and ede(answer) != [CENSORED]):
                    self.unfiltered.append(name)


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    with nsd(tmp_path / "authority", {".": WORLD.format(adult=adult_names()[0])}) as upstream:
        made = Deployment(tmp_path / "filterd", upstream)
        made.cli("store", "migrate")
        made.cli("feed", "update")
        with made.serving():
            yield made


def typed(filterd: Deployment, words: list[str], folder: Path) -> str:
    """A command of the page, as a process; what it wrote."""
    assert words[0] == "filterd"
    done = filterd.run(*(word.replace(FOLDER, str(folder)) for word in words[1:]))
    assert done.returncode == 0, f"{shlex.join(words)}: {done.stderr}{done.stdout}"
    return done.stdout + done.stderr


def blocked(filterd: Deployment, name: str) -> bool:
    answer = filterd.ask(name, source=STRANGER)
    return ede(answer) == [CENSORED] and not answer.answer


def test_the_page_on_restoring_works_word_for_word(filterd: Deployment, tmp_path: Path) -> None:
    filterd.order("before.example")
    filterd.order("withdrawn.example")
    filterd.register("home", CHILD, "children")
    assert soon(lambda: FILTERED in ede(filterd.ask(adult_names()[0], source=CHILD)))
    folder = tmp_path / "backup"
    folder.mkdir()
    typed(filterd, commands_under("## Backup and restore")[0], folder)

    filterd.order("after.example")
    filterd.cli("order", "withdraw", "O-2", "--reason", "lifted")
    filterd.cli("subscriber", "opt-out", "home")
    assert soon(lambda: blocked(filterd, "after.example"))
    assert soon(lambda: not blocked(filterd, "withdrawn.example"))

    asker = Asker(filterd, ["before.example", "after.example"])
    with asker.asking():
        told = [typed(filterd, words, folder) for words in commands_under("### Restoring")]
        assert "next order" in told[0]
        assert "O-4" in told[0]
        assert "whole" in told[1]

        def followed() -> bool:
            (node,) = filterd.cli("node", "list")
            there: bool = node["report"]["mandatory_revision"] == node["revision"]
            return there and node["state"] == "ready"

        assert soon(followed)
        (show, end) = commands_under("### Orders that only nodes know")
        assert "O-3" in typed(filterd, show, folder)
        assert blocked(filterd, "after.example"), "though the restored store never heard of it"
        assert filterd.ask("withdrawn.example", source=STRANGER).answer
        assert filterd.ask(adult_names()[0], source=CHILD).answer, "the opt-out holds"
        assert filterd.order("after.example")["reference"] == "O-4"
        assert soon(followed)
        words = [{"O-13": "O-3"}.get(word, word.replace("O-18", "O-4")) for word in end]
        typed(filterd, words, folder)
        assert soon(lambda: not filterd.cli("node", "list")[0]["report"]["kept_orders"])
        filterd.cli("snapshot", "build")
        assert soon(followed)
        assert blocked(filterd, "after.example")
    assert asker.unfiltered == []
    assert asker.answers > 100
    filterd.cli("order", "withdraw", "O-4", "--reason", "over")
    assert soon(lambda: not blocked(filterd, "after.example"))


def test_the_store_that_was_put_back_by_hand_becomes_the_truth(filterd: Deployment, tmp_path: Path) -> None:
    """An old copy by ``cp``, while all runs: nothing is written in it, no name is let through."""
    filterd.order("before.example")
    filterd.cli("backup", str(tmp_path / "old"))
    filterd.order("after.example")
    assert soon(lambda: blocked(filterd, "after.example"))
    asker = Asker(filterd, ["before.example", "after.example"])
    with asker.asking():
        store = filterd.state / "filterd.db"
        for side in ("-wal", "-shm"):
            store.with_name(store.name + side).unlink(missing_ok=True)
        (filterd.state / "put").write_bytes((tmp_path / "old" / "filterd.db").read_bytes())
        (filterd.state / "put").rename(store)
        refused = filterd.run("order", "withdraw", "O-1", "--reason", "over")
        assert refused.returncode == 1
        assert "was acknowledged" in refused.stderr
        assert "filterd restore" in refused.stderr
        assert soon(lambda: filterd.http(filterd.metrics, "/readyz")[0] == 503)
        (words,) = commands_under("### Where there is no backup, or the store was put back by hand")
        typed(filterd, words, tmp_path)
        filterd.wait_ready()
        assert filterd.order("later.example")["reference"] == "O-3"
        assert soon(lambda: blocked(filterd, "later.example"))
    assert asker.unfiltered == []
    assert soon(lambda: filterd.cli("node", "list")[0]["report"]["kept_orders"] == ["O-2"])
