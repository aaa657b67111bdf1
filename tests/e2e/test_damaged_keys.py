"""Damaged keys: DNS goes on without a cookie secret; a fingerprint key that is put back is enough."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.rcode
import pytest

from filterd.disk import checked_file
from tests.e2e.deployment import Deployment, ede, soon
from tests.e2e.small import small

pytestmark = pytest.mark.ring("night")

CENSORED = 16


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    """One that has served once, with an adopted list; not running."""
    with small(tmp_path) as made:
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        with made.serving():
            pass
        yield made


def rcode(filterd: Deployment, name: str) -> int:
    """The answer's; -1 for none in time."""
    with contextlib.suppress(dns.exception.Timeout, OSError):
        return int(filterd.ask(name, timeout=0.5).rcode())
    return -1


def blocks(filterd: Deployment) -> bool:
    """True if the mandatory name is blocked and another is answered."""
    with contextlib.suppress(dns.exception.Timeout, OSError):
        return ede(filterd.ask("worst.example")) == [CENSORED] and bool(filterd.ask("fine.example").answer)
    return False


def test_a_damaged_cookie_key_does_not_stop_dns(filterd: Deployment) -> None:
    key = filterd.state / "keys" / "cookie.key"
    key.write_bytes(b"cut")
    with filterd.serving():
        assert blocks(filterd)
    assert len(checked_file.read(key)) == 16
    assert "the cookie secret was damaged" in filterd.log()


def test_a_fingerprint_key_that_is_put_back_brings_dns_back(filterd: Deployment) -> None:
    key = filterd.state / "keys" / "fingerprint.key"
    good = key.read_bytes()
    key.write_bytes(bytes(16))
    serve = filterd.start("--role", "resolver")
    try:
        assert soon(lambda: rcode(filterd, "worst.example") == dns.rcode.SERVFAIL), filterd.log()
        assert "keys/fingerprint.key" in filterd.log(), "the remedy names the file"
        key.write_bytes(good)
        assert soon(lambda: blocks(filterd), "fingerprint key put back, to answers"), filterd.log()
        assert serve.poll() is None
    finally:
        serve.terminate()
        assert serve.wait(timeout=20) == 0


def test_a_fingerprint_key_of_another_size_is_said_with_its_remedy(filterd: Deployment) -> None:
    (filterd.state / "keys" / "fingerprint.key").write_bytes(b"cut")
    done = filterd.run("serve", "--role", "resolver")
    assert done.returncode == 1
    assert "fingerprint.key has 3 bytes, not 16: restore it from a backup" in done.stderr
