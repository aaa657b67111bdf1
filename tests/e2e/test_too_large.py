"""Answers that would take too long to judge, through a resolver process: refused, and never unjudged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.rcode
import pytest

from filterd.model.changelog import BindingChange, LineChange, OrderChange
from filterd.model.line import LineChoices, OwnName
from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.rule import Action, Scope
from filterd.policy.classes import FIXED, Classes
from tests.e2e.resolver_process import ResolverProcess, answering, resolver_of, resolver_settings, upstream
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot

LINE, ANYBODY = "127.0.0.2", "127.0.0.4"
BANNED = "192.0.2.66"
MOST = 142
"""hints beside a target"""


def hints(count: int, last: str = "198.51.100.1") -> list[str]:
    """The data of an HTTPS record."""
    others = [f"10.0.{number // 250}.{number % 250}" for number in range(count - 1)]
    return [f'1 t.example. ipv4hint="{",".join([*others, last])}"']


RECORDS = {
    ("most.example", "HTTPS"): hints(MOST),
    ("hidden.example", "HTTPS"): hints(MOST, BANNED),
    ("above.example", "HTTPS"): hints(MOST + 1),
    ("hidden-above.example", "HTTPS"): hints(MOST + 1, BANNED),
    ("pool.example", "A"): [f"198.51.100.{number}" for number in range(64)],
}


@pytest.fixture(scope="module")
def resolver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResolverProcess]:
    """With an order on :data:`BANNED`, and a line at 127.0.0.2 that has a name of its own."""
    directory: Path = tmp_path_factory.mktemp("resolver")
    store = ScriptedStore(make_store(directory / "filterd.db"))
    with upstream(answering(RECORDS)) as (port, _):
        made = resolver_of(resolver_settings(directory, port), directory / "log")
        keys = directory / "state" / "keys"
        keys.mkdir()
        (keys / "fingerprint.key").write_bytes(KEY)
        put_snapshot(directory / "state", 0, Classes(FIXED), {}, ())
        made.start()
        made.wait_for(lambda: made.get("/readyz")[0] == 200)
        choices = LineChoices(1, own_names=(OwnName("mine.example", Action.BLOCK),))
        order = OrderChange(FIRST_ORDER_ID + 1, "1", (("mark.example", Scope.SUBTREE),), (f"{BANNED}/32",))
        store.write(LineChange(choices), BindingChange(f"{LINE}/32", 1), order)
        made.wait_for(lambda: codes(made.ask("mark.example")) == [16])
        made.wait_for(lambda: codes(made.ask("mine.example", client=LINE)) == [17])
        yield made
        made.stop()
    store.close()


def codes(reply: dns.message.Message) -> list[int]:
    return [int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)]


def metric(resolver: ResolverProcess) -> float:
    lines = resolver.get("/metrics")[1].splitlines()
    return float(
        next(each for each in lines if each.startswith("filterd_answers_too_large_total ")).split()[1]
    )


@pytest.mark.parametrize("client", [LINE, ANYBODY])
@pytest.mark.parametrize("name", ["above.example", "hidden-above.example"])
def test_above_the_bound(resolver: ResolverProcess, name: str, client: str) -> None:
    before = metric(resolver)
    for tcp in (False, True, False, True):
        reply = resolver.ask(name, "HTTPS", client=client, tcp=tcp)
        assert reply.rcode() == dns.rcode.SERVFAIL
        assert codes(reply) == [0]
    assert metric(resolver) >= before
    assert metric(resolver) > 0


@pytest.mark.parametrize("client", [LINE, ANYBODY])
@pytest.mark.parametrize("tcp", [False, True])
def test_at_the_bound(resolver: ResolverProcess, client: str, tcp: bool) -> None:
    for _ in range(2):  # from the upstream, and from the cache
        reply = resolver.ask("most.example", "HTTPS", client=client, tcp=tcp)
        assert codes(reply) == []
        assert reply.answer
        hidden = resolver.ask("hidden.example", "HTTPS", client=client, tcp=tcp)
        assert codes(hidden) == [16]
        assert not hidden.answer
        assert resolver.ask("pool.example", client=client, tcp=True).answer
