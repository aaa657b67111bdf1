"""Tokens: their secrets, their limits, who may be behind them, and orders that two people stand behind."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from filterd.model.rule import Scope
from filterd.model.token import DAY, GRANTS, Permission, Token, TokenRole
from filterd.operations import audit, tokens
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, NotAllowedError, OperationError, UnknownError
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.tokens import TokenRequest
from tests.worlds.installation import NOW, Installation, as_person

REQUEST = OrderRequest("SAT", "A. Official", "D-1", "LIVA", "order", (("ordered.example", Scope.SUBTREE),))


async def test_a_secret_is_stored_as_its_digest_alone(installation: Installation) -> None:
    async with installation.open() as context:
        made = await tokens.add(context, TokenRequest("billing", TokenRole.PROVISIONING, system=True))
        assert made.secret not in repr(made)
        assert (await tokens.of_secret(context, made.secret)) is not None
        assert (await tokens.list_tokens(context))[0].expires_at == NOW + 90 * DAY
    with closing(sqlite3.connect(installation.database)) as store:
        (digest,) = store.execute("SELECT digest FROM token").fetchone()
        whole = "\n".join(store.iterdump())
    assert digest == hashlib.sha256(made.secret.encode()).hexdigest()
    assert made.secret not in whole


async def test_a_use_is_noted_to_the_day(installation: Installation) -> None:
    async with installation.open() as context:
        made = await tokens.add(context, TokenRequest("billing", TokenRole.PROVISIONING, system=True))
        for seconds in (0, 60, DAY):
            installation.now = NOW + seconds
            await tokens.of_secret(context, made.secret)
            (found,) = await tokens.list_tokens(context)
            assert found.used_day == int(installation.now // DAY)
        assert [each.entry.action for each in await audit.tail(context)] == ["token.add"]


async def test_expired_revoked_and_unknown_secrets_find_nothing(installation: Installation) -> None:
    async with installation.open() as context:
        short = await tokens.add(context, TokenRequest("one", TokenRole.SUPPORT, 60))
        made = await tokens.add(context, TokenRequest("two", TokenRole.SUPPORT))
        for secret in ("", "x", made.secret + "a", made.secret[:-1], "filterd_" + "A" * 43, "é", "\n"):
            assert await tokens.of_secret(context, secret) is None
        assert len(await tokens.revoke(context, "two", reason="left")) == 1
        assert await tokens.revoke(context, tokens.reference(made.token), reason="left") == ()
        assert await tokens.of_secret(context, made.secret) is None
        installation.now += 60
        assert await tokens.of_secret(context, short.secret) is None
        with pytest.raises(UnknownError, match="there is no token 'T-99'"):
            await tokens.revoke(context, "T-99", reason="left")


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (TokenRequest("", TokenRole.SUPPORT), "no name of a token"),
        (TokenRequest("Ana", TokenRole.SUPPORT), "no name of a token"),
        (TokenRequest("control", TokenRole.SUPPORT), "no name of a token"),
        (TokenRequest("a\nb", TokenRole.SUPPORT), "no name of a token"),
        (TokenRequest("nobody-here", TokenRole.OPERATOR), "is no account of this system"),
        (TokenRequest("one", TokenRole.SUPPORT, 0), "cannot be valid for 0 seconds"),
        (TokenRequest("one", TokenRole.SUPPORT, 367 * DAY), "cannot be valid for"),
        (
            TokenRequest("one", TokenRole.SUPPORT, scopes=(Permission.AUDIT_READ,)),
            "does not allow audit.read",
        ),
        (TokenRequest("one", TokenRole.SUPPORT, networks=("x",)), "x"),
    ],
)
async def test_what_cannot_be_a_token_is_refused(
    installation: Installation, request_: TokenRequest, says: str
) -> None:
    async with installation.open() as context:
        with pytest.raises(OperationError, match=says) as refused:
            await tokens.add(context, request_)
        assert refused.value.remedy


async def test_a_person_with_an_account_and_a_token_is_one_actor(installation: Installation) -> None:
    async with installation.open("daemon", approvals=2) as context:
        order = await taking.add(context, REQUEST)
        mine = await _acting(as_person(context, "ana"), "daemon")
        with pytest.raises(ConflictError, match="daemon stands behind order O-1 already"):
            await taking.approve(mine, order.reference)


async def test_whoever_made_a_token_is_not_the_second_person(installation: Installation) -> None:
    async with installation.open("daemon", approvals=2) as context:
        order = await taking.add(context, REQUEST)
        made = await tokens.add(context, TokenRequest("bin", TokenRole.OPERATOR))
        with pytest.raises(NotAllowedError, match="daemon made this token"):
            await taking.approve(tokens.acting(context, made.token), order.reference)
        other = await tokens.add(as_person(context, "ana"), TokenRequest("bin", TokenRole.OPERATOR))
        done = await taking.approve(tokens.acting(context, other.token), order.reference)
        assert (done.state.value, done.approvals) == ("accepted", ("daemon", "bin"))


async def test_two_tokens_that_one_person_made_are_one_person(installation: Installation) -> None:
    """A person who makes tokens for two others could use both, and approve by command too."""
    async with installation.open("ana", approvals=2) as context:
        first = await tokens.add(context, TokenRequest("bin", TokenRole.OPERATOR))
        second = await tokens.add(context, TokenRequest("sys", TokenRole.OPERATOR))
        order = await taking.add(tokens.acting(context, first.token), REQUEST)
        with pytest.raises(NotAllowedError, match="ana made this token, and stands behind order O-1"):
            await taking.approve(tokens.acting(context, second.token), order.reference)
        with pytest.raises(NotAllowedError, match="ana made a token that stands behind order O-1"):
            await taking.approve(context, order.reference)
        done = await taking.approve(as_person(context, "daemon"), order.reference)
        assert (done.state.value, done.approvals) == ("accepted", ("bin", "daemon"))


async def test_a_token_of_ones_own_making_is_ones_own(installation: Installation) -> None:
    async with installation.open("daemon", approvals=2) as context:
        own = await tokens.add(context, TokenRequest("daemon", TokenRole.OPERATOR))
        order = await taking.add(as_person(context, "bin"), REQUEST)
        done = await taking.approve(tokens.acting(context, own.token), order.reference)
        assert done.approvals == ("bin", "daemon")


async def test_a_system_stands_behind_no_order(installation: Installation) -> None:
    async with installation.open("daemon", approvals=2) as context:
        order = await taking.add(context, REQUEST)
        made = await tokens.add(
            as_person(context, "ana"), TokenRequest("bin", TokenRole.OPERATOR, system=True)
        )
        with pytest.raises(NotAllowedError, match="nobody can answer for this"):
            await taking.approve(tokens.acting(context, made.token), order.reference)


async def test_a_token_needs_a_person_to_make_it(installation: Installation) -> None:
    async with installation.open() as context:
        with pytest.raises(NotAllowedError):
            await tokens.add(replace(context, person=False), TokenRequest("one", TokenRole.SUPPORT))


async def test_a_revocation_is_repeated_after_a_restore(installation: Installation) -> None:
    async with installation.open() as context:
        made = await tokens.add(context, TokenRequest("one", TokenRole.SUPPORT))
        assert await tokens.end_again(context, made.token.number, reason="restore")
        assert not await tokens.end_again(context, made.token.number, reason="restore")
        assert not await tokens.end_again(context, 99, reason="restore")
        assert await tokens.of_secret(context, made.secret) is None


def test_every_role_may_do_something_and_the_operator_everything() -> None:
    assert GRANTS.keys() == set(TokenRole)
    assert GRANTS[TokenRole.OPERATOR] == frozenset(Permission)
    assert Permission.LINES_READ not in GRANTS[TokenRole.REGULATOR]


async def _acting(context: Context, name: str) -> Context:
    made = await tokens.add(context, TokenRequest(name, TokenRole.OPERATOR))
    return tokens.acting(context, made.token)


def mine_token(found: list[Token]) -> Token:
    """The newest of them."""
    return found[-1]
