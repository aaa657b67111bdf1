"""Signing in with the provider's own account, at a real OpenID provider on loopback."""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwk, jwt
from joserfc.jwk import OctKey, RSAKey

from filterd.config.portal_settings import OpenidSettings
from filterd.model.portal import SignInMethod
from filterd.operations import subscribers
from filterd.operations.errors import NotReachedError
from filterd.operations.portal import openid, openid_state
from filterd.operations.portal.openid import OpenidStart
from filterd.operations.portal.refusals import SignInRefusedError
from filterd.operations.portal.sessions import SignedIn
from filterd.operations.portal.state import PortalState
from tests.unit.operations.portal.conftest import Portal
from tests.worlds.installation import Installation, with_portal
from tests.worlds.openid import CLIENT, SECRET, OpenidProvider, openid_provider


@pytest.fixture
def provider(installation: Installation) -> Iterator[OpenidProvider]:
    """The provider, on the clock of the installation."""
    with openid_provider() as found:
        found.clock = installation.clock
        yield found


@pytest.fixture
async def portal(
    installation: Installation, provider: OpenidProvider, tmp_path: Path
) -> AsyncIterator[Portal]:
    """A portal that knows the provider."""
    secret = tmp_path / "client-secret"
    secret.write_text(f"{SECRET}\n")
    settings = OpenidSettings(provider.issuer, CLIENT, secret, "filterd_lines", ("openid",), None)
    installation.settings = with_portal(installation.settings, settings)
    async with installation.open() as context:
        for each in ("home", "other"):
            await subscribers.add(context, each)
        yield Portal(context, PortalState.make(context.settings), installation)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow none."""


def browse(start: OpenidStart) -> dict[str, str]:
    """The query with which the provider sends the browser back."""
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        opener.open(start.url)
    except urllib.error.HTTPError as answer:
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    raise AssertionError


async def sign_in(portal: Portal) -> SignedIn:
    """The whole way."""
    start = await openid.begin(portal.state, portal.context)
    return await openid.finish(portal.state, portal.context, start.cookie, browse(start))


async def test_an_account_signs_in_for_its_lines(portal: Portal, provider: OpenidProvider) -> None:
    one = (await sign_in(portal)).session
    assert (one.method, one.subscribers) == (SignInMethod.OPENID, ("home",))
    provider.claims["filterd_lines"] = ["other", "home", "gone", 7, "home"]
    assert (await sign_in(portal)).session.subscribers == ("home", "other")
    assert provider.asked["/.well-known/openid-configuration"] == 1, "kept"
    assert provider.asked["/keys"] == 1


async def test_a_sign_in_is_of_one_browser_and_of_one_time(portal: Portal) -> None:
    start, other = [await openid.begin(portal.state, portal.context) for _ in range(2)]
    back = browse(start)
    forged = start.cookie[:-1] + ("0" if start.cookie[-1] != "0" else "1")
    later = start.cookie.replace(".", ".9", 1)
    for cookie in (other.cookie, forged, later, "", "x" * 9_000):
        with pytest.raises(SignInRefusedError):
            await openid.finish(portal.state, portal.context, cookie, back)
    for query in ({}, back | {"state": "é"}, back | {"iss": "https://evil.example"}, back | {"code": ""}):
        with pytest.raises(SignInRefusedError):
            await openid.finish(portal.state, portal.context, start.cookie, query)
    assert await openid.finish(portal.state, portal.context, start.cookie, back)
    with pytest.raises(SignInRefusedError):
        await openid.finish(portal.state, portal.context, start.cookie, back)


async def test_a_sign_in_that_takes_too_long_is_refused(portal: Portal) -> None:
    start = await openid.begin(portal.state, portal.context)
    back = browse(start)
    portal.after(openid.SECONDS)
    with pytest.raises(SignInRefusedError):
        await openid.finish(portal.state, portal.context, start.cookie, back)


def _with(**changed: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda claims: claims | changed


def _without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def _by_secret(claims: dict[str, Any]) -> Any:
    key = OctKey.import_key("a secret that everybody knows, of 32 bytes and more")
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, key)


_DEEP = base64.urlsafe_b64encode(b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}").decode().rstrip("=")
TWISTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another nonce": _with(nonce="other"),
    "no nonce": _without("nonce"),
    "another issuer": _with(iss="https://evil.example"),
    "another audience": _with(aud="other"),
    "another party": _with(aud=[CLIENT, "other"], azp="other"),
    "expired": _with(exp=1),
    "without an end": _without("exp"),
    "without a subject": _without("sub"),
    "no line": _without("filterd_lines"),
    "an unknown line": _with(filterd_lines="nobody"),
    "no text": _with(filterd_lines={"home": 1}),
    "by a secret": _by_secret,
    "not signed": lambda _: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.",
    "no token": lambda _: "x",
    "nested too deeply": lambda _: f"{_DEEP}.{_DEEP}.",
}


@pytest.mark.parametrize("name", TWISTS)
async def test_a_token_that_is_not_as_it_must_be_signs_nobody_in(
    portal: Portal, provider: OpenidProvider, name: str
) -> None:
    provider.twist = lambda path, answer: TWISTS[name](answer) if path == "id_token" else answer
    with pytest.raises(SignInRefusedError):
        await sign_in(portal)


async def test_a_new_key_of_the_provider_is_fetched(portal: Portal, provider: OpenidProvider) -> None:
    await sign_in(portal)
    provider.renew_key()
    portal.after(openid_state.PAUSE)
    assert await sign_in(portal)
    assert provider.asked["/keys"] == 2


async def test_of_a_document_of_keys_the_public_part_of_the_tokens_key_alone_is_read(
    portal: Portal, provider: OpenidProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty private keys of RSA took 12.7 s of the event loop to be checked."""
    kid = provider.key.kid
    private = RSAKey.generate_key(2048, private=True).as_dict() | {"kid": kid}
    others = [private | {"kid": f"other-{number}"} for number in range(40)]
    large = {"kty": "EC", "kid": kid, "crv": "P-256", "x": "A" * 20_000, "y": "A"}
    odd = [7, None, {}, {"kty": "oct", "kid": kid, "k": "AAAA"}, {"kty": ["EC"]}, large, private]
    own = provider.key.as_dict(private=True)
    provider.twist = lambda path, answer: {"keys": [*others, *odd, own]} if path == "/keys" else answer
    read: list[Any] = []
    imported = jwk.import_key

    def import_key(found: Any) -> Any:
        read.append(found)
        return imported(found)

    monkeypatch.setattr(jwk, "import_key", import_key)
    assert await sign_in(portal)
    assert [set(each) for each in read] == [{"kty", "crv", "x", "y"}]


async def test_a_token_by_a_key_of_nobody_fetches_keys_so_often(
    portal: Portal, provider: OpenidProvider
) -> None:
    await sign_in(portal)
    known = provider.key
    provider.renew_key()
    for _ in range(5):
        with pytest.raises(SignInRefusedError):
            await sign_in(portal)
    assert provider.asked["/keys"] == 1
    provider.key = known
    assert await sign_in(portal)


async def test_keys_that_cannot_be_fetched_anew_leave_those_that_there_are(
    portal: Portal, provider: OpenidProvider
) -> None:
    """A token by a key of nobody, while the provider gives no keys, keeps nobody out who has a right one."""
    await sign_in(portal)
    known = provider.key
    provider.renew_key()
    provider.twist = lambda path, answer: b"{" if path == "/keys" else answer
    portal.after(openid_state.PAUSE)
    with pytest.raises(NotReachedError):
        await sign_in(portal)
    provider.key = known
    assert await sign_in(portal)
    assert provider.asked["/keys"] == 2


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"[]",
        b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b"x" * 300_000,
        b'{"issuer": "https://evil.example", "authorization_endpoint": "https://evil.example/a"}',
    ],
)
async def test_a_provider_that_is_broken_is_told_and_asked_again_later(
    portal: Portal, provider: OpenidProvider, broken: bytes
) -> None:
    provider.twist = lambda path, answer: broken if path.startswith("/.well") else answer
    for _ in range(3):
        with pytest.raises(NotReachedError):
            await openid.begin(portal.state, portal.context)
    assert provider.asked["/.well-known/openid-configuration"] == 1
    provider.twist = lambda _path, answer: answer
    portal.after(openid_state.KEPT)
    assert await sign_in(portal)


async def test_an_endpoint_without_tls_elsewhere_is_not_asked(
    portal: Portal, provider: OpenidProvider
) -> None:
    provider.twist = lambda path, answer: (
        answer | {"token_endpoint": "http://192.0.2.1/token"} if path.startswith("/.well") else answer
    )
    with pytest.raises(SignInRefusedError):
        await sign_in(portal)


async def test_another_secret_of_the_client_signs_nobody_in(portal: Portal, provider: OpenidProvider) -> None:
    provider.secret = "changed"  # noqa: S105 - of a provider made here
    with pytest.raises(SignInRefusedError):
        await sign_in(portal)
