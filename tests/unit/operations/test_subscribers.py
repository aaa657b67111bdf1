"""What a line asks for is written once, with its change, its evidence and its place in the trail."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import select

from filterd.config.value_types import ZoneName
from filterd.model.changelog import (
    CHANGES_SQL,
    PARENTAL,
    BindingChange,
    Change,
    LineChange,
    LineRemoved,
    decode,
)
from filterd.model.full_state import bindings_page, lines_page
from filterd.model.line import LineChoices
from filterd.model.rule import Action, Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import audit, bindings, erasure, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.selection import Selection
from filterd.store import change_log
from filterd.store.tables import changed_line
from tests.worlds.installation import Installation

EVIDENCE = RequestEvidence("Ana, holder", "phone", 1_793_600_000.0, "2026-11", "T-1")


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        yield context


def changes(installation: Installation) -> list[Change]:
    with closing(sqlite3.connect(installation.database)) as raw:
        return [
            decode(kind, text)
            for _, _, kind, _, text, *_ in raw.execute(CHANGES_SQL, (PARENTAL, 0, 999, 999))
        ]


def state(installation: Installation) -> list[Change]:
    with closing(sqlite3.connect(installation.database)) as raw:
        return [*lines_page(raw.execute, -1, 999), *bindings_page(raw.execute, "", 999)]


async def test_a_new_line_asks_for_nothing(context: Context, installation: Installation) -> None:
    added = await subscribers.add(context, " S-1 ", prefixes=("192.0.2.7", "2001:db8:1::/56", "192.0.2.7"))
    assert added.choices == LineChoices(1, zone="America/Mexico_City")
    assert added.bindings == ("192.0.2.7/32", "2001:db8:1::/56")
    assert await subscribers.show(context, "S-1") == added
    assert (
        changes(installation)
        == state(installation)
        == [
            LineChange(added.choices),
            BindingChange("192.0.2.7/32", 1),
            BindingChange("2001:db8:1::/56", 1),
        ]
    )


async def test_a_line_without_a_zone_has_that_of_the_installation(context: Context) -> None:
    elsewhere = replace(context, settings=replace(context.settings, zone=ZoneName("Europe/Madrid")))
    first = await subscribers.add(elsewhere, "S-1")
    second = await subscribers.add(elsewhere, "S-2", zone="America/Tijuana")
    assert [each.choices.zone for each in (first, second)] == ["Europe/Madrid", "America/Tijuana"]


async def test_the_life_of_a_line(context: Context, installation: Installation) -> None:
    now = int(installation.now)
    await subscribers.add(context, "S-1")
    steps = [
        await subscribers.opt_in(context, "S-1", "child", EVIDENCE),
        await subscribers.set_profile(context, "S-1", "teen"),
        await subscribers.pause(context, "S-1", 600),
        await subscribers.resume(context, "S-1"),
        await subscribers.deny(context, "S-1", "Games.Example", Scope.EXACT),
        await subscribers.allow(context, "S-1", "games.example."),
        await subscribers.leave_security(context, "S-1"),
        await subscribers.set_zone(context, "S-1", "America/Tijuana"),
        await subscribers.remove(context, "S-1", "games.example"),
        await subscribers.opt_out(context, "S-1", reason="moved"),
    ]
    seen = [(s.choices.opted_in, s.choices.profile, s.choices.paused_until) for s in steps]
    assert seen[:4] == [(True, "child", 0), (True, "teen", 0), (True, "teen", now + 600), (True, "teen", 0)]
    own = [[(o.name, o.action, o.scope) for o in s.choices.own_names] for s in steps]
    assert own[4] == [("games.example", Action.BLOCK, Scope.EXACT)]
    assert own[5] == [("games.example", Action.ALLOW, Scope.SUBTREE)]
    assert own[8] == []
    assert steps[-1].choices == LineChoices(1, zone="America/Tijuana", security_left=True)
    assert changes(installation)[1:] == [LineChange(each.choices) for each in steps]
    assert state(installation) == [LineChange(steps[-1].choices)]
    assert (await audit.verify(context)).entries == 11


async def test_what_changes_nothing_writes_nothing(context: Context) -> None:
    await subscribers.add(context, "S-1", prefixes=("192.0.2.7",))
    before = await audit.verify(context)
    await subscribers.resume(context, "S-1")
    await subscribers.opt_out(context, "S-1")
    await bindings.add(context, "192.0.2.7/32", "S-1")
    assert await audit.verify(context) == before


async def test_an_opt_in_needs_evidence_and_keeps_it(context: Context) -> None:
    await subscribers.add(context, "S-1")
    with pytest.raises(OperationError, match="lacks: channel, reference"):
        await subscribers.opt_in(context, "S-1", "child", replace(EVIDENCE, channel="", reference=""))
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    held = await erasure.export(context, "S-1")
    wanted = {"kind": "opt_in", "who": "Ana, holder", "channel": "phone", "reference": "T-1"}
    wanted |= {"text_version": "2026-11", "role": "holder", "text_digest": "", "recorded_by": "ana"}
    (found,) = held["requests"]
    assert wanted.items() <= found.items()
    assert [each["action"] for each in held["history"]] == ["subscriber.add", "subscriber.opt_in"]


async def test_the_trail_holds_nothing_personal(context: Context) -> None:
    await subscribers.add(context, "holder-77", prefixes=("192.0.2.7",))
    await subscribers.opt_in(context, "holder-77", "child", EVIDENCE)
    await subscribers.deny(context, "holder-77", "private.example")
    trail = json.dumps([[e.entry.subject, e.entry.before, e.entry.after] for e in await audit.tail(context)])
    for personal in ("holder-77", "private.example", "Ana", "T-1", "192.0.2.7"):
        assert personal not in trail


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        (lambda c: subscribers.add(c, "S-1"), "exists already"),
        (lambda c: subscribers.add(c, "  "), "empty"),
        (lambda c: subscribers.add(c, "a\x00b"), "cannot be printed"),
        (lambda c: subscribers.add(c, "S-2", zone="Mars/Olympus"), "unknown time zone"),
        (lambda c: subscribers.add(c, "S-2", prefixes=("192.0.2.7",)), "is bound to subscriber"),
        (lambda c: subscribers.add(c, "S-2", prefixes=("192.0.2.7/24",)), "beyond its length"),
        (lambda c: subscribers.add(c, "S-2", prefixes=("example.org",)), "not an address"),
        (lambda c: subscribers.add(c, "S-2", prefixes=("fe80::1%lo",)), "has a zone"),
        (lambda c: bindings.add(c, "fe80::1%lo/128", "S-1"), "has a zone"),
        (lambda c: subscribers.show(c, "S-9"), "unknown subscriber"),
        (lambda c: subscribers.opt_in(c, "S-1", "adults", EVIDENCE), "unknown profile"),
        (lambda c: subscribers.set_profile(c, "S-1", "child"), "has not opted in"),
        (lambda c: subscribers.pause(c, "S-1", 60), "has not opted in"),
        (lambda c: subscribers.pause(c, "S-1", 0), "cannot pause"),
        (lambda c: subscribers.pause(c, "S-1", 8 * 86400), "cannot pause"),
        (lambda c: subscribers.deny(c, "S-1", "no name"), "not a domain name"),
        (lambda c: subscribers.deny(c, "S-1", "www.portal.example"), "stay reachable"),
        (lambda c: subscribers.deny(c, "S-1", "help.example", Scope.EXACT), "stay reachable"),
        (lambda c: subscribers.deny(c, "S-1", "com.mx", Scope.EXACT), "public suffix"),
        (lambda c: subscribers.deny(c, "S-1", "example.mx.portal.example"), "stay reachable"),
        (lambda c: subscribers.allow(c, "S-1", "https://192.0.2.1/a"), "not a domain name"),
        (lambda c: subscribers.deny(c, "S-1", "https://www.portal.example/a?b"), "stay reachable"),
        (lambda c: subscribers.deny(c, "S-1", "portal.example:8443/a"), "stay reachable"),
        (lambda c: subscribers.remove(c, "S-1", "free.example"), "not among"),
        (lambda c: bindings.add(c, "192.0.2.8", "S-9"), "unknown subscriber"),
        (lambda c: bindings.remove(c, "192.0.2.9"), "not bound"),
        (lambda c: erasure.erase(c, "S-1", reason=" "), "reason is empty"),
    ],
)
async def test_what_is_refused_says_why_and_writes_nothing(
    context: Context, refused: Callable[[Context], Awaitable[object]], says: str
) -> None:
    await subscribers.add(context, "S-1", prefixes=("192.0.2.7",))
    before = await audit.verify(context)
    with pytest.raises(OperationError, match=says) as caught:
        await refused(context)
    assert caught.value.remedy
    assert await audit.verify(context) == before


async def test_own_names_have_a_limit(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribers, "MAX_OWN_NAMES", 2)
    await subscribers.add(context, "S-1")
    for name in ("a.example", "b.example", "a.example"):
        await subscribers.deny(context, "S-1", name)
    with pytest.raises(OperationError, match="most there can be"):
        await subscribers.deny(context, "S-1", "c.example")


async def test_lists_come_in_pages(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribers, "PAGE", 2)
    monkeypatch.setattr(bindings, "PAGE", 2)
    for number in range(5):
        await subscribers.add(context, f"S-{number}", prefixes=(f"192.0.2.{number}",))
    await subscribers.opt_in(context, "S-3", "child", EVIDENCE)
    await subscribers.opt_in(context, "S-4", "child", EVIDENCE)
    await subscribers.pause(context, "S-4", 60)
    assert [each.id async for each in subscribers.list_subscribers(context)] == [f"S-{n}" for n in range(5)]
    assert [s.id async for s in subscribers.list_subscribers(context, wanted=Selection(opted_in=True))] == [
        "S-3",
        "S-4",
    ]
    assert [each async for each in bindings.list_bindings(context)] == [
        (f"192.0.2.{n}/32", f"S-{n}") for n in range(5)
    ]
    assert await subscribers.count(context) == {"opted_in": 1, "paused": 1, "not_opted_in": 3}


async def test_a_binding_can_move_to_another_line(context: Context, installation: Installation) -> None:
    await subscribers.add(context, "S-1", prefixes=("::ffff:192.0.2.7",))
    await subscribers.add(context, "S-2")
    await bindings.remove(context, "192.0.2.7")
    assert (await bindings.add(context, "192.0.2.7", "S-2")).bound == "192.0.2.7/32"
    assert state(installation)[-1] == BindingChange("192.0.2.7/32", 2)


async def test_an_erased_subscriber_is_gone_everywhere(context: Context, installation: Installation) -> None:
    await subscribers.add(context, "holder-77", prefixes=("192.0.2.7",))
    await subscribers.add(context, "S-2")
    await subscribers.opt_in(context, "holder-77", "child", EVIDENCE)
    await subscribers.deny(context, "holder-77", "private.example")
    done = await erasure.erase(context, "holder-77", reason="asked for it")
    assert (done.line, done.bindings, done.requests, done.changes) == (1, 1, 1, 4)
    assert state(installation) == [LineChange(LineChoices(2, zone="America/Mexico_City"))]
    assert changes(installation)[-1] == LineRemoved(1)
    with pytest.raises(OperationError, match="unknown subscriber"):
        await subscribers.show(context, "holder-77")
    assert (await audit.verify(context)).holds
    log = installation.database.with_name(installation.database.name + "-wal")
    for file in (installation.database, log):
        content = file.read_bytes()
        for personal in (b"holder-77", b"private.example", b"Ana, holder", b"T-1"):
            assert personal not in content, file.name


async def test_an_erased_line_has_no_row_among_the_pruned_changes(context: Context) -> None:
    async def kept() -> list[int]:
        async with context.store.report() as connection:
            await change_log.prune(connection, keep=1)
            return list((await connection.execute(select(changed_line.c.line))).scalars())

    await subscribers.add(context, "holder-77")
    await subscribers.opt_in(context, "holder-77", "child", EVIDENCE)
    await subscribers.add(context, "S-2")
    assert await kept() == [1]
    await erasure.erase(context, "holder-77", reason="asked for it")
    async with context.store.read() as connection:
        assert not list((await connection.execute(select(changed_line.c.line))).scalars())
    await subscribers.add(context, "S-3")
    assert await kept() == [2], "its removal was pruned too, and that of the others' changes is kept"


async def test_an_erasure_says_where_a_reader_keeps_what_was_deleted(
    context: Context, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filterd.store.engine.EMPTYING_TRIES", 1)
    await subscribers.add(context, "holder-77")
    with closing(sqlite3.connect(installation.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM head").fetchone()
        with pytest.raises(OperationError, match="write-ahead log still holds") as said:
            await erasure.erase(context, "holder-77", reason="asked for it")
        assert "restart filterd" in said.value.remedy
    assert await context.store.empty_log()
    with pytest.raises(OperationError, match="unknown subscriber"):
        await subscribers.show(context, "holder-77")


async def test_numbers_of_erased_lines_are_not_given_out_again(context: Context) -> None:
    await subscribers.add(context, "S-1")
    await erasure.erase(context, "S-1", reason="asked")
    assert (await subscribers.add(context, "S-1")).line == 2


async def test_the_log_is_pruned_and_the_state_stays(context: Context, installation: Installation) -> None:
    for number in range(4):
        await subscribers.add(context, f"S-{number}")
    async with context.store.report() as connection:
        assert not await change_log.prune(connection, keep=1)
    assert len(changes(installation)) == 1
    assert len(state(installation)) == 4


async def test_an_own_name_is_never_only_what_is_below_it(context: Context) -> None:
    """A node could not say it, and would block, or let through, more than was asked for."""
    await subscribers.add(context, "S-1")
    for ask in (subscribers.deny, subscribers.allow):
        with pytest.raises(OperationError, match="only for what is below"):
            await ask(context, "S-1", "site.example", Scope.BELOW)
    assert (await subscribers.show(context, "S-1")).choices.own_names == ()


async def test_what_is_above_and_beside_a_protected_name(
    context: Context, installation: Installation
) -> None:
    """The scope of each entry counts, and so does that of the own name."""
    installation.write_policy(
        "protected.yaml",
        "public_suffixes: true\nnames: {subtree: [911.gob.mx, h1.all.example, h2.all.example, h3.all.example,"
        " h4.all.example], exact: [only.example]}\n",
    )
    await subscribers.add(context, "S-1")
    with pytest.raises(
        OperationError, match=r"would block what is protected: h1\S+ h2\S+ h3\S+ and 1 more"
    ) as above:
        await subscribers.deny(context, "S-1", "all.example")
    assert "--scope exact" in above.value.remedy
    with pytest.raises(OperationError, match=r"gob\.mx is a public suffix, which is protected"):
        await subscribers.deny(context, "S-1", "gob.mx")
    for name, scope in (
        ("all.example", Scope.EXACT),
        ("www.only.example", Scope.SUBTREE),
        ("shop.gob.mx", Scope.SUBTREE),
        ("x911.gob.mx", Scope.SUBTREE),
        ("shop.com.mx", Scope.SUBTREE),
    ):
        await subscribers.deny(context, "S-1", name, scope)
    found = await subscribers.allow(context, "S-1", "www.911.gob.mx")
    assert len(found.choices.own_names) == 6
    assert await subscribers.protected_own_names(context, found) == ()


async def test_a_suffix_can_be_denied_where_suffixes_are_not_protected(
    context: Context, installation: Installation
) -> None:
    installation.write_policy("protected.yaml", "public_suffixes: false\n")
    await subscribers.add(context, "S-1")
    assert (await subscribers.deny(context, "S-1", "com.mx")).choices.own_names[0].name == "com.mx"


async def test_an_own_name_that_was_stored_before_is_shown(
    context: Context, installation: Installation
) -> None:
    """It holds, as the line's holder asked for it, until somebody speaks with them."""
    await subscribers.add(context, "S-1")
    for name in ("fine.example", "hotline.example"):
        await subscribers.deny(context, "S-1", name)
    await subscribers.allow(context, "S-1", "www.hotline.example")
    installation.write_policy(
        "protected.yaml", "public_suffixes: true\nnames: {subtree: [hotline.example]}\n"
    )
    found = await subscribers.show(context, "S-1")
    assert len(found.choices.own_names) == 3
    assert await subscribers.protected_own_names(context, found) == ("hotline.example",)
    gone = await subscribers.remove(context, "S-1", "hotline.example")
    assert await subscribers.protected_own_names(context, gone) == ()


async def test_a_request_was_made_before_now(context: Context, installation: Installation) -> None:
    """As far as clocks agree: five minutes."""
    await subscribers.add(context, "S-1")
    late = replace(EVIDENCE, at=installation.now + 301)
    with pytest.raises(OperationError, match="the time of the request lies in the future"):
        await subscribers.opt_in(context, "S-1", "child", late)
    assert not (await subscribers.opt_out(context, "S-1", evidence=late)).choices.opted_in
    assert (
        await subscribers.opt_in(context, "S-1", "child", replace(EVIDENCE, at=installation.now + 300))
    ).choices.opted_in
