"""The section ``publish`` of the configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filterd.config.load import ConfigErrors, from_value
from filterd.config.publish_settings import PublishSettings

BASE = Path("/etc/filterd")


def load(publish: dict[str, Any]) -> PublishSettings:
    """The settings of a file with this section."""
    return from_value({"dns": {"upstreams": ["192.0.2.53"]}, "publish": publish}, base=BASE).publish


def test_lists_are_published_by_hand_by_default() -> None:
    assert load({}) == PublishSettings(None, Path("/var/lib/filterd/keys/publish.key"), "", on_change=False)
    assert load({"directory": "out", "on_change": True}).directory == BASE / "out"


def test_nothing_is_published_on_change_without_a_directory() -> None:
    with pytest.raises(ConfigErrors, match="on_change: write directory too"):
        load({"on_change": True})
