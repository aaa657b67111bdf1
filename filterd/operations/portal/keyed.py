"""Keyed digests of the portal, each for one purpose: what the store has of a code or PIN can be tried out
only by who has the key too."""

from __future__ import annotations

import hashlib
import hmac

from filterd.config.portal_settings import PortalSettings
from filterd.config.settings import Settings
from filterd.disk.keys import PORTAL_KEY
from filterd.operations.keys import load_key


def portal_key(settings: Settings) -> bytes:
    """The key, made at the first call. Raises OperationError."""
    return load_key(settings, PORTAL_KEY)


def key_file(settings: Settings) -> tuple[int, ...]:
    """An identity of the file with the key, which is another one where the file was replaced; empty: there is
    no file that can be looked at."""
    try:
        found = PORTAL_KEY.path(settings.state_dir).stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def keyed(key: bytes, purpose: str, text: str) -> str:
    """64 hexadecimal digits: the HMAC-SHA-256 of a text for one purpose."""
    return hmac.new(key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


def digest_of(secret: str) -> str:
    """The SHA-256 of a secret of 256 random bits, which nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def settings_of(settings: Settings) -> PortalSettings:
    """The settings of the portal; those without anything where there is no web process."""
    return PortalSettings() if settings.web is None else settings.web.sign_in
