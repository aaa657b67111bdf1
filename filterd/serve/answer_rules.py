"""The rules for answers, made from the settings, and the secrets of server cookies."""

from __future__ import annotations

import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from filterd.config.settings import Settings
from filterd.disk.keys import COOKIE_KEY
from filterd.telemetry import log

MOST_SECRETS = 2
_SECRET = re.compile(r"[0-9A-Fa-f]{32}")


@dataclass(frozen=True, slots=True)
class ConfiguredAnswerRules:
    """See :class:`filterd.dataplane.packet.plane_types.AnswerRules`."""

    block_ttl: int
    max_ttl_opted_in: int
    ipv4: bytes | None
    ipv6: bytes | None
    identity: str
    keepalive: int
    cookie_secrets: bytes


def rules_of(settings: Settings, cookie_secrets: bytes) -> ConfiguredAnswerRules:
    """The settings that the native stages need."""
    page = settings.block_page
    return ConfiguredAnswerRules(
        block_ttl=settings.dns.block_ttl,
        max_ttl_opted_in=settings.dns.max_ttl_opted_in,
        ipv4=page.ipv4.packed if page is not None and page.ipv4 is not None else None,
        ipv6=page.ipv6.packed if page is not None and page.ipv6 is not None else None,
        identity=settings.dns.identity or "",
        keepalive=min(settings.dns.tcp.idle * 10, 0xFFFF),
        cookie_secrets=cookie_secrets,
    )


def cookie_secrets(settings: Settings) -> bytes:
    """One or two secrets in a row; the first one makes cookies (RFC 9018 §5).

    Without a file that nodes share, the node has its own secret and keeps it, so that cookies survive a
    restart. Raises ``OSError`` and ValueError.
    """
    shared = settings.dns.cookie_secret_file
    if shared is not None:
        return _read(shared)
    try:
        return COOKIE_KEY.load(settings.state_dir)
    except OSError as error:
        log.get().warning(
            "no cookie secret can be kept, clients lose theirs at each start", reason=str(error)
        )
        return secrets.token_bytes(COOKIE_KEY.size)


def _read(path: Path) -> bytes:
    """The secrets in a file of one or two lines. No error quotes the content."""
    if path.stat().st_mode & stat.S_IRWXO:
        msg = f"{path} is open to everyone: chmod o= {path}"
        raise ValueError(msg)
    lines = path.read_bytes().decode("ascii", "replace").split()
    if not 1 <= len(lines) <= MOST_SECRETS or not all(map(_SECRET.fullmatch, lines)):
        msg = f"{path} has not one or two lines of 32 hexadecimal digits: openssl rand -hex 16 makes one"
        raise ValueError(msg)
    return b"".join(map(bytes.fromhex, lines))
