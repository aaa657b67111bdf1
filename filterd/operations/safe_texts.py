"""The texts of errors for records and logs, where a confidential list may be at work."""

from __future__ import annotations

import traceback
from pathlib import Path

from filterd.operations.errors import OperationError
from filterd.store.errors import StoreError


def safe_text(error: Exception) -> str:
    """Say why something failed. The text of an error that nobody foresaw is left out, since it may have names
    of the list: its class and its place are told."""
    if isinstance(error, OperationError | StoreError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if "filterd" in Path(each.filename).parts] or frames
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"an error that nobody foresaw: {type(error).__name__}{place}"
