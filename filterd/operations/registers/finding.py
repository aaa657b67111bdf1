"""Finds a register of the settings by its id."""

from __future__ import annotations

from filterd.config.register_settings import RegisterSettings
from filterd.operations.context import Context
from filterd.operations.errors import UnknownError
from filterd.operations.nearest import did_you_mean


def require_register(context: Context, identifier: str) -> RegisterSettings:
    """The register. Raises UnknownError."""
    known = {each.id: each for each in context.settings.registers}
    if identifier not in known:
        message = f"unknown register {identifier[:64]!r}"
        raise UnknownError(message, f"{did_you_mean([identifier], known)}see: filterd register list")
    return known[identifier]


def register_subject(register: str) -> str:
    """The name of a register in the audit trail."""
    return f"register:{register}"
