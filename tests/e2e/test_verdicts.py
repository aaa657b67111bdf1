"""Orders on addresses in every form, help lines behind content networks, and DS, through a running filterd.

Each name is answered with addresses by the upstream; each question is asked over UDP and TCP, more than once;
``filterd check`` has to say the same.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Network

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from filterd.config.load import load
from filterd.model.rule import Scope
from filterd.operations import snapshots
from filterd.operations.context import open_context
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from tests.e2e.deployment import Deployment, ede, soon
from tests.e2e.small import small
from tests.worlds.inner_addresses import BUILT_IN, CONFIGURED, LOCAL_USE

CHILD, NOBODY, OWNER = "127.0.0.2", "127.0.0.9", "127.0.0.3"
CENSORED, FILTERED = 16, 17
ORDERED, FREE = "192.0.2.66", "198.51.100.66"
AT_START = IPv6Network("2001:db8:122:344::/64")
REQUEST = OrderRequest("Authority", "Official", "D-1", "Law 1", "test", (), accept_overblocking=True)
DIGEST = "ab" * 32


def _forms() -> dict[str, tuple[str, str]]:
    """Label -> the ordered and the free address in that form."""
    forms = {**BUILT_IN, "configured": CONFIGURED[AT_START], "local-use": CONFIGURED[LOCAL_USE]}
    return {
        label: (str(form(IPv4Address(ORDERED))), str(form(IPv4Address(FREE))))
        for label, form in forms.items()
    }


FORMS = _forms()
RECORDS: dict[tuple[str, str], list[str]] = {
    **{(f"{label}.bad.example", "AAAA"): ["2001:db8::5", bad] for label, (bad, _) in FORMS.items()},
    **{(f"{label}.good.example", "AAAA"): ["2001:db8::5", good] for label, (_, good) in FORMS.items()},
    **{
        (f"hint.{label}.bad.example", "HTTPS"): [f'1 . alpn="h2" ipv6hint="2001:db8::5,{bad}"']
        for label, (bad, _) in FORMS.items()
    },
    ("safe.search.example", "AAAA"): [FORMS["nat64"][0]],
    ("search.example", "AAAA"): ["2001:db8::5"],
    ("help.example", "CNAME"): ["edge.adult.example."],
    ("edge.adult.example", "CNAME"): ["pop.network.example."],
    ("pop.network.example", "A"): [ORDERED],
    ("pop.network.example", "AAAA"): [FORMS["nat64"][0]],
    ("line.portal.example", "HTTPS"): [f'1 pop.network.example. ipv4hint="{ORDERED}"'],
    ("line.portal.example", "CNAME"): ["chat.example."],
    ("chat.example", "A"): ["198.51.100.7"],
    ("pointing.example", "CNAME"): ["help.example."],
    ("cloaked.example", "CNAME"): ["other.portal.example."],
    ("other.portal.example", "A"): ["198.51.100.8"],
    **{
        (name, rtype): data
        for name in (
            "shop.example",
            "www.shop.example",
            "only.example",
            "www.only.example",
            "adult.example",
            "www.adult.example",
            "own.example",
            "www.own.example",
            "free.example",
        )
        for rtype, data in (("A", ["198.51.100.9"]), ("DS", [f"1 13 2 {DIGEST}"]))
    },
}


async def _prepare(filterd: Deployment) -> None:
    async with open_context(load(filterd.config)) as context:
        for name, scope in (
            ("shop.example", Scope.SUBTREE),
            ("only.example", Scope.EXACT),
            (ORDERED, Scope.SUBTREE),
            ("pop.network.example", Scope.SUBTREE),
        ):
            await taking.add(context, replace(REQUEST, entries=((name, scope),)))
        await updating.update(context)
        await snapshots.build(context)


def _configure(filterd: Deployment, *prefixes: IPv6Network) -> None:
    filterd.write_config(dns={"nat64": [str(each) for each in prefixes]})


Running = tuple[Deployment, subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running installation with orders, behind one translator beside the well-known one."""
    with small(tmp_path_factory.mktemp("verdicts"), RECORDS) as made:
        _configure(made, AT_START, IPv6Network("64:ff9b::/96"))
        asyncio.run(_prepare(made))
        made.register("child", CHILD, "child")
        made.register("owner", OWNER)
        made.cli("subscriber", "deny", "owner", "own.example")
        with made.serving() as process:
            assert soon(lambda: ede(made.ask("own.example", source=OWNER)) == [FILTERED])
            yield made, process


@pytest.fixture
def filterd(running: Running) -> Deployment:
    """The installation."""
    return running[0]


def asked(filterd: Deployment, name: str, kind: str, source: str = NOBODY) -> dns.message.Message:
    """The answer, which is the same over UDP and TCP, twice over each, and that check speaks of."""
    client = ("--client", source, "--type", kind, "--resolve")
    said = filterd.cli("check", name, *client)
    answers = [filterd.ask(name, kind, source, tcp=tcp) for tcp in (False, True, False, True)]
    for answer in answers:
        assert ede(answer) == said["ede"], (name, kind, said["verdict"], answer)
        assert said["verdict"] == "pass" or dns.rcode.to_text(answer.rcode()) == (said["rcode"] or "NOERROR")
        assert {each.rdtype for each in answer.answer} == {each.rdtype for each in answers[0].answer}
    return answers[-1]


@pytest.mark.parametrize("label", [label for label in FORMS if label != "local-use"])
def test_an_ordered_address_in_every_form(filterd: Deployment, label: str) -> None:
    for source in (NOBODY, CHILD):
        for name, kind in ((f"{label}.bad.example", "AAAA"), (f"hint.{label}.bad.example", "HTTPS")):
            answer = asked(filterd, name, kind, source)
            assert (ede(answer), answer.answer) == ([CENSORED], []), name
        assert asked(filterd, f"{label}.good.example", "AAAA", source).answer


def test_an_ordered_address_in_a_safe_hosts_answer(filterd: Deployment) -> None:
    assert asked(filterd, "search.example", "AAAA").answer
    answer = asked(filterd, "search.example", "AAAA", CHILD)
    assert (ede(answer), answer.answer) == ([CENSORED], [])


def test_the_prefixes_of_translators_change_at_a_reload(running: Running) -> None:
    """In the cache already, and judged again: the state is another one."""
    filterd, process = running
    before, after = "configured.bad.example", "local-use.bad.example"
    assert ede(filterd.ask(before, "AAAA")) == [CENSORED]
    assert filterd.ask(after, "AAAA").answer
    _configure(filterd, LOCAL_USE)
    process.send_signal(signal.SIGHUP)
    try:
        assert soon(lambda: ede(filterd.ask(after, "AAAA")) == [CENSORED]), filterd.log()
        assert asked(filterd, before, "AAAA").answer
        assert ede(asked(filterd, "hint.local-use.bad.example", "HTTPS")) == [CENSORED]
        assert asked(filterd, "nat64.bad.example", "AAAA").answer
    finally:
        _configure(filterd, AT_START, IPv6Network("64:ff9b::/96"))
        process.send_signal(signal.SIGHUP)
    assert soon(lambda: ede(filterd.ask(before, "AAAA")) == [CENSORED])


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_a_help_line_behind_a_content_network(filterd: Deployment, kind: str) -> None:
    """Its alias stands in a category, the network's name and its address under orders."""
    for source in (NOBODY, CHILD):
        answer = asked(filterd, "help.example", kind, source)
        assert (answer.rcode(), ede(answer)) == (dns.rcode.NOERROR, [])
        assert len(answer.answer) == 3
    assert ede(asked(filterd, "edge.adult.example", kind, CHILD)) != []
    assert ede(asked(filterd, "pop.network.example", kind)) == [CENSORED]


def test_hints_and_targets_of_a_protected_name(filterd: Deployment) -> None:
    answer = asked(filterd, "line.portal.example", "HTTPS", CHILD)
    assert (ede(answer), len(answer.answer)) == ([], 1)


def test_protection_does_not_lift_a_service(filterd: Deployment) -> None:
    assert asked(filterd, "line.portal.example", "A").answer
    assert ede(asked(filterd, "line.portal.example", "A", CHILD)) == [FILTERED]


def test_a_protected_name_met_midway_protects_nothing(filterd: Deployment) -> None:
    for source in (NOBODY, CHILD):
        answer = asked(filterd, "pointing.example", "A", source)
        assert (ede(answer), answer.answer) == ([CENSORED], [])
    assert len(asked(filterd, "cloaked.example", "A", CHILD).answer) == 2


@pytest.mark.parametrize(
    ("name", "source", "code", "below"),
    [
        ("shop.example", NOBODY, CENSORED, True),
        ("only.example", NOBODY, CENSORED, False),
        ("adult.example", CHILD, FILTERED, True),
        ("own.example", OWNER, FILTERED, True),
    ],
)
def test_ds_of_a_rules_own_name(filterd: Deployment, name: str, source: str, code: int, below: bool) -> None:
    """An order, a list and an own block name: the DS of the very name passes, what is below stays blocked."""
    assert ede(asked(filterd, name, "A", source)) == [code]
    answer = asked(filterd, name, "DS", source)
    assert ede(answer) == []
    assert [each.rdtype for each in answer.answer] == [dns.rdatatype.DS]
    assert DIGEST in answer.answer[0].to_text()
    answer = asked(filterd, f"www.{name}", "DS", source)
    assert ede(answer) == ([code] if below else [])
    assert bool(answer.answer) != below
