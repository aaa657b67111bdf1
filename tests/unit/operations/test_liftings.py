"""Exceptions and suspensions: one person, audited, bounded, ended for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.model.lifting import MAX_EXCEPTION, MAX_LIFTINGS, MAX_SUSPENSION, Lifting, LiftingKind
from filterd.model.rule import Scope
from filterd.operations import audit, exceptions, explain, snapshots, subscribers, suspension
from filterd.operations.backup import backup
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.store import liftings as rows
from tests.worlds.backups import EVIDENCE, put_back, request
from tests.worlds.installation import NOW, Installation

REASON = "ticket 7"


async def prepared(context: Context) -> None:
    """Lists in a snapshot, and a line with a profile."""
    await updating.update(context)
    await snapshots.build(context)
    await subscribers.add(context, "home")
    await subscribers.opt_in(context, "home", "child", EVIDENCE)


async def reason_of(context: Context, name: str) -> str:
    return (await explain.explain(context, name, subscriber="home")).reason


async def test_an_exception_lets_a_name_through_until_it_ends(installation: Installation) -> None:
    async with installation.open() as context:
        await prepared(context)
        assert await reason_of(context, "adult.example") == "category"
        added = await exceptions.add(context, "Adult.example.", 3600, reason=REASON)
        assert (added.exception.name, added.exception.until, added.mandatory) == (
            "adult.example",
            int(NOW) + 3600,
            "",
        )
        found = await explain.explain(context, "www.adult.example", subscriber="home")
        assert (found.verdict, found.reason, found.excepted) == ("pass", "exception", True)
        stages = {
            each.stage: (each.outcome, each.list, each.matched_name)
            for each in found.stages
            if each.part == "query"
        }
        assert stages["exception"] == ("allowed", "exceptions", "adult.example")
        assert stages["category"][0] == "lifted"
        assert await reason_of(context, "blue.example") == "category"
        entry = (await audit.tail(context, 1))[0].entry
        assert (entry.action, entry.actor, entry.reason) == ("exception.add", "ana", REASON)
        installation.now += 3600
        assert await reason_of(context, "adult.example") == "category"
        assert await exceptions.list_exceptions(context) == ()
        assert [each.name for each in await exceptions.list_exceptions(context, everything=True)] == [
            "adult.example"
        ]


async def test_an_exception_given_again_gets_the_new_time(installation: Installation) -> None:
    async with installation.open() as context:
        first = (await exceptions.add(context, "a.example", 3600, reason=REASON)).exception
        second = (await exceptions.add(context, "a.example", 7200, reason=REASON)).exception
        exact = (await exceptions.add(context, "a.example", 60, reason=REASON, scope=Scope.EXACT)).exception
        assert first.number < second.number < exact.number
        assert await exceptions.list_exceptions(context) == (second, exact)
        assert [each.number for each in await exceptions.end(context, str(exact.number))] == [exact.number]
        ended = await exceptions.end(context, "A.example", reason="mended")
        assert [(each.number, each.ended_by) for each in ended] == [(second.number, "ana")]
        with pytest.raises(OperationError, match="no exception in force") as refused:
            await exceptions.end(context, "a.example")
        assert "exception list" in refused.value.remedy


async def test_what_stays_blocked_is_said(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        await prepared(context)
        await taking.add(context, request("banned.example"))
        told = await exceptions.add(context, "banned.example", 60, reason=REASON)
        assert told.mandatory == "O-1"
        assert await reason_of(context, "banned.example") == "mandatory"
        secret = await exceptions.add(context, "worst.example", 60, reason=REASON)
        assert secret.mandatory == "", "a confidential list is not told about"
        assert await reason_of(context, "worst.example") == "mandatory"


@pytest.mark.parametrize(
    ("name", "seconds", "reason", "why"),
    [
        ("com.mx", 60, REASON, "public suffix"),
        ("a.example", 0, REASON, "cannot last"),
        ("a.example", MAX_EXCEPTION + 1, REASON, "cannot last"),
        ("a.example", 60, " ", "reason is empty"),
        ("not a name", 60, REASON, "not a domain name"),
    ],
)
async def test_what_is_refused(
    installation: Installation, name: str, seconds: int, reason: str, why: str
) -> None:
    async with installation.open() as context:
        with pytest.raises(OperationError, match=why) as refused:
            await exceptions.add(context, name, seconds, reason=reason)
        assert refused.value.remedy
        assert await exceptions.list_exceptions(context, everything=True) == ()


@pytest.mark.ring("night")
async def test_there_are_only_so_many(installation: Installation) -> None:
    async with installation.open() as context:
        async with context.store.write("ana", NOW) as write:
            for number in range(1, MAX_LIFTINGS + 1):
                each = Lifting(
                    number,
                    LiftingKind.EXCEPTION,
                    f"n{number}.example",
                    Scope.SUBTREE,
                    "",
                    "ana",
                    int(NOW),
                    int(NOW) + 60,
                )
                await rows.add(write.connection, each)
            write.audit("exception.add", "exception:1")
        with pytest.raises(OperationError, match="exceptions already") as refused:
            await exceptions.add(context, "a.example", 60, reason=REASON)
        assert "exception end" in refused.value.remedy


async def test_a_suspension_is_as_if_every_line_had_paused(installation: Installation) -> None:
    async with installation.open() as context:
        await prepared(context)
        await subscribers.deny(context, "home", "own.example", Scope.SUBTREE)
        made = await suspension.suspend(context, 3600, reason=REASON)
        assert await suspension.present(context) == made
        assert await reason_of(context, "adult.example") == "none"
        assert await reason_of(context, "search.example") == "none"
        assert await reason_of(context, "own.example") == "own_deny"
        assert await reason_of(context, "worst.example") == "mandatory"
        found = await explain.explain(context, "adult.example", subscriber="home")
        assert (found.suspended_until, found.valid_until) == (made.until, made.until)
        longer = await suspension.suspend(context, 7200, reason=REASON)
        assert await suspension.present(context) == longer
        await suspension.resume(context)
        assert await reason_of(context, "adult.example") == "category"
        with pytest.raises(OperationError, match="not suspended"):
            await suspension.resume(context)
        with pytest.raises(OperationError, match="cannot last"):
            await suspension.suspend(context, MAX_SUSPENSION + 1, reason=REASON)
        actions = [each.entry.action for each in await audit.tail(context, 4)]
        assert actions == ["suspension.add", "suspension.add", "suspension.end", "suspension.end"]


@pytest.mark.ring("merge")
async def test_no_restore_brings_back_what_was_ended(installation: Installation, tmp_path: Path) -> None:
    async with installation.open() as context:
        await prepared(context)
        await exceptions.add(context, "adult.example", 3600, reason=REASON)
        kept = await exceptions.add(context, "blue.example", 3600, reason=REASON)
        await suspension.suspend(context, 3600, reason=REASON)
        await backup(context, tmp_path / "backup")
        await exceptions.end(context, "adult.example")
        await suspension.resume(context)
    done = await put_back(installation, tmp_path / "backup")
    assert done.ended_again == {"lifting": 2}
    async with installation.open() as context:
        assert await suspension.present(context) is None
        assert await exceptions.list_exceptions(context) == (kept.exception,)
        later = await exceptions.add(context, "red.example", 60, reason=REASON)
        assert later.exception.number > done.revision - 1, "no number is given out twice"
        assert (await audit.verify(context)).holds
