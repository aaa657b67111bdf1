"""``check`` says what DNS answers: thousands of random questions, each asked of both.

The command's use case is called in this process (a process for each question would take hours); what it says
is compared with the bytes that the running resolver sends: response code, extended errors, made-up records,
and, over each round, how often each verdict was given for each reason.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
from prometheus_client.parser import text_string_to_metric_families

from filterd.config.load import load
from filterd.model.rule import Scope
from filterd.model.verdict import Reason
from filterd.operations import check, snapshots, subscribers
from filterd.operations.check import CheckState
from filterd.operations.context import Context, open_context
from filterd.operations.explain import Explanation, explain
from filterd.operations.orders import ending, taking
from filterd.operations.orders.intake import OrderRequest
from tests.e2e.agreement import ALIASES, BASES, Case, Draw, cases, write_policies, zone
from tests.e2e.agreement_lab import Client, Lab, add_orders, change_lines, prepare
from tests.e2e.authority import nsd
from tests.e2e.deployment import Deployment, ede, soon

pytestmark = [pytest.mark.ring("night"), pytest.mark.system("nsd")]

MADE = {1: {"0.0.0.0", "192.0.2.80"}, 28: {"::", "2001:db8::80"}}
UNKNOWN = "127.0.0.250"
OUTSIDE = "127.9.0.1"
"""not in allow_from"""
ROUND = 1_200
"""questions of one round"""
SEED = 20_261_016


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The installation, with a snapshot of the lists and of some orders, and other orders beside it."""
    folder = tmp_path_factory.mktemp("agreement")
    draw = Draw(random.Random(SEED))
    policies = write_policies(folder, draw)
    with nsd(folder / "authority", {".": zone(draw)}) as upstream:
        filterd = Deployment(folder / "filterd", upstream, policies)
        filterd.write_config(dns={"allow_from": ["127.0.0.0/16"]}, security={"enabled": True})
        lines = asyncio.run(prepare(filterd, draw))
        with filterd.serving() as process:
            client = Client(filterd.port)
            try:
                yield Lab(filterd, process, draw, client, lines)
            finally:
                client.close()


def _verdicts(filterd: Deployment) -> Counter[tuple[str, str]]:
    """What the resolver counted, by verdict and reason."""
    counted: Counter[tuple[str, str]] = Counter()
    for family in text_string_to_metric_families(filterd.http(filterd.metrics, "/metrics")[1]):
        if family.name == "filterd_verdicts":
            for sample in family.samples:
                if sample.name == "filterd_verdicts_total":
                    counted[sample.labels["verdict"], sample.labels["reason"]] += int(sample.value)
    return counted


def _made(answer: dns.message.Message) -> bool:
    """True if the answer is one made-up address."""
    addresses = [str(record) for rrset in answer.answer for record in rrset]
    kind = answer.question[0].rdtype
    return len(addresses) == 1 and addresses[0] in MADE.get(kind, ())


def _is_denied(answer: dns.message.Message) -> bool:
    """No record but an SOA, of the query name or where that does not exist of its parent, which lives as long
    as what is made up does."""
    if answer.answer or len(answer.authority) != 1:
        return False
    soa = answer.authority[0]
    return soa.rdtype == dns.rdatatype.SOA and soa.name == _zone(answer) and 0 < soa.ttl <= 30


def _zone(answer: dns.message.Message) -> dns.name.Name:
    name = answer.question[0].name
    denied = answer.rcode() == dns.rcode.NXDOMAIN and name != dns.name.root
    return name.parent() if denied else name


def difference(case: Case, said: Explanation | SimpleNamespace, answer: dns.message.Message) -> str:
    """How the answer differs from what check said; empty for agreement."""
    codes = tuple(ede(answer))
    if case.edns and codes != tuple(said.ede):
        return f"extended errors {codes}"
    if said.rcode and dns.rcode.to_text(answer.rcode()) != said.rcode:
        return f"rcode {dns.rcode.to_text(answer.rcode())}"
    if answer.flags & dns.flags.AD:
        return "AD"
    if said.verdict == "block":
        fits = _made(answer) if 4 in said.ede else _is_denied(answer)
    elif said.verdict == "rewrite":
        fits = bool(answer.answer) and answer.answer[0].rdtype == dns.rdatatype.CNAME
        fits = fits and answer.answer[0].name == answer.question[0].name
    else:
        fits = said.verdict in ("local", "refuse") or not _made(answer)
    return "" if fits else f"not as {said.verdict} has it"


@contextmanager
def _state_loaded_once() -> Iterator[None]:
    """While nothing changes, check need not read the store anew for every question of a client."""
    kept: dict[tuple[str | None, str | None], CheckState] = {}

    async def kept_state(
        context: Context, now: int, *, subscriber: str | None = None, client: str | None = None
    ) -> CheckState:
        who = (subscriber, client)
        if who not in kept:
            kept[who] = await load_state(context, now, subscriber=subscriber, client=client)
        return kept[who]

    load_state = check.load_state
    with mock.patch.object(check, "load_state", kept_state):
        yield


async def _agree(lab: Lab, context: Context, asked: Iterable[Case]) -> list[str]:
    """Ask both; what they differ in."""
    before, said_so = _verdicts(lab.filterd), Counter[tuple[str, str]]()
    differences = []
    for number, case in enumerate(asked):
        answer = lab.client.ask(case, number)
        subscriber = lab.lines.get(case.source) if number % 4 == 0 else None
        client = case.source if subscriber is None else None
        said = await explain(
            context, case.name, qtype=case.kind, subscriber=subscriber, client=client, resolve=True
        )
        differs = difference(case, said, answer)
        if differs:
            differences.append(f"{case}: {differs}\n  check: {said}\n  dns: {answer}")
        if said.verdict != "refuse":
            said_so[said.verdict, said.reason] += 1
        lab.reasons[said.reason] += 1
        lab.asked += 1
    counted = _verdicts(lab.filterd) - before
    counted = Counter(
        {key: n for key, n in counted.items() if key[0] in ("pass", "block", "rewrite", "local")}
    )
    if not differences and counted != said_so:
        differences.append(f"counted {counted - said_so}, said {said_so - counted}")
    return differences


async def _settled(lab: Lab, context: Context) -> None:
    """Until the resolver has all that the store has: both of its streams are in order."""
    lab.markers += 1
    marker = f"marker-{lab.markers}.example"
    await subscribers.deny(context, "none", marker)
    await taking.add(
        context, OrderRequest("A", "O", "D", "G", "marker", ((f"order-{marker}", Scope.SUBTREE),))
    )  # fmt: skip
    source = next(address for address, name in lab.lines.items() if name == "none")
    assert soon(lambda: ede(lab.filterd.ask(marker, source=source)) == [17])
    assert soon(lambda: ede(lab.filterd.ask(f"order-{marker}")) == [16])
    digest = snapshots.open_current(context).digest
    assert soon(lambda: digest in lab.filterd.http(lab.filterd.metrics, "/metrics")[1])


def _run(lab: Lab, *, change: str = "") -> None:
    """One round, after a change of a kind."""

    async def perform() -> list[str]:
        async with open_context(load(lab.filterd.config)) as context:
            if change == "orders":
                for reference in (await add_orders(context, lab.draw, 8))[2:4]:
                    await ending.withdraw(context, reference, reason="test")
                await ending.withdraw(context, "O-3", reason="test")
            elif change == "lines":
                await change_lines(context, lab.draw)
            elif change == "snapshot":
                await snapshots.build(context)
            await _settled(lab, context)
            sources: Sequence[str] = [*lab.lines, UNKNOWN, OUTSIDE]
            with _state_loaded_once():
                return await _agree(lab, context, cases(lab.draw, sources, ROUND))

    differences = asyncio.run(perform())
    assert not differences, f"{len(differences)} of {ROUND}\n" + "\n".join(differences[:5])


def test_lists_and_orders_that_are_compiled(lab: Lab) -> None:
    _run(lab)


def test_orders_and_withdrawals_that_no_snapshot_holds_yet(lab: Lab) -> None:
    _run(lab, change="orders")


def test_lines_that_chose_anew(lab: Lab) -> None:
    _run(lab, change="lines")


def test_the_same_in_a_new_snapshot(lab: Lab) -> None:
    _run(lab, change="snapshot")


def _asked_in_a_process(lab: Lab, case: Case, *more: str) -> dict[str, Any]:
    """The command as an operator gives it, and its agreement with DNS."""
    found: dict[str, Any] = lab.filterd.cli("check", case.name, "--type", case.kind, *more)
    differs = difference(case, SimpleNamespace(**found), lab.client.ask(case, 1))
    assert not differs, f"{case}: {differs}: {found}"
    assert_shape(found)
    return found


def test_the_command_says_it_in_its_own_process(lab: Lab) -> None:
    for number, case in enumerate(cases(lab.draw, list(lab.lines), 3)):
        who = ("--client", case.source) if number % 2 else ("--subscriber", lab.lines[case.source])
        found = _asked_in_a_process(lab, case, *who, "--resolve")
        assert found["identity"]["method"] == ("binding" if number % 2 else "subscriber")


@pytest.mark.parametrize(
    ("leading", "kind", "as_text"),
    [("alias", "A", False), ("service", "HTTPS", True), ("address", "AAAA", False)],
)
def test_an_answer_in_a_file_is_judged_as_the_one_that_dns_gets(
    lab: Lab, tmp_path: Path, leading: str, kind: str, as_text: bool
) -> None:
    """Of the names that lead elsewhere one whose answer, and not it itself, is blocked on the line."""
    for number in range(ALIASES):
        case = Case(f"r{number}.{leading}.example", kind, UNKNOWN, edns=True, dnssec=False, tcp=False)
        if ede(lab.client.ask(case, 1))[:1] == [16]:
            break
    answer = dns.query.udp(dns.message.make_query(case.name, kind), "127.0.0.1", port=lab.filterd.upstream)
    path = tmp_path / "answer"
    path.write_bytes(answer.to_text().encode() if as_text else answer.to_wire())
    found = _asked_in_a_process(lab, case, "--client", case.source, "--answer", str(path))
    decided = [each for each in found["stages"] if each["outcome"] == "decided"]
    assert [(each["part"], each["stage"]) for each in decided] == [("answer", "mandatory")]


def assert_shape(found: dict[str, Any]) -> None:
    """The contract of the JSON: other people's scripts read it."""
    assert {"name", "type", "verdict", "reason", "stages", "identity", "revision", "digest"} <= set(found)
    assert {"method", "line"} <= set(found["identity"])
    assert type(found["revision"]) is int
    assert len(found["digest"]) == 64
    for stage in found["stages"]:
        texts = ("stage", "outcome", "rule", "list", "order", "matched_name", "scope")
        assert all(type(stage[key]) is str for key in texts), stage
        assert stage["outcome"] in ("not evaluated", "off", "no match", "lifted", "allowed", "decided")
        assert stage["scope"] in ("", "exact", "subtree", "below")
    stages = [(each["part"], each["stage"]) for each in found["stages"]]
    order = [reason.word for reason in Reason if reason is not Reason.NONE]
    later = [word for word in order if word not in ("local", "special_use")]
    assert stages == [("query", word) for word in order] + [("answer", word) for word in later]
    if found["verdict"] in ("block", "rewrite"):
        decided = [each["stage"] for each in found["stages"] if each["outcome"] == "decided"]
        assert found["reason"] in decided


def test_another_time_is_answered_for(lab: Lab) -> None:
    """Orders that begin tomorrow and in a moment, and a pause that ends."""
    now = int(time.time())
    asyncio.run(_order_at(lab, {"tomorrow.example": now + 86_400, "moment.example": now + 2}))
    case = Case("www.moment.example", "A", UNKNOWN, edns=True, dnssec=False, tcp=False)
    assert soon(lambda: ede(lab.client.ask(case, 2)) == [16])
    assert _said(lab, case).reason == "mandatory"
    assert _said(lab, case, at=now).verdict == "pass"
    case = replace(case, name="www.tomorrow.example")
    assert not difference(case, _said(lab, case), lab.client.ask(case, 2))
    tomorrow = datetime.fromtimestamp(now + 86_400, UTC).isoformat()
    then = lab.filterd.cli("check", case.name, "--at", tomorrow)
    assert (then["verdict"], then["reason"], then["at"]) == (
        "block",
        "mandatory",
        f"{datetime.fromtimestamp(now + 86_400, UTC):%Y-%m-%dT%H:%M:%SZ}",
    )
    source = next(address for address, name in lab.lines.items() if name == "all-null")
    paused = _said(lab, replace(case, source=source))
    assert paused.identity["paused"] is True
    assert _said(lab, replace(case, source=source), at=paused.valid_until).identity["paused"] is False


async def _order_at(lab: Lab, begins: dict[str, int]) -> None:
    async with open_context(load(lab.filterd.config)) as context:
        for name, moment in begins.items():
            request = OrderRequest(
                "A",
                "O",
                "D",
                "G",
                "later",
                ((name, Scope.SUBTREE),),
                not_before=moment,
                proportionality="weighed",
            )
            await taking.add(context, request)


def _said(lab: Lab, case: Case, at: int | None = None) -> Explanation:
    async def perform() -> Explanation:
        async with open_context(load(lab.filterd.config)) as context:
            return await explain(context, case.name, qtype=case.kind, client=case.source, at=at)

    return asyncio.run(perform())


def test_nothing_confidential_is_told(lab: Lab) -> None:
    """Neither a name nor the id of a confidential list, neither in the table nor in JSON.

    Nor is anything said of an answer that nobody looked at.
    """
    open_lists = {
        name.removeprefix("*.").removeprefix("www.").removeprefix("a.b.")
        for feed in ("adopted", "adopted-null", "adopted-page", "adult", "adult-hosts", "games", "social")
        for name in (lab.filterd.policies / "lists" / f"{feed}.txt").read_text().split()
    }
    listed = (lab.filterd.policies / "lists" / "secret.txt").read_text().split()
    secret = next(name for name in listed if name not in open_lists and ede(lab.filterd.ask(name)) == [16])
    for output in ([], ["--json"]):
        done = lab.filterd.run("check", f"u.v.{secret}", *output)
        shown = done.stdout.replace(f"u.v.{secret}", "")
        assert "mandatory" in shown
        assert "confidential" in shown
        assert secret not in shown
        assert "secret" not in shown
    found = json.loads(done.stdout)
    assert_shape(found)
    assert {each["outcome"] for each in found["stages"] if each["part"] == "answer"} == {"not evaluated"}


def test_security_is_off_and_a_sinkhole_has_one_address(lab: Lab) -> None:
    lab.filterd.write_config(security={"enabled": False}, block_page={"ipv4": "192.0.2.80", "ipv6": None})
    client = Case("", "A", UNKNOWN, edns=True, dnssec=False, tcp=False)
    unsafe = next(base for base in BASES if ede(lab.client.ask(replace(client, name=base), 1)) == [15])
    lab.process.send_signal(signal.SIGHUP)
    assert soon(lambda: not ede(lab.client.ask(replace(client, name=unsafe), 1)))
    _run(lab)
    every = {
        "none",
        "local",
        "mandatory",
        "special_use",
        "own_deny",
        "schedule",
        "own_allow",
        "service",
        "category",
    }
    assert every | {"safe_search", "bypass", "security", "client"} <= set(lab.reasons), lab.reasons
