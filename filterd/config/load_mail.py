"""Makes the settings on alarms and e-mail of what the configuration file says."""

from __future__ import annotations

from pathlib import Path

from filterd.config.alarm_settings import AlarmSettings, MailSettings
from filterd.config.load_notices import receiver
from filterd.config.raw_mail import PORTS, RawAlarms, RawMail


def alarms(raw: RawAlarms, base: Path) -> AlarmSettings:
    """The settings; relative paths are below ``base``."""
    return AlarmSettings(
        before=tuple(sorted(set(raw.before))),
        before_review=tuple(sorted(set(raw.before_review))),
        webhooks=tuple(receiver(each, base) for each in raw.webhooks),
        retry_for=raw.retry_for,
    )


def mail(raw: RawMail, base: Path) -> MailSettings | None:
    """The settings; None: there is no server."""
    if raw.server is None or raw.sender is None:
        return None
    return MailSettings(
        server=raw.server,
        port=PORTS[raw.tls] if raw.port is None else raw.port,
        tls=raw.tls,
        user=raw.user,
        password_file=None if raw.password_file is None else base / raw.password_file,
        ca=None if raw.ca is None else base / raw.ca,
        sender=raw.sender,
        to=raw.to,
        timeout=raw.timeout,
    )
