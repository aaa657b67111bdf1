"""The settings on alarms before deadlines of orders, and on e-mail, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filterd.config.notice_settings import WebhookSettings
from filterd.config.value_types import Seconds

_BEFORE = (Seconds(3_600), Seconds(14_400), Seconds(86_400))
_BEFORE_REVIEW = (Seconds(86_400), Seconds(604_800))
_RETRY_FOR = Seconds(259_200)


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """Alarms before deadlines of orders."""

    before: tuple[Seconds, ...] = _BEFORE
    """how long before a deadline somebody is told"""
    before_review: tuple[Seconds, ...] = _BEFORE_REVIEW
    """the same for reviews, which are days away"""
    webhooks: tuple[WebhookSettings, ...] = ()
    retry_for: Seconds = _RETRY_FOR
    """how long an alarm is tried again"""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The server that takes e-mail to the operator's people. No subscriber is ever written to."""

    server: str
    port: int
    tls: str
    """``starttls``, ``tls`` (from the first byte), or ``none``, on loopback alone"""
    user: str
    """empty: without a login"""
    password_file: Path | None
    ca: Path | None
    """a PEM file of the authorities for the server; None: those of the system"""
    sender: str
    to: tuple[str, ...]
    timeout: Seconds
