"""The messages of webhooks: secrets and signatures, and the outcomes of attempts (Standard Webhooks)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""bytes of a secret (Standard Webhooks, "Signature scheme")"""
MOST_SECRETS = 2


class WebhookSecretError(Exception):
    """A secret cannot be used; the message names its file and nothing of its content."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one attempt."""

    delivered: bool = False
    gone: bool = False
    """the receiver wants nothing more (410)"""
    unreachable: bool = False
    """nobody answered, or the server cannot answer now: another notice would fare no better"""
    trouble: str = ""
    """why it failed, without anything of the message"""
    wait: float = 0.0
    """seconds that the receiver asks for"""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message. The same id and body are sent at each attempt."""

    id: str
    body: bytes


def read_webhook_secrets(path: Path) -> tuple[bytes, ...]:
    """The secrets of a file: one or two lines of ``whsec_`` and base64. Raises WebhookSecretError."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_SECRETS * 256).decode("ascii")
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise WebhookSecretError(message) from error
    except UnicodeDecodeError:
        text = ""
    lines = text.split()
    if not 1 <= len(lines) <= MOST_SECRETS:
        message = f"{path}: it must have one secret, or two in two lines"
        raise WebhookSecretError(message)
    return tuple(_secret(path, number, line) for number, line in enumerate(lines, start=1))


def _secret(path: Path, number: int, line: str) -> bytes:
    message = f"{path}: line {number} is no secret: {PREFIX} and {SHORTEST} to {LONGEST} bytes in base64"
    if not line.startswith(PREFIX):
        raise WebhookSecretError(message)
    try:
        found = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise WebhookSecretError(message) from None
    if not SHORTEST <= len(found) <= LONGEST:
        raise WebhookSecretError(message)
    return found


def signatures(secrets: Sequence[bytes], identifier: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: one signature for each secret, with spaces between them."""
    signed = f"{identifier}.{timestamp}.".encode("ascii") + body
    made = (hmac.digest(secret, signed, sha256) for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(each).decode('ascii')}" for each in made)
