"""``check`` says which list, order or own name decides, stage by stage, and tells no confidential name."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Network, ip_address
from pathlib import Path

import dns.message
import pytest

from filterd.config.block_settings import BlockPageSettings, SinkholeSettings
from filterd.config.settings import UpstreamSettings, UpstreamTlsSettings
from filterd.config.value_types import Endpoint, TlsName
from filterd.dataplane.upstream.forward_types import FailureReason, Question, Server, UpstreamFailure
from filterd.model.blocking_mode import BlockingMode
from filterd.model.order import OrderState
from filterd.model.records import NodeReport
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import bindings, check, nodes, snapshots, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.explain import ANSWER, QUERY, ExplainedStage, Explanation, explain
from filterd.operations.feeds import updating
from filterd.operations.orders import ending, taking
from filterd.operations.orders.intake import OrderRequest
from tests.worlds.installation import Installation, as_person

EVIDENCE = RequestEvidence("holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
REQUEST = OrderRequest("SAT", "A. Official", "D-1", "LIVA", "order", (("ordered.example", Scope.SUBTREE),))


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """A child's line on 127.0.0.2, a line that asked for nothing, a snapshot, and an order after it."""
    async with installation.open() as context:
        await subscribers.add(context, "child", prefixes=("127.0.0.2", "127.0.0.0/24"))
        await subscribers.add(context, "none", prefixes=("127.0.0.4",))
        await subscribers.opt_in(context, "child", "child", EVIDENCE)
        await updating.update(context)
        await snapshots.build(context)
        order = await taking.add(context, REQUEST)
        await taking.approve(as_person(context, "bob"), order.reference)
        yield context


def stage(found: Explanation, name: str, part: str = QUERY) -> ExplainedStage:
    return next(each for each in found.stages if (each.stage, each.part) == (name, part))


async def test_a_category_names_its_list(context: Context) -> None:
    found = await explain(context, "www.Adult.example.", subscriber="child")
    assert (found.verdict, found.reason, found.blocking_mode) == ("block", "category", "nxdomain")
    assert stage(found, "category") == ExplainedStage(
        stage="category",
        part=QUERY,
        outcome="decided",
        rule="adult.example subtree",
        list="adult-starter",
        matched_name="adult.example",
        scope="subtree",
        category="adult",
        title="Adultos",
    )
    assert stage(found, "mandatory").outcome == "no match"
    assert stage(found, "bypass").outcome == "not evaluated"
    assert found.identity["method"] == "subscriber"
    assert found.snapshot_revision < found.revision


async def test_a_line_that_asked_for_nothing_and_an_unknown_client_pass(context: Context) -> None:
    for subscriber, client in (("none", None), (None, "10.0.2.200"), (None, None)):
        found = await explain(context, "adult.example", subscriber=subscriber, client=client)
        assert (found.verdict, found.reason) == ("pass", "none")


async def test_orders_that_nodes_alone_keep_are_named_beside_every_verdict(context: Context) -> None:
    assert (await explain(context, "lost.example")).kept_orders == ()
    for name, kept in (("r-1", ("O-12", "O-13")), ("r-2", ()), ("r-3", ("O-12",))):
        report = NodeReport(name, context.clock(), 1, 0, "", ready=True, lists={}, kept_orders=kept)
        await nodes.record(context, report)
    found = await explain(context, "lost.example")
    assert found.verdict == "pass"
    assert found.as_dict()["kept_orders"] == (
        {"node": "r-1", "reference": "O-12"},
        {"node": "r-1", "reference": "O-13"},
        {"node": "r-3", "reference": "O-12"},
    )


@pytest.mark.ring("merge")
async def test_a_client_is_known_by_its_longest_prefix(context: Context) -> None:
    lines = {
        client: (await explain(context, "a.example", client=client)).identity["line"]
        for client in ("127.0.0.4", "127.0.0.9", "::ffff:127.0.0.4", "127.0.1.1")
    }
    assert lines == {"127.0.0.4": 2, "127.0.0.9": 1, "::ffff:127.0.0.4": 2, "127.0.1.1": None}
    with pytest.raises(OperationError, match="not an address"):
        await explain(context, "a.example", client="127.0.0.0/24")


@pytest.mark.ring("merge")
async def test_an_order_that_no_snapshot_holds_yet_decides_for_everyone(context: Context) -> None:
    await subscribers.allow(context, "child", "ordered.example")
    for subscriber in ("child", None):
        found = await explain(context, "x.ordered.example", subscriber=subscriber)
        assert (found.verdict, found.reason) == ("block", "mandatory")
        assert stage(found, "mandatory").order == "O-1"
    await snapshots.build(context)
    assert stage(await explain(context, "ordered.example"), "mandatory").order == "O-1"
    await ending.withdraw(context, "O-1", reason="court")
    assert (await explain(context, "ordered.example")).verdict == "pass"


@pytest.mark.ring("merge")
async def test_confidential_names_are_not_told(context: Context) -> None:
    secret = replace(REQUEST, entries=(("below.secret.example", Scope.SUBTREE),), confidential=True)
    order = await taking.add(context, secret)
    await taking.approve(as_person(context, "bob"), order.reference)
    for name in ("a.worst.example", "a.below.secret.example"):
        explained = await explain(context, name)
        found = stage(explained, "mandatory")
        assert found.outcome == "decided"
        assert (found.rule, found.matched_name, found.scope) == ("", "", "")
        assert (found.confidential, found.list, found.order) == (True, "", "")
        assert explained.confidential
        assert not {"worst", "secret", order.reference} & set(re.split(r"\W", repr(explained.stages)))
    assert not (await explain(context, "ordered.example")).confidential


@pytest.mark.ring("merge")
async def test_an_order_that_is_not_in_force_yet_is_told_without_saying_which(
    context: Context, tmp_path: Path
) -> None:
    """In its snapshot or beside it, by name or by target; of a quarantined one nothing is told."""
    for confidential in (True, False):
        entries = (("soon.example", Scope.SUBTREE),)
        order = await taking.add(context, replace(REQUEST, entries=entries, confidential=confidential))
        answer = dns.message.make_response(dns.message.make_query("alias.example", "A"))
        answer.answer.append(dns.rrset.from_text("alias.example.", 60, "IN", "CNAME", "www.soon.example."))
        path = tmp_path / "answer"
        path.write_bytes(answer.to_wire())
        for _ in range(2):
            found = await explain(context, "www.soon.example")
            assert (found.verdict, found.coming, stage(found, "mandatory").order) == ("pass", True, "")
            assert order.reference not in repr(found)
            assert found.confidential is confidential
            assert (await explain(context, "alias.example", answer=path)).coming
            assert not (await explain(context, "alias.example")).coming
            await snapshots.build(context)
        await ending.withdraw(context, order.reference, reason="mistyped")
        assert not (await explain(context, "www.soon.example")).coming
    held = await taking.add(context, replace(REQUEST, entries=(("portal.example", Scope.SUBTREE),)))
    assert held.state is OrderState.QUARANTINED
    assert not (await explain(context, "portal.example")).coming


async def test_a_beginning_ahead_is_coming_until_it_comes(
    context: Context, installation: Installation
) -> None:
    begins = int(installation.now) + 60
    request = replace(REQUEST, entries=(("later.example", Scope.SUBTREE),), not_before=begins)
    order = await taking.add(context, request)
    await taking.approve(as_person(context, "bob"), order.reference)
    for moment, expected in ((begins - 1, ("pass", True)), (begins, ("block", False))):
        found = await explain(context, "later.example", at=moment)
        assert (found.verdict, found.coming) == expected


@pytest.mark.ring("merge")
async def test_time_decides_too(context: Context, installation: Installation) -> None:
    await subscribers.pause(context, "child", 3600)
    now = int(installation.now)
    assert (await explain(context, "adult.example", subscriber="child")).verdict == "pass"
    later = await explain(context, "adult.example", subscriber="child", at=now + 3600)
    assert later.verdict == "block"


NIGHT = """
title: {es: Noche, en: Night}
description: {es: Noche, en: Night}
audience: {es: Casas, en: Homes}
categories: [adult]
schedule: [{days: daily, from: "00:00", until: "24:00", block: everything, leaves: [messaging]}]
"""
GROUPS = """
public_suffixes: true
names: {subtree: [help.example]}
always_allowed: {subtree: [clock.example]}
groups:
- {id: messaging, title: {es: Mensajes, en: Messages}, names: {subtree: [chat.example, red.example]}}
- {id: banks, title: {es: Bancos, en: Banks}, names: {exact: [bank.example]}}
"""


@pytest.mark.ring("merge")
async def test_the_schedule_names_the_group_that_leaves_a_name_open(
    context: Context, installation: Installation
) -> None:
    installation.write_policy("profiles/night.yaml", NIGHT)
    installation.write_policy("protected.yaml", GROUPS)
    await snapshots.build(context)
    await subscribers.set_profile(context, "child", "night")
    found = await explain(context, "www.chat.example", subscriber="child")
    assert (found.verdict, found.protected) == ("pass", False)
    assert stage(found, "schedule") == ExplainedStage(
        stage="schedule",
        part=QUERY,
        outcome="lifted",
        rule="chat.example subtree",
        list="messaging",
        matched_name="chat.example",
        scope="subtree",
        title="Mensajes",
        always_allowed=True,
    )
    clock = stage(await explain(context, "clock.example", subscriber="child"), "schedule")
    assert (clock.outcome, clock.list, clock.always_allowed) == ("lifted", "always-allowed", True)
    helped = stage(await explain(context, "help.example", subscriber="child"), "schedule")
    assert (helped.outcome, helped.list, helped.always_allowed) == ("lifted", "schedule", False)
    listed = await explain(context, "red.example", subscriber="child")
    assert (listed.verdict, listed.reason) == ("block", "category"), "a group opens no category"
    for name in ("bank.example", "other.example", "below.bank.example"):
        taken = await explain(context, name, subscriber="child")
        assert (taken.verdict, taken.reason, stage(taken, "schedule").list) == (
            "block",
            "schedule",
            "schedule",
        )


async def test_without_an_answer_its_stages_are_not_evaluated(context: Context) -> None:
    found = await explain(context, "free.example", subscriber="child")
    parts = [each for each in found.stages if each.part == ANSWER]
    assert parts
    assert {each.outcome for each in parts} == {"not evaluated"}


@pytest.mark.ring("merge")
async def test_the_answer_is_inspected(context: Context, tmp_path: Path) -> None:
    text = """id 1
opcode QUERY
rcode NOERROR
flags QR RD RA
;QUESTION
free.example. IN A
;ANSWER
free.example. 60 IN CNAME cdn.blue.example.
cdn.blue.example. 60 IN A 192.0.2.9
"""
    for content in (text.encode(), dns.message.from_text(text).to_wire()):
        (tmp_path / "answer").write_bytes(content)
        found = await explain(context, "free.example", subscriber="child", answer=tmp_path / "answer")
        assert (found.verdict, found.reason) == ("block", "category")
        assert stage(found, "category", ANSWER).matched_name == "blue.example"
        assert stage(found, "category").outcome == "no match"
    (tmp_path / "answer").write_bytes(b"\x00\x01")
    with pytest.raises(OperationError, match="cannot be read"):
        await explain(context, "free.example", answer=tmp_path / "answer")


async def test_own_names_and_special_names(context: Context) -> None:
    await subscribers.deny(context, "none", "mine.example", Scope.EXACT)
    found = await explain(context, "mine.example", subscriber="none")
    assert (found.reason, stage(found, "own_deny").list) == ("own_deny", "own names")
    assert (await explain(context, "below.mine.example", subscriber="none")).verdict == "pass"
    assert (await explain(context, "localhost")).verdict == "local"
    assert (await explain(context, ".")).verdict == "pass"
    assert (await explain(context, "search.example", subscriber="child")).verdict == "rewrite"


@pytest.mark.ring("merge")
@pytest.mark.parametrize(
    ("name", "qtype"), [("not a name", "A"), ("a" * 300, "A"), ("a.example", "NOPE"), ("http://x.y", "A")]
)
async def test_what_is_no_question_is_refused(context: Context, name: str, qtype: str) -> None:
    with pytest.raises(OperationError) as caught:
        await explain(context, name, qtype=qtype)
    assert caught.value.remedy


async def test_an_unknown_subscriber_is_refused(context: Context) -> None:
    with pytest.raises(OperationError, match="unknown subscriber"):
        await explain(context, "a.example", subscriber="nobody")
    await bindings.remove(context, "127.0.0.4")
    assert (await explain(context, "a.example", client="127.0.0.4")).identity["line"] == 1


async def test_a_client_that_may_not_ask_is_refused_before_anything_is_decided(context: Context) -> None:
    found = await explain(context, "ordered.example", client="192.0.2.200")
    assert (found.verdict, found.reason, found.rcode, found.ede) == ("refuse", "client", "REFUSED", (18,))
    assert found.identity == {"method": "refused", "line": None}
    assert {each.outcome for each in found.stages} == {"not evaluated"}


@pytest.mark.ring("merge")
@pytest.mark.parametrize("qtype", ["AXFR", "OPT", "TYPE0", "TKEY"])
async def test_a_type_that_is_never_looked_up_has_no_verdict(context: Context, qtype: str) -> None:
    with pytest.raises(OperationError, match="no type that a resolver looks up"):
        await explain(context, "a.example", qtype=qtype)


def _answer(name: str, record: str) -> str:
    return f"id 1\nopcode QUERY\nrcode NOERROR\nflags QR RD RA\n;QUESTION\n{name}. IN A\n;ANSWER\n{record}\n"


@pytest.mark.ring("merge")
async def test_a_rewrite_stands_unless_the_safe_host_or_its_answer_is_blocked(
    context: Context, tmp_path: Path
) -> None:
    path = tmp_path / "answer"
    path.write_text(_answer("free.example", "free.example. 60 IN CNAME search.example."))
    found = await explain(context, "free.example", subscriber="child", answer=path)
    assert (found.verdict, found.reason, found.rcode, found.ede) == ("rewrite", "safe_search", "", (4,))
    path.write_text(_answer("safe.search.example", "safe.search.example. 60 IN A 192.0.2.1"))
    found = await explain(context, "search.example", subscriber="child", answer=path)
    assert (found.verdict, stage(found, "mandatory", ANSWER).outcome) == ("rewrite", "no match")
    path.write_text(_answer("safe.search.example", "safe.search.example. 60 IN CNAME x.worst.example."))
    found = await explain(context, "search.example", subscriber="child", answer=path)
    assert (found.verdict, found.reason, found.rcode) == ("block", "mandatory", "NOERROR")
    path.write_text(_answer("search.example", "search.example. 60 IN A 192.0.2.1"))
    found = await explain(context, "search.example", subscriber="child", answer=path)
    assert (found.verdict, stage(found, "mandatory", ANSWER).outcome) == ("rewrite", "not evaluated")
    await subscribers.deny(context, "child", "safe.search.example")
    path.write_text(_answer("safe.search.example", "safe.search.example. 60 IN A 192.0.2.1"))
    found = await explain(context, "search.example", subscriber="child", answer=path)
    assert (found.verdict, found.reason, found.ede) == ("block", "own_deny", (17,))


async def test_a_file_that_answers_another_question_is_refused(context: Context, tmp_path: Path) -> None:
    path = tmp_path / "answer"
    path.write_text(_answer("free.example", "free.example. 60 IN A 192.0.2.1"))
    for name, qtype in (("other.example", "A"), ("free.example", "AAAA")):
        with pytest.raises(OperationError, match=r"answers free\.example A, not"):
            await explain(context, name, qtype=qtype, answer=path)


@pytest.mark.ring("merge")
@pytest.mark.parametrize(
    ("rcode", "records"),
    [
        ("NOERROR", ";AUTHORITY\nexample. 60 IN NS ns.example."),
        ("NXDOMAIN", ";ANSWER\nfree.example. 60 IN A 192.0.2.1"),
        ("NOTAUTH", ""),
    ],
)
async def test_a_file_that_holds_no_answer_is_refused(
    context: Context, tmp_path: Path, rcode: str, records: str
) -> None:
    path = tmp_path / "answer"
    path.write_text(f"id 1\nrcode {rcode}\nflags QR\n;QUESTION\nfree.example. IN A\n{records}\n")
    with pytest.raises(OperationError, match="answers nothing"):
        await explain(context, "free.example", answer=path)


@pytest.mark.ring("merge")
async def test_an_answer_that_is_too_large_to_be_judged_says_so(context: Context, tmp_path: Path) -> None:
    """As the query path weighs it: whole, so that records that it would cut away count too."""
    path = tmp_path / "answer"
    many = "\n".join(f"free.example. 60 IN A 192.0.2.{number}" for number in range(1, 140))
    path.write_text(_answer("free.example", many))
    with pytest.raises(OperationError, match="more effort to judge than is allowed") as caught:
        await explain(context, "free.example", answer=path)
    assert "EDE 0" in str(caught.value)
    assert "neither a setting nor an allow name" in caught.value.remedy
    path.write_text(_answer("free.example", many.replace("free.", "other.")))
    with pytest.raises(OperationError, match="more effort to judge than is allowed"):
        await explain(context, "free.example", answer=path)
    path.write_text(_answer("free.example", "\n".join(many.splitlines()[:100])))
    assert (await explain(context, "free.example", answer=path)).verdict == "pass"


@pytest.mark.ring("merge")
@pytest.mark.parametrize(
    ("qtype", "record"),
    [
        ("MX", "10 mail.ordered.example."),
        ("SRV", "0 0 443 www.ordered.example."),
        ("NS", "ns.ordered.example."),
        ("TXT", '"ordered.example"'),
        ("DS", "1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
    ],
)
async def test_an_answer_with_nothing_to_judge_was_seen_all_the_same(
    context: Context, tmp_path: Path, qtype: str, record: str
) -> None:
    path = tmp_path / "answer"
    text = _answer("free.example", f"free.example. 60 IN {qtype} {record}")
    path.write_text(text.replace("free.example. IN A\n", f"free.example. IN {qtype}\n"))
    found = await explain(context, "free.example", qtype=qtype, answer=path)
    assert (found.verdict, found.answer_seen) == ("pass", True)
    assert {each.outcome for each in found.stages if each.part == ANSWER} == {"not evaluated"}
    assert not (await explain(context, "free.example", qtype=qtype)).answer_seen


@pytest.mark.ring("merge")
async def test_what_a_client_sees_is_told(context: Context) -> None:
    async def sees(name: str, qtype: str = "A") -> tuple[str, tuple[int, ...]]:
        found = await explain(context, name, qtype=qtype, subscriber="child")
        return found.rcode, found.ede

    assert await sees("adult.example") == ("NXDOMAIN", (17,))
    assert await sees("worst.example", "HTTPS") == ("NXDOMAIN", (16,))
    assert await sees("localhost") == ("NOERROR", ())
    assert await sees("x.onion") == ("NXDOMAIN", ())
    assert await sees("search.example") == ("", (4,))
    assert await sees("free.example") == ("", ())
    for mode, seen in (
        (BlockingMode.NULL, ("NOERROR", (16, 4))),
        (BlockingMode.NODATA, ("NOERROR", (16,))),
        (BlockingMode.SINKHOLE, ("NXDOMAIN", (16,))),
    ):
        order = await taking.add(
            context, replace(REQUEST, entries=((f"{mode.word}.example", Scope.SUBTREE),), mode=mode)
        )
        await taking.approve(as_person(context, "bob"), order.reference)
        assert await sees(f"{mode.word}.example") == seen
    order = await taking.add(context, replace(REQUEST, entries=(("exact.example", Scope.EXACT),)))
    await taking.approve(as_person(context, "bob"), order.reference)
    assert await sees("exact.example") == ("NOERROR", (16,))


@pytest.mark.ring("merge")
async def test_a_sinkhole_is_told_by_the_kind_of_the_block(context: Context) -> None:
    """A confidential order has no address here, and the other one has one of IPv4."""
    nothing, found = SinkholeSettings(None, None), SinkholeSettings(IPv4Address("192.0.2.83"), None)
    page = BlockPageSettings(nothing, nothing, found, nothing)
    there = replace(context, settings=replace(context.settings, block_page=page))
    for name, confidential in (("told.example", False), ("sealed.example", True)):
        asked = replace(
            REQUEST,
            document=f"D-{int(confidential)}",
            entries=((name, Scope.SUBTREE),),
            confidential=confidential,
        )
        order = await taking.add(context, replace(asked, mode=BlockingMode.SINKHOLE))
        await taking.approve(as_person(context, "bob"), order.reference)
    seen = [
        await explain(there, name, qtype=qtype)
        for name in ("told.example", "sealed.example")
        for qtype in ("A", "AAAA")
    ]
    assert [(each.rcode, each.ede) for each in seen] == [
        ("NOERROR", (16, 4)),
        ("NOERROR", (16,)),
        ("NXDOMAIN", (16,)),
        ("NXDOMAIN", (16,)),
    ]


@pytest.mark.ring("merge")
async def test_an_order_that_has_begun_is_not_suspended_by_a_clock_that_is_behind(
    context: Context, installation: Installation
) -> None:
    """As on a node: one that had begun when it was accepted, and one that began before the snapshot."""
    now = int(installation.now)
    later = replace(
        REQUEST, document="D-2", entries=(("later.example", Scope.SUBTREE),), not_before=now + 100
    )
    begun = replace(
        REQUEST, document="D-3", entries=(("begun.example", Scope.SUBTREE),), not_before=now - 100
    )
    for request in (begun, later):
        order = await taking.add(context, request)
        await taking.approve(as_person(context, "bob"), order.reference)

    async def verdicts(at: int) -> list[str]:
        return [(await explain(context, f"{name}.example", at=at)).reason for name in ("begun", "later")]

    assert await verdicts(now - 1000) == ["mandatory", "none"]
    assert await verdicts(now + 100) == ["mandatory", "mandatory"]
    installation.now += 200
    await snapshots.build(context)
    assert await verdicts(now - 1000) == ["mandatory", "mandatory"]


async def test_an_upstream_over_tls_is_never_asked_in_the_clear(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Server] = []

    class SilentForwarder:
        def __init__(self, servers: list[Server], **_: object) -> None:
            asked.extend(servers)

        async def resolve(self, _question: Question) -> UpstreamFailure:
            return UpstreamFailure(FailureReason.NO_ANSWER)

        async def close(self) -> None:
            """Nothing is open."""

    upstream = UpstreamSettings(
        Endpoint(ip_address("192.0.2.53"), 853), True, 7, UpstreamTlsSettings(TlsName("dns.example"), None)
    )
    dns_settings = replace(context.settings.dns, upstreams=(upstream,))
    secured = replace(context, settings=replace(context.settings, dns=dns_settings))
    monkeypatch.setattr(check, "Forwarder", SilentForwarder)
    with pytest.raises(OperationError, match="the upstreams gave no answer"):
        await explain(secured, "free.example", resolve=True)
    (server,) = asked
    assert (server.name, server.trusted, server.outstanding) == ("192.0.2.53:853", True, 7)
    assert server.tls is not None
    assert server.tls.name == "dns.example"


async def test_a_line_keeps_its_profile_where_its_zone_is_unknown(
    context: Context, installation: Installation
) -> None:
    """As on a node, which cannot refuse what another machine's time zone database has."""
    with closing(sqlite3.connect(installation.database)) as store, store:
        store.execute("UPDATE line_state SET zone = 'Mars/Olympus'")
    found = await explain(context, "adult.example", subscriber="child")
    assert (found.verdict, found.reason) == ("block", "category")


@pytest.mark.ring("merge")
async def test_ds_of_the_rules_own_name_and_of_what_is_below(context: Context) -> None:
    """The parent zone's data passes; below the name it is blocked like any type."""
    for name in ("ordered.example", "worst.example"):
        own = await explain(context, name, qtype="DS", subscriber="child")
        assert (own.type, own.verdict, stage(own, "mandatory").outcome) == ("DS", "pass", "no match")
        assert own.verdict_of_a == "block by mandatory"
        assert (await explain(context, name, subscriber="child")).reason == "mandatory"
        below = await explain(context, f"www.{name}", qtype="DS", subscriber="child")
        assert (below.verdict, below.reason, below.ede) == ("block", "mandatory", (16,))
        assert below.verdict_of_a == ""
    assert (await explain(context, "free.example", qtype="DS", subscriber="child")).verdict_of_a == ""


@pytest.mark.parametrize(
    ("name", "verdict"), [("help.example", "pass"), ("www.portal.example", "pass"), ("free.example", "block")]
)
async def test_protection_is_that_of_the_question(
    context: Context, tmp_path: Path, name: str, verdict: str
) -> None:
    """The answer leads over a protected name to one under an order, at an address behind a translator."""
    text = f"""id 1
opcode QUERY
rcode NOERROR
flags QR RD RA
;QUESTION
{name}. IN AAAA
;ANSWER
{name}. 60 IN CNAME help.example.
help.example. 60 IN CNAME www.ordered.example.
www.ordered.example. 60 IN AAAA 64:ff9b::192.0.2.53
"""
    (tmp_path / "answer").write_text(text)
    found = await explain(context, name, qtype="AAAA", answer=tmp_path / "answer")
    assert (found.verdict, found.protected) == (verdict, verdict == "pass")
    assert stage(found, "mandatory", ANSWER).outcome == ("lifted" if verdict == "pass" else "decided")


async def test_an_address_behind_a_translator(context: Context, tmp_path: Path) -> None:
    """The well-known prefix is there without a word, others count where they are configured."""
    (tmp_path / "answer").write_text("""id 1
opcode QUERY
rcode NOERROR
flags QR RD RA
;QUESTION
free.example. IN AAAA
;ANSWER
free.example. 60 IN AAAA 2001:db8:64::192.0.2.53
""")
    found = await explain(
        context, "free.example", qtype="AAAA", subscriber="child", answer=tmp_path / "answer"
    )
    assert found.verdict == "pass"
    dns_settings = replace(context.settings.dns, nat64=(IPv6Network("2001:db8:64::/96"),))
    behind = replace(context, settings=replace(context.settings, dns=dns_settings))
    found = await explain(
        behind, "free.example", qtype="AAAA", subscriber="child", answer=tmp_path / "answer"
    )
    assert (found.reason, stage(found, "bypass", ANSWER).matched_name) == ("bypass", "192.0.2.53/32")
