"""An assertion: the signature of a passkey over a challenge, by which its person signs in or confirms an act.

The signature is verified by ``webauthn`` (WebAuthn Level 3, 7.2). All refusals look alike to who asks; the
reason is for tests and for who counts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

from webauthn import (
    generate_authentication_options,
    options_to_json,
    verify_authentication_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    parse_authentication_credential_json,
    parse_client_data_json,
)
from webauthn.helpers.structs import (
    AuthenticationCredential,
    PublicKeyCredentialDescriptor,
    UserVerificationRequirement,
)

from filterd.model.passkey import Passkey
from filterd.model.token import DAY, Token
from filterd.operations.context import Context
from filterd.operations.passkeys import keeping
from filterd.operations.passkeys.challenges import SECONDS, Challenges
from filterd.operations.passkeys.party import RelyingParty
from filterd.store import passkeys as rows
from filterd.store import tokens as token_rows

LONGEST = 16 * 1024
"""characters of what is taken for an assertion"""


class AssertionFault(StrEnum):
    """The reasons for which an assertion is worth nothing."""

    FORM = "form"
    """it cannot be read"""
    PARTY = "party"
    """the desk has no passkeys"""
    CHALLENGE = "challenge"
    """made for another purpose or browser, too old, or used before"""
    PASSKEY = "passkey"
    """unknown, revoked, or of another host"""
    TOKEN = "token"  # noqa: S105 - a word
    """its token holds no longer"""
    PERSON = "person"
    SIGNATURE = "signature"
    """of another key, origin or host, or without verification of the person"""
    COUNTER = "counter"
    """the key was copied"""


class AssertionRefusedError(Exception):
    """The assertion is worth nothing here, for a :class:`AssertionFault`; who asks is not told which."""


@dataclass(frozen=True, slots=True)
class AskedAssertion:
    """An assertion as it is asked for: the party, and the challenge's purpose and browser."""

    party: RelyingParty
    purpose: str
    browser: str


@dataclass(frozen=True, slots=True)
class Asserted:
    """An assertion that holds: the passkey that made it, and its token."""

    passkey: Passkey
    token: Token


def request_options(party: RelyingParty, challenge: bytes, allowed: tuple[Passkey, ...] = ()) -> str:
    """The options for ``navigator.credentials.get``, as JSON. ``allowed``: the passkeys that will do; none:
    the browser offers those that it has for this host."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=SECONDS * 1000,
        allow_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential)) for each in allowed
        ],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


async def assert_one(
    context: Context, challenges: Challenges, asked: AskedAssertion, answer: str
) -> Asserted:
    """The person whose passkey answered. Raises AssertionRefusedError.

    The counter is compared in the store, in the transaction that notes the use. One that did not grow means
    that two devices hold the key: the passkey is revoked, and the person signs in by token.
    """
    credential, challenge = _parsed(answer)
    if not challenges.holds(challenge, asked.purpose, asked.browser, context.clock()):
        raise AssertionRefusedError(AssertionFault.CHALLENGE)
    found = await _known(context, asked.party, credential)
    uses = _verified(found.passkey, asked.party, credential, challenge)
    if not challenges.spend(challenge, context.clock()):
        raise AssertionRefusedError(AssertionFault.CHALLENGE)
    day = int(context.clock() // DAY)
    async with context.store.report(shared=True) as connection:
        noted = await rows.note_use(connection, found.passkey.number, uses, day)
    if not noted:
        await keeping.stop_cloned(context, found.passkey, told=uses)
        raise AssertionRefusedError(AssertionFault.COUNTER)
    return replace(found, passkey=replace(found.passkey, uses=uses, used_day=day))


def user_handle(token: Token) -> bytes:
    """The handle of an account in a device: 32 bytes that say nothing of the person (WebAuthn, 14.6.1)."""
    return hashlib.sha256(f"account:{token.number}:{token.made_at!r}".encode()).digest()


def _parsed(answer: str) -> tuple[AuthenticationCredential, bytes]:
    try:
        credential = parse_authentication_credential_json(answer[:LONGEST])
        challenge = parse_client_data_json(credential.response.client_data_json).challenge
    except Exception:  # whatever a stranger's bytes make the parsers raise
        raise AssertionRefusedError(AssertionFault.FORM) from None
    return credential, challenge


async def _known(context: Context, party: RelyingParty, credential: AuthenticationCredential) -> Asserted:
    async with context.store.read() as connection:
        passkey = await rows.of_credential(connection, bytes_to_base64url(credential.raw_id))
        if passkey is None or passkey.revoked_at or passkey.party != party.id:
            raise AssertionRefusedError(AssertionFault.PASSKEY)
        token = await token_rows.find(connection, passkey.token)
    if token is None or not token.holds(context.clock()):
        raise AssertionRefusedError(AssertionFault.TOKEN)
    handle = credential.response.user_handle
    if handle is not None and handle != user_handle(token):
        raise AssertionRefusedError(AssertionFault.PERSON)
    return Asserted(passkey, token)


def _verified(
    passkey: Passkey, party: RelyingParty, credential: AuthenticationCredential, challenge: bytes
) -> int:
    """The counter of an assertion that is rightly signed. It is not compared here: 0 stands for what is
    known."""
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception:
        raise AssertionRefusedError(AssertionFault.SIGNATURE) from None
    return verified.new_sign_count
