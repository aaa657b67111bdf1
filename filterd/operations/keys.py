"""The keys of the installation, with an operator's remedy where one cannot be had."""

from __future__ import annotations

from filterd.config.settings import Settings
from filterd.disk.keys import KeyFile
from filterd.operations.errors import UnusableError


def load_key(settings: Settings, which: KeyFile) -> bytes:
    """The key, made at the first call."""
    try:
        return which.load(settings.state_dir)
    except OSError as error:
        message = f"the key {which.path(settings.state_dir)} cannot be read or made: {error.strerror}"
        raise UnusableError(message, "give the state directory to the user that runs filterd") from error
    except ValueError as error:
        problem, _, remedy = str(error).partition(": ")
        message = f"the key {problem}"
        raise UnusableError(message, remedy) from error
