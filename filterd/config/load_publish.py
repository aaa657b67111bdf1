"""Makes the settings on published lists of what the configuration file says."""

from __future__ import annotations

from pathlib import Path

from filterd.config.publish_settings import PublishSettings
from filterd.config.raw_publish import RawPublish


def publish(raw: RawPublish, base: Path, state_dir: Path) -> PublishSettings:
    """The settings; relative paths are below ``base``, the default file of the key below ``state_dir``."""
    return PublishSettings(
        None if raw.directory is None else base / raw.directory,
        base / (raw.key_file or state_dir / "keys" / "publish.key"),
        raw.licence,
        raw.on_change,
    )
