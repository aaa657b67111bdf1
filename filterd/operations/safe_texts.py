"""The texts of errors for records and logs, where a confidential list may be at work."""

from __future__ import annotations

from filterd.operations.errors import OperationError
from filterd.store.errors import StoreError
from filterd.telemetry import log


def safe_text(error: Exception) -> str:
    """Say why something failed. The text of an error that nobody foresaw is left out, since it may have names
    of the list: its class and its place are told."""
    if isinstance(error, OperationError | StoreError):
        return str(error)
    found = log.fault_fields(error)
    return f"an error that nobody foresaw: {found['fault']} at {found['place']}"
