"""Registration of a passkey by somebody who is signed in (WebAuthn Level 3, 7.1)."""

from __future__ import annotations

from webauthn import generate_registration_options, options_to_json, verify_registration_response
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from filterd.model.passkey import Passkey
from filterd.model.token import Token
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.passkeys.asserting import LONGEST, AskedAssertion, user_handle
from filterd.operations.passkeys.challenges import SECONDS, Challenges, registering
from filterd.operations.passkeys.keeping import audited, subject
from filterd.operations.passkeys.party import RelyingParty
from filterd.store import passkeys as rows

MOST = 10
"""passkeys of one token that hold"""
NAME = "filterd"
"""as devices show it; a provider's own name stands in the host"""


def creation_options(party: RelyingParty, challenge: bytes, token: Token, have: tuple[Passkey, ...]) -> str:
    """The options for ``navigator.credentials.create``, as JSON: discoverable, with user verification, and
    without attestation. A device that has a passkey of the token offers no second one."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=NAME,
        user_name=f"{token.name} ({token.role})",
        user_id=user_handle(token),
        challenge=challenge,
        timeout=SECONDS * 1000,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential)) for each in have
        ],
    )
    return options_to_json(options)


async def register(
    context: Context,
    challenges: Challenges,
    party: RelyingParty,
    browser: str,
    token: Token,
    answer: str,
    label: str,
    means: str,
) -> Passkey:
    """Keep the passkey that a device made. ``context`` acts as the token. ``means``: the proof of the person,
    ``token`` (pasted again) or a passkey as ``K-7``. Raises OperationError."""
    asked = AskedAssertion(party, registering(means), browser)
    called = input_values.text(label, "name of the device", limit=64)
    if token.system:
        message = f"{token.name} is a system, and a passkey is a person's"
        raise OperationError(message, "sign in with the token of a person")
    found = _verified(challenges, asked, answer, context.clock())
    async with context.store.write(context.actor, context.clock()) as write:
        have = await rows.all_passkeys(write.connection, token.number)
        if sum(not each.revoked_at for each in have) >= MOST:
            message = f"this account has {MOST} passkeys"
            raise ConflictError(message, "revoke one that is used no longer, then add this one")
        if await rows.of_credential(write.connection, found[0]) is not None:
            message = "this passkey is known already"
            raise ConflictError(message, "sign in with it")
        made = Passkey(
            number=write.before.revision + 1,
            token=token.number,
            party=party.id,
            label=called,
            credential=found[0],
            public_key=found[1],
            uses=found[2],
            made_by=write.actor,
            made_at=write.now,
            made_with=means,
        )
        await rows.add(write.connection, made)
        write.audit("passkey.add", subject(made), after=audited(made))
    return made


def _verified(challenges: Challenges, asked: AskedAssertion, answer: str, now: float) -> tuple[str, str, int]:
    """Id, public key and counter of what a device made."""
    try:
        credential = parse_registration_credential_json(answer[:LONGEST])
        challenge = parse_client_data_json(credential.response.client_data_json).challenge
        if not challenges.holds(challenge, asked.purpose, asked.browser, now):
            raise ValueError(challenge)
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=asked.party.id,
            expected_origin=asked.party.origin,
            require_user_verification=True,
        )
    except Exception:  # whatever a stranger's bytes make the parsers raise
        verified = None
    if verified is None or not challenges.spend(challenge, now):
        message = "the device's answer is not valid here: it came too late, twice, or from another page"
        raise OperationError(message, "open the page anew and add the passkey again") from None
    public_key = bytes_to_base64url(verified.credential_public_key)
    return bytes_to_base64url(verified.credential_id), public_key, verified.sign_count
