"""Turns frozen values into those of JSON, in the one form that commands and the API show them in.

Times are texts in ISO 8601, in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

MOMENTS = frozenset(("at", "since", "until", "not_before", "not_after"))
"""keys whose numbers are Unix seconds, beside those that end in ``_at`` and ``_until``"""


def plain(value: object) -> Any:
    """Turn frozen values into those of JSON: dataclasses into objects, enums into words, bytes into hex."""
    if isinstance(value, Enum):
        return getattr(value, "word", value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)


def with_times(value: Any) -> Any:
    """The same value with the Unix seconds under every key that names a moment as texts."""
    if isinstance(value, dict):
        return {
            key: _time(item) if _names_moment(key) and _is_number(item) else with_times(item)
            for key, item in value.items()
        }
    return [with_times(item) for item in value] if isinstance(value, list) else value


def _names_moment(key: str) -> bool:
    return key in MOMENTS or key.endswith(("_at", "_until"))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _time(seconds: float) -> str | None:
    return moment(seconds) or None


def moment(seconds: float | None) -> str:
    """A time in Unix seconds as UTC, to the second; empty for 0 and None; a number beyond the year 9999."""
    if not seconds:
        return ""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.0f} s after 1970"
