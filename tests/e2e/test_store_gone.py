"""A start from which the store is gone: no store is made, and nothing is answered that may be ordered."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.rcode
import pytest

from tests.e2e.deployment import Deployment, ede, soon, stop
from tests.e2e.small import small

pytestmark = pytest.mark.ring("night")

NAME = "fine.example"
"""which the upstream answers, and the order blocks"""


def outcome(filterd: Deployment) -> tuple[str, list[int]]:
    """The response code for the ordered name, and the codes of its extended errors."""
    reply = filterd.ask(NAME)
    return dns.rcode.to_text(reply.rcode()), ede(reply)


def blocked(filterd: Deployment) -> bool:
    """True if the name is blocked by an order."""
    return bool({16, 17} & set(outcome(filterd)[1]))


def answered(filterd: Deployment) -> bool:
    """True once the resolver answers anything."""
    try:
        outcome(filterd)
    except (dns.exception.Timeout, OSError):
        return False
    return True


def everything(filterd: Deployment) -> None:
    """Remove the state directory, as a disk that is not mounted does."""
    shutil.rmtree(filterd.state)


def emptied(filterd: Deployment) -> None:
    """Leave an empty file in the store's place, and nothing else."""
    everything(filterd)
    filterd.state.mkdir(mode=0o700)
    os.close(os.open(filterd.state / "filterd.db", os.O_CREAT | os.O_RDWR, 0o600))


@pytest.mark.parametrize("lose", [everything, emptied])
def test_without_state_no_ordered_name_is_answered(
    tmp_path: Path, lose: Callable[[Deployment], None]
) -> None:
    with small(tmp_path) as filterd:
        backup = tmp_path / "backup"
        filterd.order(NAME)
        filterd.cli("feed", "update")
        filterd.cli("snapshot", "build")
        with filterd.serving():
            assert blocked(filterd), "the order is in force"
            filterd.cli("backup", str(backup))
        lose(filterd)
        serve = filterd.start()
        try:
            assert soon(lambda: answered(filterd)), filterd.log()
            assert soon(lambda: "control cannot go on" in filterd.log()), filterd.log()
            until = time.monotonic() + 2.0
            while time.monotonic() < until:
                assert outcome(filterd) == ("SERVFAIL", [14]), filterd.log()
                time.sleep(0.1)
            assert filterd.http(filterd.metrics, "/readyz")[0] == 503
            assert "for a first installation alone: filterd store migrate" in filterd.log()
            store = filterd.state / "filterd.db"
            assert not store.exists() or store.stat().st_size == 0, "nobody makes a store"
            assert serve.poll() is None, "control that cannot start stops no DNS"
            refused = filterd.run("store", "migrate")
            assert refused.returncode == 1
            assert "filterd restore DIRECTORY" in refused.stderr
            again = ("restore", str(backup), "--reason", "the disk was not there")
            refused = filterd.run(*again)
            assert (refused.returncode, "--accept-lost-endings" in refused.stderr) == (1, True)
            filterd.cli(*again, "--accept-lost-endings")
            filterd.cli("snapshot", "build")
            assert soon(lambda: blocked(filterd)), filterd.log()
        finally:
            stop(serve)
