"""Signing in with the provider's own account, by OpenID Connect (Core 1.0): code flow, PKCE (RFC 7636).

State, nonce and verifier follow from a random seed in a cookie and the portal's key: nothing is kept here of
those who begin and never finish, and nobody can finish in another browser.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from filterd.config.portal_settings import OpenidSettings
from filterd.fetch.openid import OpenidAnswerError, OpenidClient
from filterd.fetch.secrets import SecretError, Secrets
from filterd.model.portal import PortalRole, SignInMethod
from filterd.model.subscriber import Subscriber
from filterd.operations.context import Context
from filterd.operations.errors import NotReachedError, OperationError
from filterd.operations.feeds.server_addresses import server_addresses
from filterd.operations.portal import sessions
from filterd.operations.portal.keyed import keyed, settings_of
from filterd.operations.portal.links import MOST_LINES
from filterd.operations.portal.refusals import SignInRefusedError
from filterd.operations.portal.sessions import SignedIn, SignInBasis
from filterd.operations.portal.state import ACTOR, PortalState
from filterd.store import subscribers as subscriber_rows

CALLBACK = "/portal/openid"
"""the path of the page to which the provider sends the browser back"""
SECONDS = 600
"""for a sign-in from its begin to its end"""
ALGORITHMS = ("RS256", "ES256", "PS256")
"""of signatures of ID tokens; none and those with a shared secret are not among them"""
LEEWAY = 60
"""seconds by which the provider's clock may differ"""
_COOKIE = re.compile(r"([A-Za-z0-9_-]{32})\.([0-9]{1,12})\.([0-9a-f]{64})")
_LONGEST_CODE = 4_096
_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
"""algorithm -> type of its key"""
_MEMBERS: Mapping[str, Mapping[str, int]] = {"RSA": {"n": 1_366, "e": 12}, "EC": {"crv": 8, "x": 88, "y": 88}}
"""type -> the members of its public key (RFC 7518 §6.2.1, §6.3.1), and the most characters of each: of RSA
with 8,192 bits, of EC with 521"""


@dataclass(frozen=True, slots=True)
class OpenidStart:
    """The begin of a sign-in: send the browser to ``url`` and keep ``cookie`` there for ten minutes
    (HttpOnly, Secure, SameSite=Lax)."""

    url: str
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Flow:
    """One sign-in, all of which follows from its seed."""

    state: str
    nonce: str
    verifier: str = field(repr=False)
    until: float


def _flow(portal: PortalState, seed: str, until: int) -> _Flow:
    def part(what: str) -> str:
        return keyed(portal.key, f"openid {what}", f"{seed}.{until}")

    return _Flow(part("state"), part("nonce"), part("verifier"), until)


def offered(context: Context) -> bool:
    """Return whether ``web.portal.openid`` is configured."""
    return settings_of(context.settings).openid is not None


def _settings(context: Context) -> OpenidSettings:
    found = settings_of(context.settings).openid
    if found is None:
        message = "there is no sign-in with accounts of the provider"
        raise OperationError(message, "sign in with a link of the provider")
    return found


def _return_address(context: Context) -> str:
    return settings_of(context.settings).public_url + CALLBACK


async def begin(portal: PortalState, context: Context) -> OpenidStart:
    """Begin a sign-in. Raises NotReachedError where the provider does not answer as it must,
    TooManyTriesError."""
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    settings, now = _settings(context), context.clock()
    async with portal.openid.turn(), server_addresses(context.settings) as lookup:
        client = OpenidClient(settings.ca, lookup)
        address = (await portal.openid.metadata(client, settings, now))["authorization_endpoint"]
    seed, until = secrets.token_urlsafe(24), int(now) + SECONDS
    flow = _flow(portal, seed, until)
    asked = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": _return_address(context),
        "scope": " ".join(settings.scopes),
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": create_s256_code_challenge(flow.verifier),
        "code_challenge_method": "S256",
    }
    mark = "&" if "?" in address else "?"
    seal = keyed(portal.key, "openid cookie", f"{seed}.{until}")
    return OpenidStart(f"{address}{mark}{urlencode(asked)}", f"{seed}.{until}.{seal}")


async def finish(
    portal: PortalState, context: Context, cookie: str, query: Mapping[str, str], *, previous: str = ""
) -> SignedIn:
    """Finish it: ``query`` is that of the browser's return to :data:`CALLBACK`, ``cookie`` that of
    :func:`begin`. Raises SignInRefusedError (forged, expired, repeated, no line), NotReachedError,
    TooManyTriesError."""
    settings = _settings(context)
    async with portal.trying(context):
        flow = _proven(portal, context, cookie, query)
        issuer = query.get("iss", settings.issuer)  # RFC 9207
        code = query.get("code", "")
        if issuer != settings.issuer or not 0 < len(code) <= _LONGEST_CODE:
            raise SignInRefusedError
        async with portal.openid.turn():
            if not portal.openid.use(flow.state, flow.until, context.clock()):
                raise SignInRefusedError
            claims = await _claims(portal, context, settings, flow, code)
        return await _let_in(context, claims.get(settings.lines_claim), previous)


def _proven(portal: PortalState, context: Context, cookie: str, query: Mapping[str, str]) -> _Flow:
    """The sign-in that this browser began. Raises SignInRefusedError."""
    found = _COOKIE.fullmatch(cookie)
    if found is None:
        raise SignInRefusedError
    seed, until, seal = found.groups()
    right = hmac.compare_digest(seal, keyed(portal.key, "openid cookie", f"{seed}.{until}"))
    flow = _flow(portal, seed, int(until))
    same = hmac.compare_digest(flow.state.encode(), query.get("state", "").encode(errors="replace"))
    if not (right and same) or context.clock() >= flow.until:
        raise SignInRefusedError
    return flow


async def _claims(
    portal: PortalState, context: Context, settings: OpenidSettings, flow: _Flow, code: str
) -> Mapping[str, Any]:
    """The claims of the ID token that a code is exchanged for."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _return_address(context),
        "client_id": settings.client_id,
        "code_verifier": flow.verifier,
    }
    now = context.clock()
    async with server_addresses(context.settings) as lookup:
        client = OpenidClient(settings.ca, lookup)
        metadata = await portal.openid.metadata(client, settings, now)
        try:
            answer = await client.post(metadata["token_endpoint"], form, _login(settings))
        except OpenidAnswerError:
            raise SignInRefusedError from None  # a forged or used code among the reasons
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInRefusedError
        kid, algorithm = _signed_with(token)
        keys = await portal.openid.keys(client, metadata["jwks_uri"], now, kid)
    public = _public_key(keys.get("keys"), kid, algorithm)
    return await asyncio.to_thread(_verified, token, public, settings, flow.nonce, int(now))


def _login(settings: OpenidSettings) -> tuple[str, str] | None:
    """Client id and secret; None for a public client. Raises NotReachedError."""
    from urllib.parse import quote_plus

    path = settings.client_secret_file
    if path is None:
        return None
    try:
        secret = Secrets(path.parent).read(path.name)
    except SecretError as error:
        message = f"the client's secret cannot be read: {error}"
        raise NotReachedError(message, "see web.portal.openid.client_secret_file") from None
    return quote_plus(settings.client_id), quote_plus(secret)


def _signed_with(token: str) -> tuple[str, str]:
    """The name of the key and the algorithm that an ID token says it is signed with. Raises
    SignInRefusedError."""
    from joserfc.errors import JoseError
    from joserfc.jws import extract_compact

    try:
        header = extract_compact(token.encode()).headers()
    except (JoseError, ValueError, RecursionError):
        raise SignInRefusedError from None
    return str(header.get("kid", "")), str(header.get("alg", ""))


def _public_key(listed: object, kid: str, algorithm: str) -> dict[str, str | list[str]]:
    """The public key of this name in a provider's document. Raises SignInRefusedError.

    Whatever else the document holds is not looked at: to check one private RSA key takes a fifth of a
    second."""
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    kind = _TYPES.get(algorithm, "")
    lengths = _MEMBERS.get(kind, {})
    for each in found:
        named = each.get("kid", "") == kid or (not kid and len(found) == 1)
        members = {name: text for name in lengths if isinstance(text := each.get(name), str)}
        fits = all(len(text) <= lengths[name] for name, text in members.items())
        if named and each.get("kty") == kind and len(members) == len(lengths) and fits:
            return {"kty": kind, **members}
    raise SignInRefusedError


def _verified(
    token: str, public: dict[str, str | list[str]], settings: OpenidSettings, nonce: str, now: int
) -> Mapping[str, Any]:
    """The claims of an ID token (Core 1.0 §3.1.3.7). Raises SignInRefusedError."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    expected = {
        "iss": {"essential": True, "value": settings.issuer},
        "aud": {"essential": True, "value": settings.client_id},
    }
    try:
        found = jwt.decode(token, import_key(public), algorithms=list(ALGORITHMS))
        params = {"nonce": nonce, "client_id": settings.client_id}
        claims = CodeIDToken(found.claims, found.header, expected, params)
        claims.validate(now=now, leeway=LEEWAY)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise SignInRefusedError from None
    return found.claims


async def _let_in(context: Context, named: object, previous: str) -> SignedIn:
    """Sign in for the lines that a claim names; those that are not here are passed over."""
    listed = named if isinstance(named, list) else [named]
    ids = [each for each in listed if isinstance(each, str)][:MOST_LINES]
    async with context.store.write(ACTOR, context.clock()) as write:
        of: dict[int, Subscriber] = {}
        for each in ids:
            found = await subscriber_rows.find(write.connection, each)
            if found is not None:
                of[found.line] = found
        if not of:
            raise SignInRefusedError
        basis = SignInBasis(PortalRole.HOLDER, SignInMethod.OPENID)
        return await sessions.begin(write, tuple(of.values()), basis, previous)
