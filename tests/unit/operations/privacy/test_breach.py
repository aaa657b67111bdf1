"""A breach report names the lines that were exposed, and of each what was, and no other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.arco import ArcoKind, ArcoRequest
from filterd.model.subscriber import RequestEvidence
from filterd.model.token import Permission, TokenRole
from filterd.operations import audit, authorisations, erasure, subscribers, tokens, view_codes
from filterd.operations.backup import backup
from filterd.operations.context import Context, OperationError
from filterd.operations.portal import links
from filterd.operations.privacy import breach
from filterd.operations.privacy.breach import Exposure
from filterd.operations.privacy.texts import TO_FILL, breach_notice
from filterd.operations.tokens import TokenRequest
from filterd.store import arco
from filterd.store.exposure import lines_in
from tests.worlds.installation import NOW, Installation, with_portal

EVIDENCE = RequestEvidence("Zacarias", "shop", NOW, "2026-11", "T-1")


async def fill(context: Context) -> None:
    """Three lines: one that chose, one with an address, one of another region."""
    await subscribers.add(context, "a-home", prefixes=("192.0.2.7",))
    await subscribers.opt_in(context, "a-home", "child", EVIDENCE)
    await subscribers.allow(context, "a-home", "blue.example")
    await authorisations.add(context, "a-home", "Grandmother", reference="T-2")
    await subscribers.add(context, "a-shop", prefixes=("192.0.2.8",))
    await subscribers.add(context, "b-farm")
    await subscribers.opt_in(context, "b-farm", "teen", EVIDENCE)


async def test_the_store_exposes_all_that_it_holds(installation: Installation) -> None:
    async with installation.open() as context:
        await fill(context)
        found = await breach.report(context, Exposure(store=True))
        entry = (await audit.tail(context, 1))[0].entry
    assert found.counts == {
        "lines": 3,
        "ids": 3,
        "choices": 2,
        "own_names": 1,
        "evidence": 2,
        "addresses": 2,
        "authorised": 1,
        "notices": 2,
        "changed": 0,
        "erased_since": 0,
    }
    home = found.lines[0]
    assert (home.id, home.profile, home.own_names, home.requests, home.bindings) == (
        "a-home",
        "child",
        1,
        1,
        1,
    )
    assert entry.action == "breach.report"
    assert entry.after == {"what": "store", "since": 0, **found.counts}
    assert "home" not in repr(entry)


async def test_a_backup_exposes_what_it_held_then(installation: Installation, tmp_path: Path) -> None:
    async with installation.open() as context:
        await fill(context)
        await backup(context, tmp_path / "copy")
        revision = (await context.store.head()).revision
        await erasure.erase(context, "a-home", reason="asked")
        await subscribers.add(context, "late")
        found = await breach.report(context, Exposure(backup=tmp_path / "copy"))
        same = await breach.report(context, Exposure(backup_revision=revision))
    assert [each.id for each in found.lines] == ["a-home", "a-shop", "b-farm"]
    assert [each.erased_since for each in found.lines] == [True, False, False]
    assert same.lines == found.lines


async def test_a_file_of_an_older_schema_has_none_of_what_came_later(installation: Installation) -> None:
    async with installation.open() as context:
        await fill(context)
    with closing(sqlite3.connect(installation.database)) as raw:
        for table in ("notice_delivery", "notice", "authorisation"):
            raw.execute(f"DROP TABLE {table}")
        raw.commit()
    held = list(lines_in(installation.database))
    assert [(each.id, each.requests, each.authorised, each.notices) for each in held] == [
        ("a-home", 1, 0, 0),
        ("a-shop", 0, 0, 0),
        ("b-farm", 1, 0, 0),
    ]


async def test_a_token_exposes_what_it_may_read(installation: Installation) -> None:
    async with installation.open() as context:
        await fill(context)
        asked = TokenRequest("helpdesk", TokenRole.SUPPORT, system=True, lines="a-")
        await tokens.add(context, asked)
        await tokens.add(context, TokenRequest("watch", TokenRole.ON_CALL, system=True))
        helpdesk = replace(context, actor="helpdesk")
        await subscribers.leave_security(helpdesk, "a-shop")
        installation.now += 100
        since = installation.now
        await subscribers.opt_out(helpdesk, "a-home")
        found = await breach.report(context, Exposure(credential="helpdesk", since=since))
        nothing = await breach.report(context, Exposure(credential="watch"))
    assert [(each.id, each.own_names, each.changed) for each in found.lines] == [
        ("a-home", 0, 1),
        ("a-shop", 0, 0),
    ], "support does not see own names, and the other region is beyond it"
    assert [(each.authorised, each.notices > 0) for each in found.lines] == [(1, True), (0, True)]
    assert nothing.lines == ()


async def test_what_a_token_did_see_counts_and_no_more(installation: Installation) -> None:
    """Own names that support saw with the holder's code, and an export, are on record for each line."""
    async with installation.open() as context:
        await fill(context)
        await subscribers.deny(context, "b-farm", "red.example")
        await tokens.add(context, TokenRequest("helpdesk", TokenRole.SUPPORT, system=True))
        helpdesk = replace(context, actor="helpdesk")
        issued = await view_codes.issue(context, "a-home")
        await view_codes.view(helpdesk, "a-home", issued.code)
        await subscribers.remove(context, "a-home", "blue.example")
        found = await breach.report(context, Exposure(credential="helpdesk"))
        later = await breach.report(context, Exposure(credential="helpdesk", since=NOW + 1))
    home, _, farm = found.lines
    assert (home.own_names, home.own_names_seen, farm.own_names, farm.own_names_seen) == (0, 1, 0, 0)
    assert found.counts["own_names"] == 1
    words = "los nombres de sitios que usted bloqueó o permitió"
    assert words in breach_notice(found, home)
    assert words not in breach_notice(found, farm)
    assert later.counts["own_names"] == 0


async def test_an_export_exposed_all_of_its_line(installation: Installation) -> None:
    async with installation.open() as context:
        await fill(context)
        scopes = (Permission.RIGHTS,)
        await tokens.add(context, TokenRequest("desk", TokenRole.PROVISIONING, system=True, scopes=scopes))
        await erasure.export(replace(context, actor="desk"), "a-home")
        (home,) = (await breach.report(context, Exposure(credential="desk"))).lines
    assert (home.id, home.id_exposed, home.profile) == ("a-home", True, "child")
    assert (home.own_names, home.requests, home.bindings, home.authorised) == (1, 1, 1, 1)


async def test_notices_tell_of_their_lines(installation: Installation) -> None:
    """A token that may read notices alone has ids and notices of the lines that have any."""
    async with installation.open() as context:
        await fill(context)
        scopes = (Permission.NOTICES_READ,)
        await tokens.add(context, TokenRequest("sms", TokenRole.PROVISIONING, system=True, scopes=scopes))
        found = await breach.report(context, Exposure(credential="sms"))
    assert [(each.id, each.id_exposed, each.profile) for each in found.lines] == [
        ("a-home", True, ""),
        ("b-farm", True, ""),
    ]
    assert "los avisos que le enviamos" in breach_notice(found)


async def test_scopes_bound_what_a_token_exposes(installation: Installation) -> None:
    async with installation.open() as context:
        await fill(context)
        scopes = (Permission.CHOICES_WRITE,)
        await tokens.add(context, TokenRequest("counter", TokenRole.PROVISIONING, system=True, scopes=scopes))
        await subscribers.opt_out(replace(context, actor="counter"), "b-farm")
        found = await breach.report(context, Exposure(credential="counter"))
    assert [(each.id, each.profile, each.bindings, each.changed) for each in found.lines] == [
        ("a-home", "child", 1, 0),
        ("a-shop", "", 1, 0),
        ("b-farm", "", 0, 1),
    ], "the reply to a change shows the line, and where nothing changed leaves no trace"
    assert {(each.requests, each.own_names, each.authorised) for each in found.lines} == {(0, 0, 0)}


@pytest.mark.parametrize(
    ("role", "scope", "home"),
    [
        (TokenRole.PROVISIONING, Permission.LINES_WRITE, ("child", True, 1, 0)),
        (TokenRole.PROVISIONING, Permission.OWN_NAMES, ("child", True, 1, 1)),
        (TokenRole.SUPPORT, Permission.CHECK_LINES, ("child", False, 0, 0)),
    ],
)
async def test_a_scope_exposes_what_its_replies_show(
    installation: Installation, role: TokenRole, scope: Permission, home: tuple[object, ...]
) -> None:
    """A change that changes nothing, the refusal to take an own name off that there is not, and a proof of
    consent leave no trace, and the report said that nothing was exposed."""
    async with installation.open() as context:
        await fill(context)
        await tokens.add(context, TokenRequest("desk", role, system=True, scopes=(scope,)))
        found = (await breach.report(context, Exposure(credential="desk"))).lines[0]
    assert (found.profile, found.id_exposed, found.bindings, found.own_names) == home


async def test_what_a_link_to_the_portal_shows_was_exposed(installation: Installation) -> None:
    """A link shows all of the portal that the holder sees, to everybody who has its token."""
    installation.settings = with_portal(installation.settings)
    async with installation.open() as context:
        await fill(context)
        await tokens.add(context, TokenRequest("helpdesk", TokenRole.SUPPORT, system=True, lines="a-"))
        await links.issue(replace(context, actor="helpdesk"), "a-home")
        found = await breach.report(context, Exposure(credential="helpdesk"))
    assert [(each.id, each.own_names) for each in found.lines] == [("a-home", 1), ("a-shop", 0)]


async def test_requests_of_holders_and_sessions_name_their_lines(installation: Installation) -> None:
    async with installation.open() as context:
        await fill(context)
        scopes = (Permission.RIGHTS, Permission.SESSIONS_READ)
        await tokens.add(context, TokenRequest("desk", TokenRole.PROVISIONING, system=True, scopes=scopes))
        async with context.store.write("desk", context.clock()) as write:
            write.audit(breach.SESSION_SEEN, "line:3")
            asked = ArcoRequest(1, 2, ArcoKind.ACCESS, "counter", "ticket 1", "2027-01-14", "2027-02-12")
            await arco.add(write.connection, asked)
        found = await breach.report(context, Exposure(credential="desk"))
    assert [(each.id, each.id_exposed, each.sessions_seen) for each in found.lines] == [
        ("a-shop", True, 0),
        ("b-farm", True, 1),
    ]
    assert found.counts["addresses"] == 1
    assert "las direcciones asignadas a su línea" in breach_notice(found, found.lines[1])


@pytest.mark.parametrize(
    "exposure",
    [
        Exposure(),
        Exposure(store=True, node="n"),
        Exposure(node="none"),
        Exposure(credential="none"),
        Exposure(backup_revision=7),
        Exposure(backup=Path("/nonexistent")),
    ],
)
async def test_what_is_not_there_is_refused(installation: Installation, exposure: Exposure) -> None:
    async with installation.open() as context:
        with pytest.raises(OperationError):
            await breach.report(context, exposure)


async def test_the_notice_says_what_the_law_asks_for(installation: Installation) -> None:
    async with installation.open() as context:
        await fill(context)
        found = await breach.report(context, Exposure(store=True, since=NOW))
    notice = breach_notice(found)
    for words in ("2027-01-15T08:00:00Z", "el perfil de filtrado elegido", "Recomendaciones", "correctivas"):
        assert words in notice
    assert notice.count(TO_FILL) == 2
    assert TO_FILL == "[POR COMPLETAR]"
    shop = breach_notice(found, found.lines[1])
    assert "las direcciones asignadas" in shop
    assert "perfil de filtrado" not in shop
