"""Makes the settings on notices of what the configuration file says."""

from __future__ import annotations

from pathlib import Path

from filterd.config.notice_settings import NoticeSettings, WebhookSettings
from filterd.config.raw_notices import RawNotices


def notices(raw: RawNotices, base: Path) -> NoticeSettings:
    """The settings; relative paths are below ``base``."""
    return NoticeSettings(
        webhooks=tuple(
            WebhookSettings(
                each.id,
                each.url,
                base / each.secret_file,
                each.events,
                None if each.ca is None else base / each.ca,
                each.timeout,
            )
            for each in raw.webhooks
        ),
        retry_for=raw.retry_for,
        keep=raw.keep,
        profile_changes=raw.profile_changes,
        most=raw.most,
    )
